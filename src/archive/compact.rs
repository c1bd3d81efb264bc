//! The compact frame: a short input that starts from a prior, 14 to 18 bytes and the code.
//!
//! The prior determines the model, so no field of it is written; the prior is named by half of its
//! hash. A single checksum, that of the content, covers the frame: damage anywhere changes the content.

use std::io::Read;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{ArchiveError, fields};

/// First bytes of a compact frame.
pub const COMPACT_MAGIC: [u8; 4] = *b"\x89LKC";
/// Most raw bytes of a compact frame: in longer ones a whole header hardly counts.
pub const COMPACT_LIMIT: u32 = 1 << 16;

/// A compact frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact {
    /// The low half of the prior's hash.
    pub prior: u32,
    /// Raw bytes, at most [`COMPACT_LIMIT`].
    pub raw_len: u32,
    /// The low half of the XXH3-64 of the raw bytes, seeded with the prior's whole hash.
    pub checksum: u32,
    /// The code, or the raw bytes if both are equally long.
    pub payload: Vec<u8>,
}

impl Compact {
    /// Returns a frame of raw bytes and their code, which is left out if it is no shorter.
    pub fn new(prior: u64, raw: &[u8], code: Vec<u8>) -> Self {
        let payload = if code.len() < raw.len() { code } else { raw.to_vec() };
        Compact { prior: prior as u32, raw_len: raw.len() as u32, checksum: checksum(prior, raw), payload }
    }

    /// Returns true if the payload is the raw bytes.
    pub fn is_stored(&self) -> bool {
        self.payload.len() == self.raw_len as usize
    }

    /// Returns true if the checksum is that of these raw bytes with this prior.
    pub fn matches(&self, prior: u64, raw: &[u8]) -> bool {
        checksum(prior, raw) == self.checksum
    }

    /// Returns the encoded frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = COMPACT_MAGIC.to_vec();
        bytes.extend_from_slice(&self.prior.to_le_bytes());
        put_number(&mut bytes, self.raw_len);
        put_number(&mut bytes, self.payload.len() as u32);
        bytes.extend_from_slice(&self.payload);
        bytes.extend_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The most bytes of a frame before its payload.
    pub(super) const LONGEST_START: u64 = 4 + 4 + 3 + 3;

    /// Reads the start of a frame, whatever its magic: returns the length of the frame, the low half of
    /// the prior's hash, and the lengths of the raw bytes and of the payload. `None` if these are impossible.
    pub(super) fn lengths(bytes: &[u8]) -> Option<(u64, u32, [u32; 2])> {
        let mut input = bytes.get(4..)?;
        let prior = fields::u32(&mut input).ok()?;
        let lengths = [number(&mut input).ok()?, number(&mut input).ok()?];
        let start = bytes.len() - input.len();
        let possible = lengths[0] <= COMPACT_LIMIT && lengths[1] <= lengths[0];
        possible.then_some((start as u64 + u64::from(lengths[1]) + 4, prior, lengths))
    }

    /// Reads a frame after its magic.
    pub fn read_after_magic(input: &mut dyn Read) -> Result<Self, ArchiveError> {
        let prior = fields::u32(input)?;
        let (raw_len, payload_len) = (number(input)?, number(input)?);
        if raw_len > COMPACT_LIMIT || payload_len > raw_len {
            return Err(ArchiveError::corrupt("a length in a compact frame is wrong"));
        }
        let payload = fields::bytes(input, payload_len.into())?;
        Ok(Compact { prior, raw_len, checksum: fields::u32(input)?, payload })
    }
}

fn checksum(prior: u64, raw: &[u8]) -> u32 {
    xxh3_64_with_seed(raw, prior) as u32
}

/// Appends a number, seven bits a byte, the lowest first; the highest bit says that more follow.
fn put_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn number(input: &mut dyn Read) -> Result<u32, ArchiveError> {
    let mut number = 0;
    for shift in [0, 7, 14] {
        let byte = fields::u8(input)?;
        number |= u32::from(byte & 127) << shift;
        if byte < 128 {
            return Ok(number);
        }
    }
    Err(ArchiveError::corrupt("a length in a compact frame is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Compact, ArchiveError> {
        Compact::read_after_magic(&mut &bytes[4..])
    }

    #[test]
    fn frames_come_back_and_are_short() {
        for (raw, code, frame) in [(0, 0, 14), (1, 1, 14), (100, 20, 14), (1000, 60, 15), (65536, 16384, 18)] {
            let (raw, code) = (vec![7; raw], vec![9; code]);
            let prior = 0x0123_4567_89ab_cdef;
            let compact = Compact::new(prior, &raw, code.clone());
            let bytes = compact.to_bytes();
            assert_eq!(bytes.len(), frame + code.len().min(raw.len()), "{} bytes", raw.len());
            assert_eq!(read(&bytes).unwrap(), compact);
            assert!(compact.matches(prior, &raw) && compact.prior == 0x89ab_cdef);
            assert!(!compact.matches(prior ^ 1 << 63, &raw));
            assert_eq!(compact.is_stored(), code.len() >= raw.len());
        }
    }

    #[test]
    fn cuts_and_long_lengths_are_noticed() {
        let bytes = Compact::new(1, &[1; 300], vec![5; 30]).to_bytes();
        for end in 4..bytes.len() {
            assert!(matches!(read(&bytes[..end]), Err(ArchiveError::Truncated)), "cut at {end}");
        }
        for (at, value) in [(9, 0x82), (10, 0xff)] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            assert!(matches!(read(&damaged), Err(ArchiveError::Corrupt { .. })), "{value} at {at}");
        }
    }
}
