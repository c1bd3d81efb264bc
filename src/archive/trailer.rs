//! The trailer: totals, checksum of the whole content, block index.

use std::io::Read;
use std::ops::Range;

use super::block::TRAILER;
use super::{ArchiveError, END_MAGIC, fields};
use crate::crc32;

/// The raw and the coded length of a block, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLengths {
    /// Bytes of the raw block.
    pub raw: u32,
    /// Bytes of the payload; equal to `raw` if it is the raw bytes.
    pub coded: u32,
}

/// The trailer of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// Raw bytes of the frame.
    pub raw_len: u64,
    /// XXH3-64 of the raw bytes.
    pub checksum: u64,
    /// The lengths of all blocks, in order.
    pub blocks: Vec<BlockLengths>,
    /// Bytes of the whole frame, header and trailer included.
    pub frame_len: u64,
}

/// Bytes of frame length, trailer length, CRC and end magic.
pub(super) const TAIL_LEN: u64 = 8 + 4 + 4 + 4;
/// Bytes of a trailer without its index.
const BASE_LEN: u64 = 1 + 8 + 4 + 8 + TAIL_LEN;
/// The positions of raw length and number of blocks in a trailer.
pub(super) const TRAILER_LENGTHS: [Range<usize>; 2] = [1..9, 9..13];
/// The position of the content's checksum in a trailer.
pub(super) const TRAILER_CHECKSUM: Range<usize> = 13..21;
/// The most blocks of a frame: the trailer's length has 32 bits.
pub(super) const MOST_BLOCKS: usize = (u32::MAX as usize - BASE_LEN as usize) / 8;

/// Returns the bytes of the trailer of a frame of `blocks` blocks.
pub(super) fn trailer_len(blocks: usize) -> u64 {
    BASE_LEN + 8 * blocks as u64
}

impl Trailer {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let len = trailer_len(self.blocks.len());
        let mut bytes = Vec::with_capacity(len as usize);
        bytes.push(TRAILER);
        bytes.extend_from_slice(&self.raw_len.to_le_bytes());
        bytes.extend_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.checksum.to_le_bytes());
        for block in &self.blocks {
            bytes.extend_from_slice(&block.raw.to_le_bytes());
            bytes.extend_from_slice(&block.coded.to_le_bytes());
        }
        bytes.extend_from_slice(&self.frame_len.to_le_bytes());
        bytes.extend_from_slice(&(len as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32::hash(&bytes).to_le_bytes());
        bytes.extend_from_slice(&END_MAGIC);
        bytes
    }

    /// Parses a whole trailer.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let (mut input, mut blocks) = (bytes, Vec::new());
        let input: &mut dyn Read = &mut input;
        let kind = fields::u8(input)?;
        let raw_len = fields::u64(input)?;
        let count = fields::u32(input)?;
        let checksum = fields::u64(input)?;
        if kind != TRAILER || trailer_len(count as usize) != bytes.len() as u64 {
            return Err(ArchiveError::corrupt("the trailer is damaged"));
        }
        for _ in 0..count {
            blocks.push(BlockLengths { raw: fields::u32(input)?, coded: fields::u32(input)? });
        }
        let trailer = Trailer { raw_len, checksum, blocks, frame_len: fields::u64(input)? };
        // The remaining fields, length, checksum and end magic, follow from the others.
        if trailer.to_bytes() != bytes {
            return Err(ArchiveError::corrupt("the trailer's checksum is wrong"));
        }
        Ok(trailer)
    }
}
