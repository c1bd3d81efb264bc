//! Reads a frame, from header to trailer.

use std::io::{self, Read};
use std::ops::Range;

use xxhash_rust::xxh3::Xxh3;

use super::block::{BLOCK_HEADER_LEN, BlockHeader};
use super::header::HEADER_LEN;
use super::trailer::{MOST_BLOCKS, TRAILER_CHECKSUM, TRAILER_LENGTHS, trailer_len};
use super::{
    ArchiveError, Block, BlockLengths, COMPACT_MAGIC, Header, MAGIC, PRIOR_MAGIC, RECOVERY_MAGIC, Trailer, fields,
};

/// The parts of an archive, told apart by their magic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Header, blocks, trailer.
    Frame,
    /// A compact frame.
    Compact,
    /// A prior, for frames behind it.
    Prior,
    /// Recovery data, for what lies before it.
    Recovery,
}

const PARTS: [([u8; 4], Part); 4] = [
    (MAGIC, Part::Frame),
    (COMPACT_MAGIC, Part::Compact),
    (PRIOR_MAGIC, Part::Prior),
    (RECOVERY_MAGIC, Part::Recovery),
];

impl Part {
    /// Returns the part that starts with these bytes, of which the first four are its magic.
    pub(super) fn starting_with(bytes: &[u8]) -> Option<Self> {
        PARTS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|&(_, part)| part)
    }
}

/// Reads the magic of the next part; nothing if the input has ended.
///
/// With `first`, an unknown magic means that this is no archive; later it means that something
/// follows the archive.
pub fn next_part(input: &mut dyn Read, first: bool) -> Result<Option<Part>, ArchiveError> {
    let start = fields::at_most(input, MAGIC.len() as u64)?;
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

/// A frame that is being read; each method is given the input.
pub struct FrameReader {
    header: Header,
    content: Xxh3,
    trailer: Trailer,
}

impl FrameReader {
    /// Reads the header of a frame after its magic.
    pub fn after_magic(input: &mut dyn Read) -> Result<Self, ArchiveError> {
        let header = Header::read_after_magic(input)?;
        let trailer = Trailer { frame_len: HEADER_LEN.into(), ..Trailer::default() };
        Ok(FrameReader { header, content: Xxh3::new(), trailer })
    }

    /// The frame's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The trailer that follows from the blocks so far, but for its checksum.
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// Bytes read so far, the last block included.
    pub fn consumed(&self) -> u64 {
        self.trailer.frame_len
    }

    /// Skips blocks that an earlier run decoded to `raw_len` bytes, which `content` has hashed.
    pub fn resume(
        &mut self,
        input: &mut dyn Read,
        blocks: &[BlockLengths],
        raw_len: u64,
        content: Xxh3,
    ) -> Result<(), ArchiveError> {
        for &lengths in blocks {
            let len = BLOCK_HEADER_LEN + u64::from(lengths.coded);
            if io::copy(&mut input.take(len), &mut io::sink())? != len {
                return Err(ArchiveError::Truncated);
            }
            self.trailer.frame_len += len;
        }
        self.trailer.blocks = blocks.to_vec();
        self.trailer.raw_len = raw_len;
        self.content = content;
        Ok(())
    }

    /// Blocks read so far.
    pub fn blocks(&self) -> usize {
        self.trailer.blocks.len()
    }

    /// Reads the next block and checks its CRC; returns nothing once the trailer has been read and
    /// matches the blocks. After [`ArchiveError::Trailer`] the input stands behind the trailer.
    pub fn next_block(&mut self, input: &mut dyn Read) -> Result<Option<Block>, ArchiveError> {
        let start = fields::at_most(input, BLOCK_HEADER_LEN)?;
        let block = match self.block(input, &start) {
            Ok(block) => block,
            // A damaged trailer is still a trailer; an intact block is never taken for one.
            Err(_) if self.resembles_trailer(&start) => return self.check_trailer(input, start).map(|()| None),
            Err(error) => return Err(error),
        };
        if self.blocks() == MOST_BLOCKS {
            return Err(ArchiveError::corrupt("too many blocks"));
        }
        let coded = block.payload().len() as u32;
        self.trailer.blocks.push(BlockLengths { raw: block.raw_len, coded });
        self.trailer.frame_len += BLOCK_HEADER_LEN + u64::from(coded);
        Ok(Some(block))
    }

    /// Returns the encoded trailer that follows from the blocks so far.
    fn expected_trailer(&mut self) -> Vec<u8> {
        self.trailer.checksum = self.content.digest();
        let frame_len = self.trailer.frame_len;
        self.trailer.frame_len += trailer_len(self.blocks());
        let bytes = self.trailer.to_bytes();
        self.trailer.frame_len = frame_len;
        bytes
    }

    /// Reads the block that starts with these bytes.
    fn block(&mut self, input: &mut dyn Read, start: &[u8]) -> Result<Block, ArchiveError> {
        let number = self.blocks() + 1;
        let corrupt = |what| ArchiveError::corrupt(format!("block {number}: {what}"));
        let start = start.try_into().map_err(|_| ArchiveError::Truncated)?;
        let header = BlockHeader::parse(start, self.header.block_size).map_err(corrupt)?;
        let payload = fields::bytes(input, header.coded_len.into())?;
        header.with(start, payload).map_err(corrupt)
    }

    /// Returns true if these bytes start the trailer, which may be damaged: of raw length, number of
    /// blocks and checksum, two are right (in a frame without blocks, the checksum and another).
    fn resembles_trailer(&mut self, start: &[u8]) -> bool {
        let expected = self.expected_trailer();
        let same = |part: Range<usize>| start.get(part.clone()).is_some_and(|bytes| *bytes == expected[part]);
        let checksum = same(TRAILER_CHECKSUM);
        let lengths = TRAILER_LENGTHS.map(same);
        (lengths[0] && lengths[1] && (checksum || self.blocks() > 0)) || (checksum && (lengths[0] || lengths[1]))
    }

    /// Reads the rest of a trailer that starts with `trailer`, and checks it.
    fn check_trailer(&mut self, input: &mut dyn Read, mut trailer: Vec<u8>) -> Result<(), ArchiveError> {
        // Its whole content follows from the frame.
        let expected = self.expected_trailer();
        let rest = expected.len() - trailer.len();
        trailer.extend(fields::at_most(input, rest as u64)?);
        self.trailer.frame_len += trailer.len() as u64;
        match Trailer::parse(&trailer) {
            _ if trailer == expected => Ok(()),
            // The trailer is intact, so the blocks are not those that were written.
            Ok(_) => Err(ArchiveError::corrupt("the trailer does not match the blocks")),
            Err(_) => Err(ArchiveError::Trailer),
        }
    }

    /// Adds a block's raw bytes to the checksum of the content.
    pub fn accept(&mut self, raw: &[u8]) {
        self.content.update(raw);
        self.trailer.raw_len += raw.len() as u64;
    }
}
