//! A block: lengths, checksums, payload.

use std::io::Read;

use super::{ArchiveError, Header, fields};

/// What a block carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Arithmetic code, shorter than the raw block, and the hash of the
    /// model's learnt state after it.
    Coded { code: Vec<u8>, state: u64 },
    /// The raw block; the model learns nothing from it.
    Stored(Vec<u8>),
}

/// A block as it lies in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Bytes of the raw block, at least 1.
    pub raw_len: u32,
    /// XXH3-64 of the raw block.
    pub checksum: u64,
    /// Its contents.
    pub payload: Payload,
}

/// First byte of a coded block.
const CODED: u8 = 1;
/// First byte of a stored block.
const STORED: u8 = 2;
/// First byte of the trailer.
pub(super) const TRAILER: u8 = 3;

/// Kind, raw length, coded length, checksum, state.
const FIELDS_LEN: usize = 1 + 4 + 4 + 8 + 8;
/// Bytes of a block before its payload.
pub(super) const BLOCK_HEADER_LEN: u64 = FIELDS_LEN as u64 + 4;

impl Block {
    /// Bytes of the payload.
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Coded { code, .. } => code,
            Payload::Stored(raw) => raw,
        }
    }

    /// The bytes before the payload.
    pub(super) fn header(&self) -> Vec<u8> {
        let (kind, state) = match self.payload {
            Payload::Coded { state, .. } => (CODED, state),
            Payload::Stored(_) => (STORED, 0),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&self.raw_len.to_le_bytes());
        bytes.extend_from_slice(&(self.payload().len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.checksum.to_le_bytes());
        bytes.extend_from_slice(&state.to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes);
        crc.update(self.payload());
        bytes.extend_from_slice(&crc.finalize().to_le_bytes());
        bytes
    }

    /// Reads block number `number` of a frame, or nothing at the first byte of the trailer.
    pub(super) fn read(input: &mut dyn Read, header: &Header, number: usize) -> Result<Option<Self>, ArchiveError> {
        let corrupt = |what: &str| ArchiveError::corrupt(format!("block {number}: {what}"));
        let kind = fields::u8(input)?;
        if kind == TRAILER {
            return Ok(None);
        }
        if kind != CODED && kind != STORED {
            return Err(corrupt("its kind is unknown"));
        }
        let rest: [u8; FIELDS_LEN - 1] = fields::array(input)?;
        let crc = fields::u32(input)?;
        let numbers: &mut &[u8] = &mut &rest[..];
        let (raw_len, coded_len) = (fields::u32(numbers)?, fields::u32(numbers)?);
        let (checksum, state) = (fields::u64(numbers)?, fields::u64(numbers)?);
        if raw_len == 0 || raw_len > header.block_size {
            return Err(corrupt("its raw length is wrong"));
        }
        if (kind == CODED && coded_len >= raw_len) || (kind == STORED && coded_len != raw_len) {
            return Err(corrupt("its coded length is wrong"));
        }
        let payload = fields::bytes(input, coded_len.into())?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&[kind]);
        hasher.update(&rest);
        hasher.update(&payload);
        if hasher.finalize() != crc {
            return Err(corrupt("its checksum is wrong"));
        }
        if kind == STORED && state != 0 {
            return Err(corrupt("a stored block has no model state"));
        }
        let payload = if kind == CODED { Payload::Coded { code: payload, state } } else { Payload::Stored(payload) };
        Ok(Some(Block { raw_len, checksum, payload }))
    }
}
