//! Writes a frame.

use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::trailer::{MOST_BLOCKS, trailer_len};
use super::{Block, BlockLengths, Header, Payload, Trailer};

/// A frame on its way out.
pub struct FrameWriter<W> {
    output: W,
    content: Xxh3,
    trailer: Trailer,
}

impl<W: Write> FrameWriter<W> {
    /// Writes the header, whose configuration must be valid.
    pub fn new(output: W, header: &Header) -> io::Result<Self> {
        let mut frame = FrameWriter::resumed(output, Trailer::default());
        frame.write(&header.to_bytes())?;
        Ok(frame)
    }

    /// Goes on with a frame whose header and blocks are written already: `trailer`
    /// tells of them, and [`Self::account`] is to be given their raw bytes.
    pub fn resumed(output: W, trailer: Trailer) -> Self {
        FrameWriter { output, content: Xxh3::new(), trailer }
    }

    /// Hashes the raw bytes of a block that was written earlier.
    pub fn account(&mut self, raw: &[u8]) {
        self.content.update(raw);
    }

    /// Where the frame is written to.
    pub fn output(&self) -> &W {
        &self.output
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.trailer.frame_len
    }

    /// What the trailer would say of the blocks so far, but for the checksum.
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.trailer.frame_len += bytes.len() as u64;
        self.output.write_all(bytes)
    }

    /// Writes a block: coded, with the model's state after it, or as it is.
    pub fn block(&mut self, raw: &[u8], payload: Payload) -> io::Result<()> {
        if self.trailer.blocks.len() == MOST_BLOCKS {
            return Err(io::Error::other("too many blocks for one frame: use larger ones (--block-size)"));
        }
        let block = Block { raw_len: raw.len() as u32, checksum: xxh3_64(raw), payload };
        self.write(&block.header())?;
        self.write(block.payload())?;
        self.content.update(raw);
        self.trailer.raw_len += raw.len() as u64;
        self.trailer.blocks.push(BlockLengths { raw: block.raw_len, coded: block.payload().len() as u32 });
        Ok(())
    }

    /// Writes the trailer; returns what it says.
    pub fn finish(mut self) -> io::Result<Trailer> {
        self.trailer.checksum = self.content.digest();
        self.trailer.frame_len += trailer_len(self.trailer.blocks.len());
        self.output.write_all(&self.trailer.to_bytes())?;
        Ok(self.trailer)
    }
}
