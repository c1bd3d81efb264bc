//! A run from its start or from a checkpoint: where it stands, and a block's way through it.

use std::io::{self, Read, Write};
use std::slice;

use xxhash_rust::xxh3::Xxh3;

use super::block::Coding;
use super::error::CodecError;
use super::learner::{Learner, Learnt};
use super::monitor::{Monitor, Next, Resume};
use crate::archive::{BlockLengths, Hashed, Header, Prefix, Trailer};
use crate::state::{StateReader, StateWriter, Visitor};

/// Where a run stands in the middle of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The frame's header.
    pub header: Vec<u8>,
    /// Bytes of the input before the frame.
    pub input_before: u64,
    /// Bytes of the output before the frame.
    pub output_before: u64,
    /// What was read so far, the current block included.
    pub input: Prefix,
    /// What was written so far.
    pub output: Prefix,
    /// What is known so far of the frame's trailer; not its checksum.
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
    pub fn write(&mut self, output: &mut dyn Write) -> io::Result<()> {
        let mut writer = StateWriter::new(output);
        self.visit(u64::MAX, &mut writer);
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

/// A run that is taken up again.
pub struct Resumed {
    /// Where it stood.
    pub position: Position,
    /// Hash of what the current frame has written.
    pub content: Xxh3,
    /// The rest of the state: the learner's and the block's.
    pub state: Box<dyn Read>,
}

/// Takes a run up again: reads up to the current frame of the input, and hashes
/// what is written already.
pub fn resume<R: Read, W>(from: Resume, input: &mut Hashed<R>, output: &mut Hashed<W>) -> Result<Resumed, CodecError> {
    let Resume { mut state, len, mut written } = from;
    let position = Position::read(&mut state, len).map_err(CodecError::Checkpoint)?;
    let skipped = io::copy(&mut input.take(position.input_before), &mut io::sink()).map_err(CodecError::Input)?;
    if skipped != position.input_before {
        return Err(CodecError::InputChanged);
    }
    let mut content = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    while output.len() < position.output.len {
        // Up to where the frame begins, then on.
        let edge = if output.len() < position.output_before { position.output_before } else { position.output.len };
        let most = (edge.min(position.output.len) - output.len()).min(buffer.len() as u64) as usize;
        let len = written.read(&mut buffer[..most]).map_err(CodecError::Checkpoint)?;
        if len == 0 {
            return Err(CodecError::PartChanged);
        }
        if output.len() >= position.output_before {
            content.update(&buffer[..len]);
        }
        output.account(&buffer[..len]);
    }
    if output.prefix() != position.output || position.output_before > position.output.len {
        return Err(CodecError::PartChanged);
    }
    Ok(Resumed { position, content, state })
}

/// Takes a block that was started or resumed to its end, saving where the monitor
/// wants it; `before` are raw and coded bytes before the block. Returns what was
/// learnt, which is not yet accepted.
pub async fn run<B: Coding>(
    block: &mut B,
    learner: &mut Learner,
    position: &dyn Fn() -> Position,
    before: (u64, u64),
    monitor: &mut dyn Monitor,
) -> Result<Learnt, CodecError> {
    loop {
        match attempt(block, learner, position, before, monitor).await {
            Err(CodecError::Engine(error)) => {
                if !learner.fall_back(block, &error.to_string(), monitor).await? {
                    return Err(error.into());
                }
            }
            result => return result,
        }
    }
}

async fn attempt<B: Coding>(
    block: &mut B,
    learner: &mut Learner,
    position: &dyn Fn() -> Position,
    (raw_before, coded_before): (u64, u64),
    monitor: &mut dyn Monitor,
) -> Result<Learnt, CodecError> {
    while !block.is_done() {
        match monitor.next() {
            Next::GoOn => {}
            next => {
                let mut position = position();
                let state = monitor.state().map_err(CodecError::Checkpoint)?;
                position.write(state).map_err(CodecError::Checkpoint)?;
                learner.save(block, state).await?;
                monitor.saved(position.output).map_err(CodecError::Checkpoint)?;
                if next == Next::Stop {
                    return Err(CodecError::Interrupted);
                }
            }
        }
        block.segment(&mut learner.predictor).await?;
        let (raw, coded) = block.progress();
        monitor.progress(raw_before + raw, coded_before + coded);
    }
    Ok(learner.learn().await?)
}
