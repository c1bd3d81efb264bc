//! AArch64 code: relative targets of calls and relative addresses of pages become absolute.
//!
//! Then all calls of a function and all uses of a page have the same bytes. Many
//! archivers use this method (BCJ).

/// Mask and value of the opcode bits of BL, a call.
const CALL: (u32, u32) = (0xfc00_0000, 0x9400_0000);
/// Mask and value of the opcode bits of ADRP, which computes the address of a 4096-byte page.
const PAGE: (u32, u32) = (0x9f00_0000, 0x9000_0000);
/// Bits of a page number that is transformed: at most 2^29 bytes away.
const PAGE_BITS: u32 = 18;

fn is(instruction: u32, (mask, bits): (u32, u32)) -> bool {
    instruction & mask == bits
}

/// Extends the low `bits` bits with their sign.
fn extended(number: u32, bits: u32) -> u32 {
    ((number << (32 - bits)) as i32 >> (32 - bits)) as u32
}

/// Returns the number of pages that an ADRP adds: 21 bits, of which the lowest two are stored apart.
fn pages(instruction: u32) -> u32 {
    extended(instruction >> 3 & 0x1f_fffc | instruction >> 29 & 3, 21)
}

/// Replaces the number in each call and in each ADRP of a near page by `number` of it and of the
/// instruction's offset in the same unit.
fn replace(bytes: &[u8], number: impl Fn(u32, u32) -> u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (instructions, _) = bytes.as_chunks_mut();
    for (i, instruction) in instructions.iter_mut().enumerate() {
        let offset = i as u32;
        let old = u32::from_le_bytes(*instruction);
        let new = if is(old, CALL) {
            old & CALL.0 | number(old, offset) & !CALL.0
        } else if is(old, PAGE) && extended(pages(old), PAGE_BITS) == pages(old) {
            let pages = extended(number(pages(old), offset >> 10), PAGE_BITS);
            old & 0x9f00_001f | (pages & 3) << 29 | (pages & 0x1f_fffc) << 3
        } else {
            old
        };
        *instruction = new.to_le_bytes();
    }
    bytes
}

/// Makes relative numbers absolute.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    replace(raw, u32::wrapping_add)
}

/// Makes absolute numbers relative.
pub fn inverse(coded: &[u8]) -> Vec<u8> {
    replace(coded, u32::wrapping_sub)
}

/// True if the bytes look like AArch64 code: calls are frequent and mostly have near targets.
pub fn likely(raw: &[u8]) -> bool {
    let (instructions, _) = raw.as_chunks();
    let calls = instructions.iter().map(|bytes| u32::from_le_bytes(*bytes)).filter(|&call| is(call, CALL));
    let is_near = |call: u32| extended(call, 26) == extended(call, 22);
    let (near, all) = calls.fold((0, 0), |(near, all), call| (near + usize::from(is_near(call)), all + 1));
    all > instructions.len() / 250 && near > all / 2
}
