//! Checkpoints: the position of a run, and how a run continues from one.

use std::io::{self, Read, Write};
use std::slice;

use xxhash_rust::xxh3::Xxh3;

use super::monitor::Resume;
use crate::Error;
use crate::archive::{BlockLengths, Hashed, Header, Prefix, Trailer};
use crate::state::{StateReader, StateWriter, Visitor};

/// The position of a run in the middle of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The frame's header.
    pub header: Vec<u8>,
    /// Bytes of the input before the frame.
    pub input_before: u64,
    /// Bytes of the output before the frame.
    pub output_before: u64,
    /// The input read so far, the current block included.
    pub input: Prefix,
    /// The output written so far.
    pub output: Prefix,
    /// The frame's trailer as far as it is known, without its checksum.
    pub trailer: Trailer,
}

impl Position {
    fn visit(&mut self, most_blocks: u64, visitor: &mut dyn Visitor) {
        self.header.resize(Header::LEN, 0);
        visitor.u8s(&mut self.header);
        let Position { input_before, output_before, input, output, trailer, .. } = self;
        let Trailer { raw_len, frame_len, blocks, .. } = trailer;
        let mut count = blocks.len() as u64;
        let words = [
            input_before,
            output_before,
            &mut input.len,
            &mut input.hash,
            &mut output.len,
            &mut output.hash,
            raw_len,
            frame_len,
            &mut count,
        ];
        words.into_iter().for_each(|word| visitor.u64s(slice::from_mut(word)));
        blocks.resize(count.min(most_blocks) as usize, BlockLengths { raw: 0, coded: 0 });
        for block in blocks {
            visitor.u32s(slice::from_mut(&mut block.raw));
            visitor.u32s(slice::from_mut(&mut block.coded));
        }
    }

    /// Writes the position.
    pub fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        let mut writer = StateWriter::new(output);
        self.clone().visit(u64::MAX, &mut writer);
        writer.finish().map(|_| ())
    }

    /// Reads the position from the head of a state of `len` bytes.
    pub fn read(state: &mut dyn Read, len: u64) -> io::Result<Self> {
        let mut position = Position::default();
        let mut reader = StateReader::new(state);
        position.visit(len / 8, &mut reader);
        reader.finish().map(|_| position)
    }
}

/// A run that continues from a checkpoint.
pub struct Resumed {
    /// Its position.
    pub position: Position,
    /// Hash of what the current frame has written.
    pub content: Xxh3,
    /// The rest of the state: that of the model and of the block.
    pub state: Box<dyn Read + Send>,
}

/// Opens a checkpoint: skips the input up to the current frame, and hashes the output so far.
pub fn resume<R: Read, W>(from: Resume, input: &mut Hashed<R>, output: &mut Hashed<W>) -> Result<Resumed, Error> {
    let Resume { mut state, len, mut written } = from;
    let position = Position::read(&mut state, len).map_err(Error::Checkpoint)?;
    let skipped = position.input_before.saturating_sub(input.len());
    io::copy(&mut input.take(skipped), &mut io::sink()).map_err(Error::Input)?;
    if input.len() != position.input_before {
        return Err(Error::InputChanged);
    }
    let mut content = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    while output.len() < position.output.len {
        // First up to the frame's start, then on, so that no read crosses it.
        let edge = if output.len() < position.output_before { position.output_before } else { position.output.len };
        let most = (edge.min(position.output.len) - output.len()).min(buffer.len() as u64) as usize;
        let len = written.read(&mut buffer[..most]).map_err(Error::Checkpoint)?;
        if len == 0 {
            return Err(Error::PartChanged);
        }
        if output.len() >= position.output_before {
            content.update(&buffer[..len]);
        }
        output.account(&buffer[..len]);
    }
    if output.prefix() != position.output || position.output_before > position.output.len {
        return Err(Error::PartChanged);
    }
    Ok(Resumed { position, content, state })
}
