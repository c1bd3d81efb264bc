//! Reads a frame from a stream, from header to trailer.

use std::io::Read;

use xxhash_rust::xxh3::Xxh3;

use super::block::BLOCK_HEADER_LEN;
use super::header::HEADER_LEN;
use super::trailer::{MOST_BLOCKS, trailer_len};
use super::{ArchiveError, Block, BlockLengths, Header, MAGIC, Trailer, fields};

/// A frame on its way in.
pub struct FrameReader<'a> {
    input: &'a mut dyn Read,
    header: Header,
    content: Xxh3,
    trailer: Trailer,
}

impl<'a> FrameReader<'a> {
    /// Reads the header of the next frame; nothing if the input has ended.
    ///
    /// `first` says whether this is the first frame: what can't be an archive
    /// at all is told apart from what follows one and does not belong there.
    pub fn open(input: &'a mut dyn Read, first: bool) -> Result<Option<Self>, ArchiveError> {
        let mut start = Vec::new();
        (&mut *input).take(MAGIC.len() as u64).read_to_end(&mut start)?;
        if start.is_empty() && !first {
            return Ok(None);
        }
        if start.is_empty() || !MAGIC.starts_with(&start) {
            return Err(if first {
                ArchiveError::NotAnArchive
            } else {
                ArchiveError::corrupt("what follows its end is not an archive")
            });
        }
        if start.len() < MAGIC.len() {
            return Err(ArchiveError::Truncated);
        }
        let header = Header::read_after_magic(input)?;
        let trailer = Trailer { frame_len: HEADER_LEN.into(), ..Trailer::default() };
        Ok(Some(FrameReader { input, header, content: Xxh3::new(), trailer }))
    }

    /// The frame's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes read so far, those of the last block included.
    pub fn consumed(&self) -> u64 {
        self.trailer.frame_len
    }

    /// Blocks read so far.
    pub fn blocks(&self) -> usize {
        self.trailer.blocks.len()
    }

    /// The next block, its CRC checked; nothing when the trailer has been
    /// read and found to say what the blocks before it said.
    pub fn next_block(&mut self) -> Result<Option<Block>, ArchiveError> {
        let number = self.blocks() + 1;
        let Some(block) = Block::read(self.input, &self.header, number)? else {
            self.check_trailer()?;
            return Ok(None);
        };
        if self.blocks() == MOST_BLOCKS {
            return Err(ArchiveError::corrupt("too many blocks"));
        }
        let coded = block.payload().len() as u32;
        self.trailer.blocks.push(BlockLengths { raw: block.raw_len, coded });
        self.trailer.frame_len += BLOCK_HEADER_LEN + u64::from(coded);
        Ok(Some(block))
    }

    /// Takes note of a block's raw bytes, for the checksum of the whole.
    pub fn accept(&mut self, raw: &[u8]) {
        self.content.update(raw);
        self.trailer.raw_len += raw.len() as u64;
    }

    fn check_trailer(&mut self) -> Result<(), ArchiveError> {
        let len = trailer_len(self.blocks());
        self.trailer.frame_len += len;
        self.trailer.checksum = self.content.digest();
        // The trailer holds nothing that its frame does not say already.
        let expected = self.trailer.to_bytes();
        if fields::bytes(self.input, len - 1)? != expected[1..] {
            return Err(ArchiveError::corrupt("the trailer does not match the blocks"));
        }
        Ok(())
    }
}
