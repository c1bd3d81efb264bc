//! Archives into their content.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::block::{BlockDecoder, Place};
use super::compact;
use super::error::CodecError;
use super::job::{Position, Resumed, resume, run};
use super::learner::Learner;
use super::monitor::Monitor;
use super::transformed;
use super::{Summary, check_memory, find_prior, most_telling};
use crate::archive::{
    ArchiveError, Block, Compact, FrameReader, Hashed, Header, PRIOR_MAGIC, Part, Payload, next_part,
};
use crate::engine::DeviceChoice;
use crate::prior::Prior;

/// How to decompress.
pub struct DecompressSettings {
    /// Where to run the model.
    pub device: DeviceChoice,
    /// Whether the CPU goes on where that device fails or computes something else.
    pub fallback: bool,
    /// What frames that name it start from.
    pub prior: Option<Arc<Prior>>,
    /// Most bytes of memory that may be used.
    pub memory: u64,
    /// Most raw bytes that may come out.
    pub size_limit: u64,
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
    let mut prior = settings.prior.clone();
    let mut resumed = match monitor.resume().map_err(CodecError::Checkpoint)? {
        Some(from) => {
            // What is skipped may start with a prior.
            while input.inner().fill_buf().map_err(CodecError::Input)?.starts_with(&PRIOR_MAGIC) {
                next_part(&mut input, true)?;
                prior = Some(Arc::new(Prior::read_after_magic(&mut input, settings.memory)?));
            }
            Some(resume(from, &mut input, &mut output)?)
        }
        None => None,
    };
    let mut engine = None;
    let mut damaged = false;
    loop {
        let input_before = input.len();
        let Some(part) = next_part(&mut input, input_before == 0)? else { break };
        let decoded = match part {
            Part::Prior => {
                prior = Some(Arc::new(Prior::read_after_magic(&mut input, settings.memory)?));
                continue;
            }
            Part::Compact => {
                let frame = Compact::read_after_magic(&mut input)?;
                check_size(&output, frame.raw_len, settings)?;
                compact::decode(frame, &mut output, prior.as_ref(), settings, monitor).await.map(Some)
            }
            Part::Frame => {
                let mut frame = FrameReader::after_magic(&mut input)?;
                let prior = find_prior(frame.header(), prior.as_ref())?;
                let resumed = resumed.take();
                decode_frame(&mut frame, &mut output, prior, settings, input_before, resumed, monitor).await
            }
        };
        match decoded {
            Ok(used) => engine = most_telling(engine, used),
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

/// Refuses a block that is too much, before any work is done.
fn check_size(output: &Output<'_>, raw_len: u32, settings: &DecompressSettings) -> Result<(), CodecError> {
    match output.len().saturating_add(raw_len.into()) > settings.size_limit {
        true => Err(CodecError::SizeLimit { limit: settings.size_limit }),
        false => Ok(()),
    }
}

/// The predictors of a frame.
async fn open(
    header: &Header,
    prior: &Option<Arc<Prior>>,
    settings: &DecompressSettings,
    monitor: &mut dyn Monitor,
) -> Result<Learner, CodecError> {
    Ok(Learner::open(&settings.device, settings.fallback, header, prior.clone(), monitor).await?)
}

/// Decodes the rest of a frame; returns what the model ran on, if it was needed.
async fn decode_frame(
    frame: &mut FrameReader<&mut Input<'_>>,
    output: &mut Output<'_>,
    prior: Option<Arc<Prior>>,
    settings: &DecompressSettings,
    input_before: u64,
    mut resumed: Option<Resumed>,
    monitor: &mut dyn Monitor,
) -> Result<Option<String>, CodecError> {
    let header = frame.header().clone();
    check_memory(&header, prior.as_deref(), settings.fallback, settings.memory)?;
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
        check_size(output, raw_len, settings)?;
        let raw = match payload {
            Payload::Coded { code, state } => {
                let (head, code) = transformed::split(&code, raw_len)?;
                let learner = match &mut learner {
                    Some(learner) => learner,
                    None => learner.insert(open(&header, &prior, settings, monitor).await?),
                };
                let done = output.len() - output_before;
                let raw_len = raw_len as usize;
                let place = Place { done, raw_len, symbols: head.symbols, raster: head.raster };
                let mut block = BlockDecoder::new(&learner.predictor, code, place);
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
                    let raw = head.transform.inverse(block.data(), raw_len);
                    if let Some(raw) = raw.ok().filter(|raw| xxh3_64(raw) == checksum && learnt.state == state) {
                        learner.accept(learnt);
                        break raw;
                    }
                    let error = learner.predictor.wrong_block(number);
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
    let engine = learner.as_ref().map(|learner| learner.predictor.description());
    if monitor.wants_model() {
        let learner = match learner {
            Some(learner) => learner,
            None => open(&header, &prior, settings, monitor).await?,
        };
        monitor.learnt(learner.predictor.into_prior(header.method, output.len() - output_before).await?);
    }
    Ok(engine)
}
