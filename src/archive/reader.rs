//! Reads a frame from a stream, from header to trailer.

use std::io::Read;

use xxhash_rust::xxh3::Xxh3;

use super::block::BLOCK_HEADER_LEN;
use super::header::HEADER_LEN;
use super::trailer::{MOST_BLOCKS, trailer_len};
use super::{ArchiveError, Block, BlockLengths, COMPACT_MAGIC, Header, MAGIC, PRIOR_MAGIC, Trailer, fields};

/// What an archive is made of, told apart by its magic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Header, blocks, trailer.
    Frame,
    /// A compact frame.
    Compact,
    /// A prior, for frames behind it.
    Prior,
}

const PARTS: [([u8; 4], Part); 3] = [(MAGIC, Part::Frame), (COMPACT_MAGIC, Part::Compact), (PRIOR_MAGIC, Part::Prior)];

/// Reads the magic of the next part; nothing if the input has ended.
///
/// `first` says whether this is the first part: what can't be an archive
/// at all is told apart from what follows one and does not belong there.
pub fn next_part(input: &mut dyn Read, first: bool) -> Result<Option<Part>, ArchiveError> {
    let mut start = Vec::new();
    input.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start.is_empty() && !first {
        return Ok(None);
    }
    match PARTS.iter().find(|(magic, _)| !start.is_empty() && magic.starts_with(&start)) {
        Some(_) if start.len() < MAGIC.len() => Err(ArchiveError::Truncated),
        Some(&(_, part)) => Ok(Some(part)),
        None if first => Err(ArchiveError::NotAnArchive),
        None => Err(ArchiveError::corrupt("what follows its end is not an archive")),
    }
}

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
        match next_part(input, first)? {
            None => Ok(None),
            Some(Part::Frame) => FrameReader::after_magic(input).map(Some),
            Some(_) => Err(ArchiveError::NotAnArchive),
        }
    }

    /// Reads the header of a frame whose magic has been read already.
    pub fn after_magic(input: &'a mut dyn Read) -> Result<Self, ArchiveError> {
        let header = Header::read_after_magic(input)?;
        let trailer = Trailer { frame_len: HEADER_LEN.into(), ..Trailer::default() };
        Ok(FrameReader { input, header, content: Xxh3::new(), trailer })
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
