//! Inputs into archives.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use super::block::{BlockEncoder, Place};
use super::compact::{self, compact_prior};
use super::error::CodecError;
use super::job::{Position, Resumed, resume, run};
use super::learner::Learner;
use super::monitor::Monitor;
use super::transformed;
use super::{Summary, check_memory, most_telling};
use crate::archive::{BLOCK_SIZES, FrameWriter, Hashed, Header, Payload};
use crate::engine::DeviceChoice;
use crate::model::Method;
use crate::prior::Prior;
use crate::transform::Choice;

/// Length that a stream of unknown length is taken for: it sets the
/// learning-rate schedule and the number of streams.
pub const ASSUMED_LENGTH: u64 = 64 << 20;

/// How to compress.
pub struct CompressSettings<'a> {
    /// Where to run the model.
    pub device: DeviceChoice,
    /// Whether the CPU goes on where that device fails.
    pub fallback: bool,
    /// The method for a frame of so many bytes.
    pub method: &'a dyn Fn(u64) -> Method,
    /// Which transform blocks get.
    pub transform: Choice,
    /// Raw bytes of a block, 1 to 2^30.
    pub block_size: u32,
    /// Raw bytes of a frame, at least 1; all of them make one frame if nothing is said.
    pub frame_size: Option<u64>,
    /// Bytes of the input, if known beforehand.
    pub length: Option<u64>,
    /// What frames start from; it must fit their methods.
    pub prior: Option<Arc<Prior>>,
    /// Most bytes of memory that coding or decoding may need.
    pub memory: u64,
}

type Input<'a> = Hashed<BufReader<&'a mut dyn Read>>;
type Output<'a> = Hashed<&'a mut dyn Write>;

/// Compresses all of `input`.
///
/// Each frame holds `frame_size` bytes, the last one what is left; an empty
/// input makes one empty frame.
pub async fn compress(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &CompressSettings<'_>,
    monitor: &mut dyn Monitor,
) -> Result<Summary, CodecError> {
    if !BLOCK_SIZES.contains(&settings.block_size) {
        return Err(CodecError::BlockSize(settings.block_size));
    }
    let mut input = Hashed::new(BufReader::new(input));
    let mut output = Hashed::new(output);
    let mut resumed = match monitor.resume().map_err(CodecError::Checkpoint)? {
        Some(from) => Some(resume(from, &mut input, &mut output)?),
        None => None,
    };
    let mut engine = None;
    loop {
        engine = most_telling(engine, encode_frame(&mut input, &mut output, settings, resumed.take(), monitor).await?);
        if settings.frame_size.is_none() || at_end(input.inner())? {
            break;
        }
    }
    output.flush().map_err(CodecError::Output)?;
    monitor.progress(input.len(), output.len());
    Ok(Summary { raw: input.len(), coded: output.len(), engine })
}

