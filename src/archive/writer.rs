//! Writes a frame.

use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::trailer::{MOST_BLOCKS, trailer_len};
use super::{Block, BlockLengths, Header, Payload, Trailer};

/// A frame that is being written; each method is given the output.
pub struct FrameWriter {
    content: Xxh3,
    trailer: Trailer,
}

impl FrameWriter {
    /// Writes the header, whose configuration must be valid.
    pub fn begin(output: &mut dyn Write, header: &Header) -> io::Result<Self> {
        let mut frame = FrameWriter::resumed(Trailer::default());
        frame.write(output, &header.to_bytes())?;
        Ok(frame)
    }

    /// Continues a frame whose header and blocks are written already: `trailer` describes them,
    /// and [`Self::account`] must be given their raw bytes.
    pub fn resumed(trailer: Trailer) -> Self {
        FrameWriter { content: Xxh3::new(), trailer }
    }

    /// Hashes the raw bytes of a block that was written earlier.
    pub fn account(&mut self, raw: &[u8]) {
        self.content.update(raw);
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.trailer.frame_len
    }

    /// The trailer of the blocks so far, but for its checksum.
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// True if the trailer can list no more blocks.
    pub fn is_full(&self) -> bool {
        self.trailer.blocks.len() == MOST_BLOCKS
    }

    fn write(&mut self, output: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
        self.trailer.frame_len += bytes.len() as u64;
        output.write_all(bytes)
    }

    /// Writes a block of a frame that is not full.
    pub fn block(&mut self, output: &mut dyn Write, raw: &[u8], payload: Payload) -> io::Result<()> {
        let block = Block { raw_len: raw.len() as u32, checksum: xxh3_64(raw), payload };
        self.write(output, &block.header())?;
        self.write(output, block.payload())?;
        self.content.update(raw);
        self.trailer.raw_len += raw.len() as u64;
        self.trailer.blocks.push(BlockLengths { raw: block.raw_len, coded: block.payload().len() as u32 });
        Ok(())
    }

    /// Writes the trailer and returns its fields.
    pub fn finish(mut self, output: &mut dyn Write) -> io::Result<Trailer> {
        self.trailer.checksum = self.content.digest();
        self.trailer.frame_len += trailer_len(self.trailer.blocks.len());
        output.write_all(&self.trailer.to_bytes())?;
        Ok(self.trailer)
    }
}
