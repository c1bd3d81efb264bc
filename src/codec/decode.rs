//! Archives into their content.

use std::io::{BufReader, Read, Write};

use xxhash_rust::xxh3::xxh3_64;

use super::block::BlockDecoder;
use super::error::CodecError;
use super::job::{Position, Resumed, resume, run};
use super::learner::Learner;
use super::monitor::Monitor;
use super::transformed;
use super::{Summary, check_memory};
use crate::archive::{ArchiveError, Block, FrameReader, Hashed, Payload};
use crate::engine::DeviceChoice;

/// How to decompress.
pub struct DecompressSettings {
    /// Where to run the model.
    pub device: DeviceChoice,
    /// Whether the CPU goes on where that device fails or computes something else.
    pub fallback: bool,
    /// Most bytes of memory that may be used.
    pub memory: u64,
}

type Input<'a> = Hashed<BufReader<&'a mut dyn Read>>;
type Output<'a> = Hashed<&'a mut dyn Write>;

/// Decompresses all frames of `input`, one after the other.
///
/// Only blocks whose checksums are right are written. An error that is
/// [`ArchiveError::Trailer`] comes when all of them are.
pub async fn decompress(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &DecompressSettings,
    monitor: &mut dyn Monitor,
) -> Result<Summary, CodecError> {
    let mut input = Hashed::new(BufReader::new(input));
    let mut output = Hashed::new(output);
    let mut resumed = match monitor.resume().map_err(CodecError::Checkpoint)? {
        Some(from) => Some(resume(from, &mut input, &mut output)?),
        None => None,
    };
    let mut engine = None;
    let mut damaged = false;
    loop {
        let input_before = input.len();
        let Some(mut frame) = FrameReader::open(&mut input, input_before == 0)? else { break };
        match decode_frame(&mut frame, &mut output, settings, input_before, resumed.take(), monitor).await {
            Ok(used) => engine = used.or(engine),
            Err(CodecError::Archive(ArchiveError::Trailer)) => damaged = true,
            Err(error) => return Err(error),
        }
    }
    output.flush().map_err(CodecError::Output)?;
    monitor.progress(output.len(), input.len());
    if damaged {
        return Err(ArchiveError::Trailer.into());
    }
    Ok(Summary { raw: output.len(), coded: input.len(), engine })
}

/// Decodes the rest of a frame; returns what the model ran on, if it was needed.
async fn decode_frame(
    frame: &mut FrameReader<&mut Input<'_>>,
    output: &mut Output<'_>,
    settings: &DecompressSettings,
    input_before: u64,
    mut resumed: Option<Resumed>,
    monitor: &mut dyn Monitor,
) -> Result<Option<String>, CodecError> {
    let header = frame.header().clone();
    check_memory(&header, settings.fallback, settings.memory)?;
    let mut output_before = output.len();
    if let Some(Resumed { position, content, .. }) = &resumed {
        if header.to_bytes() != position.header {
            return Err(CodecError::InputChanged);
        }
        output_before = position.output_before;
        frame.resume(&position.trailer.blocks, output.len() - output_before, content.clone())?;
    }
    let mut learner: Option<Learner> = None;
    while let Some(Block { raw_len, checksum, payload }) = frame.next_block()? {
        let number = frame.blocks();
        let raw = match payload {
            Payload::Coded { code, state } => {
                let (transform, symbols, code) = transformed::split(&code, raw_len)?;
                let learner = match &mut learner {
                    Some(learner) => learner,
                    None => learner.insert(Learner::open(&settings.device, settings.fallback, &header, monitor).await?),
                };
                let done = output.len() - output_before;
                let raw_len = raw_len as usize;
                let mut block = BlockDecoder::new(&learner.predictor, code, symbols, raw_len, done);
                match resumed.take() {
                    Some(Resumed { position, mut state, .. }) => {
                        if frame.input().prefix() != position.input {
                            return Err(CodecError::InputChanged);
                        }
                        learner.load(&mut block, &mut state).await?;
                        learner.remember(&mut block, monitor).await?;
                    }
                    None => learner.start(&mut block, monitor).await?,
                }
                let position = || {
                    // All but the block at hand.
                    let mut trailer = frame.trailer().clone();
                    trailer.blocks.pop();
                    let (input, output) = (frame.input().prefix(), output.prefix());
                    Position { header: header.to_bytes(), input_before, output_before, input, output, trailer }
                };
                let before = (output.len(), input_before + frame.consumed());
                loop {
                    let learnt = run(&mut block, learner, &position, before, monitor).await?;
                    let raw = transform.inverse(block.data(), raw_len);
                    if let Some(raw) = raw.ok().filter(|raw| xxh3_64(raw) == checksum && learnt.state == state) {
                        learner.accept(learnt);
                        break raw;
                    }
                    let engine = learner.predictor.description();
                    let error = match learner.predictor.engine.as_ref().is_some_and(|engine| !engine.is_cpu()) {
                        true => CodecError::Diverged { block: number, engine },
                        false => CodecError::Unrepeatable { block: number, engine },
                    };
                    if !learner.fall_back(&mut block, &error.to_string(), monitor).await? {
                        return Err(error);
                    }
                }
            }
            Payload::Stored(raw) if xxh3_64(&raw) == checksum => {
                if let Some(learner) = &mut learner {
                    learner.predictor.reset_mixing();
                }
                raw
            }
            Payload::Stored(_) => {
                let what = format!("block {number}: its content is wrong");
                return Err(ArchiveError::Corrupt { what }.into());
            }
        };
        frame.accept(&raw);
        output.write_all(&raw).map_err(CodecError::Output)?;
    }
    Ok(learner.map(|learner| learner.predictor.description()))
}
