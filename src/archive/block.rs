//! A block: lengths, checksums, payload.

use std::slice;

use super::Header;

/// The content of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Arithmetic code, shorter than the raw block.
    Coded {
        /// The code.
        code: Vec<u8>,
        /// The hash of the model's learned state after the block.
        state: u64,
    },
    /// The raw block, which the model could not make shorter; the network forgets it, and the mixing
    /// stage starts anew.
    Stored(Vec<u8>),
    /// The byte that the raw block repeats; the model passes over it.
    Run(u8),
    /// The raw block; the model passes over it and keeps what it has learned.
    Verbatim(Vec<u8>),
}

/// A block of an archive.
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
/// First byte of a run.
const RUN: u8 = 4;
/// First byte of a verbatim block.
const VERBATIM: u8 = 5;

/// Kind, raw length, coded length, checksum, state.
const FIELDS_LEN: usize = 1 + 4 + 4 + 8 + 8;
/// Bytes of a block before its payload.
pub(super) const BLOCK_HEADER_LEN: u64 = FIELDS_LEN as u64 + 4;
/// The encoded header of a block.
pub(super) type HeaderBytes = [u8; BLOCK_HEADER_LEN as usize];

impl Block {
    /// Bytes of the payload.
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Coded { code, .. } => code,
            Payload::Stored(raw) | Payload::Verbatim(raw) => raw,
            Payload::Run(byte) => slice::from_ref(byte),
        }
    }

    /// Returns the encoded header, which precedes the payload.
    pub(super) fn header(&self) -> Vec<u8> {
        let (kind, state) = match self.payload {
            Payload::Coded { state, .. } => (CODED, state),
            Payload::Stored(_) => (STORED, 0),
            Payload::Run(_) => (RUN, 0),
            Payload::Verbatim(_) => (VERBATIM, 0),
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
}

/// The fields of a block's header.
pub(super) struct BlockHeader {
    kind: u8,
    /// Bytes of the raw block.
    pub raw_len: u32,
    /// Bytes of the payload.
    pub coded_len: u32,
    checksum: u64,
    state: u64,
    crc: u32,
}

impl BlockHeader {
    /// Parses a header; the error says what is wrong with it.
    pub fn parse(bytes: &HeaderBytes, header: &Header) -> Result<Self, &'static str> {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let (kind, raw_len, coded_len) = (bytes[0], u32_at(1), u32_at(5));
        let coded_len_fits = match kind {
            CODED => coded_len < raw_len,
            STORED | VERBATIM => coded_len == raw_len,
            RUN => coded_len == 1,
            _ => return Err("its kind is unknown"),
        };
        if raw_len == 0 || raw_len > header.block_size {
            return Err("its raw length is wrong");
        }
        if !coded_len_fits {
            return Err("its coded length is wrong");
        }
        Ok(BlockHeader { kind, raw_len, coded_len, checksum: u64_at(9), state: u64_at(17), crc: u32_at(25) })
    }

    /// Returns the block with its payload; `bytes` is the encoded header.
    pub fn with(self, bytes: &HeaderBytes, payload: Vec<u8>) -> Result<Block, &'static str> {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes[..FIELDS_LEN]);
        hasher.update(&payload);
        if hasher.finalize() != self.crc {
            return Err("its checksum is wrong");
        }
        if self.kind != CODED && self.state != 0 {
            return Err("only a coded block has a model state");
        }
        let payload = match (self.kind, &payload[..]) {
            (CODED, _) => Payload::Coded { code: payload, state: self.state },
            (RUN, &[byte]) => Payload::Run(byte),
            (VERBATIM, _) => Payload::Verbatim(payload),
            _ => Payload::Stored(payload),
        };
        Ok(Block { raw_len: self.raw_len, checksum: self.checksum, payload })
    }
}