/// Codes one frame; returns what the model ran on, if it was needed.
async fn encode_frame(
    input: &mut Input<'_>,
    output: &mut Output<'_>,
    settings: &CompressSettings<'_>,
    mut resumed: Option<Resumed>,
    monitor: &mut dyn Monitor,
) -> Result<Option<String>, CodecError> {
    let input_before = input.len();
    let output_before = resumed.as_ref().map_or(output.len(), |r| r.position.output_before);
    let frame_end = settings.frame_size.map_or(u64::MAX, |size| input_before.saturating_add(size));
    let mut raw = read_block(input, settings.block_size, frame_end)?;
    let whole = input.len() == frame_end || at_end(input.inner())?;
    let read = raw.len() as u64;
    let left = settings.length.map(|length| length.saturating_sub(input_before).min(frame_end - input_before));
    // A length that the first block exceeds was wrong.
    let claimed = left.or(settings.frame_size).filter(|&length| length > read).unwrap_or(ASSUMED_LENGTH);
    let method = (settings.method)(if whole { read } else { claimed });
    method.validate()?;
    // A block larger than the frame would only ask the decoder for memory.
    let block_size = if whole { raw.len().max(1) as u32 } else { settings.block_size };
    let prior = settings.prior.as_ref();
    let header = Header { method, block_size, prior: prior.map_or(0, |prior| prior.hash()) };
    check_memory(&header, prior.map(Arc::as_ref), settings.fallback, settings.memory)?;
    if let Some(prior) = compact_prior(prior, &header.method, read).filter(|_| whole) {
        return compact::encode(&raw, output, prior, settings, monitor).await.map(Some);
    }

    let mut done = 0;
    let mut frame = match &resumed {
        None => FrameWriter::new(output, &header).map_err(CodecError::Output)?,
        Some(Resumed { position, .. }) => {
            if header.to_bytes() != position.header {
                return Err(CodecError::OtherJob);
            }
            let mut frame = FrameWriter::resumed(output, position.trailer.clone());
            for block in &position.trailer.blocks {
                if raw.len() != block.raw as usize {
                    return Err(CodecError::InputChanged);
                }
                frame.account(&raw);
                done += raw.len() as u64;
                raw = read_block(input, block_size, frame_end)?;
            }
            if input.prefix() != position.input || raw.is_empty() {
                return Err(CodecError::InputChanged);
            }
            frame
        }
    };
    let mut learner: Option<Learner> = None;
    while !raw.is_empty() {
        let learner = match &mut learner {
            Some(learner) => learner,
            None => learner.insert(open(&header, settings, monitor).await?),
        };
        let (head, symbols) = transformed::choose(settings.transform, &raw, &header.method.model).await?;
        let place = Place { done, raw_len: raw.len(), symbols: head.symbols, raster: head.raster };
        let mut block = BlockEncoder::new(&learner.predictor, &symbols, place);
        match resumed.take() {
            Some(Resumed { mut state, .. }) => {
                learner.load(&mut block, &mut state).await?;
                learner.remember(&mut block, monitor).await?;
            }
            None => learner.start(&mut block, monitor).await?,
        }
        let position = || Position {
            header: header.to_bytes(),
            input_before,
            output_before,
            input: input.prefix(),
            output: frame.output().prefix(),
            trailer: frame.trailer().clone(),
        };
        let before = (input_before + done, output_before + frame.written());
        let learnt = run(&mut block, learner, &position, before, monitor).await?;
        let code = (!block.is_hopeless()).then(|| transformed::join(head, &block.finish()));
        let payload = match code.filter(|code| code.len() < raw.len()) {
            Some(code) => {
                let state = learnt.state;
                learner.accept(learnt);
                Payload::Coded { code, state }
            }
            None => {
                learner.forget_block(monitor).await?;
                Payload::Stored(raw.clone())
            }
        };
        frame.block(&raw, payload).map_err(CodecError::Output)?;
        done += raw.len() as u64;
        raw = read_block(input, block_size, frame_end)?;
    }
    frame.finish().map_err(CodecError::Output)?;
    let engine = learner.as_ref().map(|learner| learner.predictor.description());
    if monitor.wants_model() {
        let learner = match learner {
            Some(learner) => learner,
            None => open(&header, settings, monitor).await?,
        };
        monitor.learnt(learner.predictor.into_prior(header.method, done).await?);
    }
    Ok(engine)
}

/// The predictors of a frame.
async fn open(
    header: &Header,
    settings: &CompressSettings<'_>,
    monitor: &mut dyn Monitor,
) -> Result<Learner, CodecError> {
    let CompressSettings { device, fallback, prior, .. } = settings;
    Ok(Learner::open(device, *fallback, header, prior.clone(), monitor).await?)
}

/// The next bytes of the input, as many as a block holds before the frame's end.
fn read_block(input: &mut Input<'_>, size: u32, frame_end: u64) -> Result<Vec<u8>, CodecError> {
    let mut block = Vec::new();
    let most = u64::from(size).min(frame_end - input.len());
    input.take(most).read_to_end(&mut block).map_err(CodecError::Input)?;
    Ok(block)
}

/// Whether the input has ended.
pub fn at_end(input: &mut impl BufRead) -> Result<bool, CodecError> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result.map(<[u8]>::is_empty).map_err(CodecError::Input),
        }
    }
}
