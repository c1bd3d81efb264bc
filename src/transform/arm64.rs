//! AArch64 code: relative targets of calls and relative addresses of pages become absolute ones.
//!
//! Calls of one function, and uses of one page, from many places then have the same
//! bytes. The method is that of many archivers (BCJ).

/// Bits of an instruction of four bytes that say that it is BL, a call.
const CALL: (u32, u32) = (0xfc00_0000, 0x9400_0000);
/// The same for ADRP, which makes an address of a page of 4096 bytes.
const PAGE: (u32, u32) = (0x9f00_0000, 0x9000_0000);
/// Bits of a page that is transformed: it lies within 2^29 bytes either way.
const PAGE_BITS: u32 = 18;

fn is(instruction: u32, (mask, bits): (u32, u32)) -> bool {
    instruction & mask == bits
}

/// The low bits, the highest of them repeated above.
fn extended(number: u32, bits: u32) -> u32 {
    ((number << (32 - bits)) as i32 >> (32 - bits)) as u32
}

/// The number of pages that an ADRP adds: 21 bits, the lowest two apart.
fn pages(instruction: u32) -> u32 {
    extended(instruction >> 3 & 0x1f_fffc | instruction >> 29 & 3, 21)
}

/// Replaces the number in each call and near page by `number` of it and of the place in the same unit.
fn replace(bytes: &[u8], number: impl Fn(u32, u32) -> u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (instructions, _) = bytes.as_chunks_mut();
    for (i, instruction) in instructions.iter_mut().enumerate() {
        let place = i as u32;
        let old = u32::from_le_bytes(*instruction);
        let new = if is(old, CALL) {
            old & CALL.0 | number(old, place) & !CALL.0
        } else if is(old, PAGE) && extended(pages(old), PAGE_BITS) == pages(old) {
            let pages = extended(number(pages(old), place >> 10), PAGE_BITS);
            old & 0x9f00_001f | (pages & 3) << 29 | (pages & 0x1f_fffc) << 3
        } else {
            old
        };
        *instruction = new.to_le_bytes();
    }
    bytes
}

/// Relative becomes absolute.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    replace(raw, u32::wrapping_add)
}

/// Absolute becomes relative.
pub fn inverse(coded: &[u8]) -> Vec<u8> {
    replace(coded, u32::wrapping_sub)
}

/// Whether bytes look like AArch64 code: calls are frequent, and their targets near.
pub fn likely(raw: &[u8]) -> bool {
    let (instructions, _) = raw.as_chunks();
    let calls = instructions.iter().map(|bytes| u32::from_le_bytes(*bytes)).filter(|&call| is(call, CALL));
    let is_near = |call: u32| extended(call, 26) == extended(call, 22);
    let (near, all) = calls.fold((0, 0), |(near, all), call| (near + usize::from(is_near(call)), all + 1));
    all > instructions.len() / 250 && near > all / 2
}
