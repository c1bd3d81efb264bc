//! Calls and jumps of x86 code: relative targets become absolute.
//!
//! Then all calls of a function have the same bytes. Many archivers use this method
//! (BCJ, E8E9).

/// Opcode of a call with a relative 32-bit target.
const CALL: u8 = 0xe8;
/// Opcode of a jump with a relative 32-bit target.
const JUMP: u8 = 0xe9;
/// Bits of a target that is transformed: at most 2^24 bytes away.
const BITS: u32 = 25;

/// Replaces each near target by `target` of it and the offset of the next instruction.
fn replace(bytes: &[u8], target: impl Fn(u32, u32) -> u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut i = 0;
    while i + 5 <= bytes.len() {
        let old = u32::from_le_bytes([bytes[i + 1], bytes[i + 2], bytes[i + 3], bytes[i + 4]]);
        if !matches!(bytes[i], CALL | JUMP) {
            i += 1;
            continue;
        }
        if extended(old) == old {
            let new = extended(target(old, i as u32 + 5));
            bytes[i + 1..i + 5].copy_from_slice(&new.to_le_bytes());
        }
        // Skip the target even if it is unchanged, so that the inverse finds the same opcodes.
        i += 5;
    }
    bytes
}

/// Extends the low 25 bits with their sign.
fn extended(target: u32) -> u32 {
    ((target << (32 - BITS)) as i32 >> (32 - BITS)) as u32
}

/// Makes relative targets absolute.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    replace(raw, u32::wrapping_add)
}

/// Makes absolute targets relative.
pub fn inverse(coded: &[u8]) -> Vec<u8> {
    replace(coded, u32::wrapping_sub)
}

/// True if the bytes look like x86 code: calls are frequent and mostly have near targets.
pub fn likely(raw: &[u8]) -> bool {
    let calls = raw.windows(5).filter(|w| w[0] == CALL);
    let (near, all) = calls.fold((0, 0), |(near, all), w| (near + usize::from(w[4] == 0 || w[4] == 0xff), all + 1));
    all > raw.len() / 1000 && near > all / 2
}
