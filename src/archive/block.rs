//! A block: lengths, checksums, payload.

use std::io::Read;
use std::slice;

use xxhash_rust::xxh3::xxh3_64;

use super::{ArchiveError, BLOCK_SIZES, fields};
use crate::crc32;

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
pub const BLOCK_HEADER_LEN: u64 = FIELDS_LEN as u64 + 4;
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

    /// Reads a block of at most `block_size` raw bytes; `None` if it is damaged.
    pub fn read(input: &mut dyn Read, block_size: u32) -> Result<Option<Self>, ArchiveError> {
        let bytes = fields::array(input)?;
        let Ok(header) = BlockHeader::parse(&bytes, block_size) else { return Ok(None) };
        let payload = fields::bytes(input, header.coded_len.into())?;
        Ok(header.with(&bytes, payload).ok())
    }

    /// Returns the raw bytes of a block that holds them itself, so that they need no model, if their
    /// checksum is right.
    pub fn without_model(self) -> Option<Vec<u8>> {
        let raw = match self.payload {
            Payload::Coded { .. } => return None,
            Payload::Stored(raw) | Payload::Verbatim(raw) => raw,
            Payload::Run(byte) => vec![byte; self.raw_len as usize],
        };
        (xxh3_64(&raw) == self.checksum).then_some(raw)
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
        let mut crc = crc32::Hasher::new();
        crc.update(&bytes);
        crc.update(self.payload());
        bytes.extend_from_slice(&crc.finalize().to_le_bytes());
        bytes
    }
}

/// Bytes of a coded block's payload that hold all before its code.
const HEAD_LEN: u64 = 16;

/// What a block says of itself before it is decoded.
pub struct BlockHead {
    /// The kind of the block in words.
    pub kind: &'static str,
    /// The first bytes of a coded block's payload.
    pub payload: Option<Vec<u8>>,
}

impl BlockHead {
    /// Reads the head of a block, unchecked; `None` if its header is damaged.
    pub fn read(input: &mut dyn Read, block_size: Option<u32>) -> Result<Option<Self>, ArchiveError> {
        let bytes = fields::array(input)?;
        Ok(match BlockHeader::parse(&bytes, block_size.unwrap_or(*BLOCK_SIZES.end())) {
            Ok(BlockHeader { kind: CODED, coded_len, .. }) => {
                let payload = fields::at_most(input, HEAD_LEN.min(coded_len.into()))?;
                Some(BlockHead { kind: "coded", payload: Some(payload) })
            }
            Ok(BlockHeader { kind: RUN, .. }) => Some(BlockHead { kind: "run", payload: None }),
            Ok(BlockHeader { kind: VERBATIM, .. }) => Some(BlockHead { kind: "verbatim", payload: None }),
            Ok(_) => Some(BlockHead { kind: "stored", payload: None }),
            Err(_) => None,
        })
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
    /// Parses the header of a block of at most `block_size` raw bytes; the error says what is wrong with it.
    pub fn parse(bytes: &HeaderBytes, block_size: u32) -> Result<Self, &'static str> {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let (kind, raw_len, coded_len) = (bytes[0], u32_at(1), u32_at(5));
        let coded_len_fits = match kind {
            CODED => coded_len < raw_len,
            STORED | VERBATIM => coded_len == raw_len,
            RUN => coded_len == 1,
            _ => return Err("its kind is unknown"),
        };
        if raw_len == 0 || raw_len > block_size {
            return Err("its raw length is wrong");
        }
        if !coded_len_fits {
            return Err("its coded length is wrong");
        }
        Ok(BlockHeader { kind, raw_len, coded_len, checksum: u64_at(9), state: u64_at(17), crc: u32_at(25) })
    }

    /// Returns the block with its payload; `bytes` is the encoded header.
    pub fn with(self, bytes: &HeaderBytes, payload: Vec<u8>) -> Result<Block, &'static str> {
        let mut hasher = crc32::Hasher::new();
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
