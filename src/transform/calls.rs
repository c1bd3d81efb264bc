//! Calls and jumps of x86 code: relative targets become absolute ones.
//!
//! Calls of one function from many places then have the same bytes. The method is
//! that of many archivers (BCJ, E8E9).

/// Opcodes of a call and a jump with a relative 32-bit target.
const CALL: u8 = 0xe8;
const JUMP: u8 = 0xe9;
/// Bits of a target that is transformed: it lies within 2^24 bytes either way.
const BITS: u32 = 25;

/// Replaces each near target by `target` of it and of the place behind it.
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
        // A target that is left alone stays whole: the inverse must see that it was.
        i += 5;
    }
    bytes
}

/// The low 25 bits, the highest of them repeated above.
fn extended(target: u32) -> u32 {
    ((target << (32 - BITS)) as i32 >> (32 - BITS)) as u32
}

/// Relative targets become absolute.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    replace(raw, u32::wrapping_add)
}

/// Absolute targets become relative.
pub fn inverse(coded: &[u8]) -> Vec<u8> {
    replace(coded, u32::wrapping_sub)
}

/// Whether bytes look like x86 code: calls are frequent, and their targets near.
pub fn likely(raw: &[u8]) -> bool {
    let calls = raw.windows(5).filter(|w| w[0] == CALL);
    let (near, all) = calls.fold((0, 0), |(near, all), w| (near + usize::from(w[4] == 0 || w[4] == 0xff), all + 1));
    all > raw.len() / 1000 && near > all / 2
}
