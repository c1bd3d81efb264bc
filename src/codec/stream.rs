//! Whole inputs, block by block, into archives and back.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::block::{Progress, decode_block, encode_block};
use super::compact::{self, compact_prior};
use super::error::CodecError;
use super::predictor::Predictor;
use crate::archive::{
    ArchiveError, BLOCK_SIZES, Compact, FrameReader, FrameWriter, Header, PRIOR_MAGIC, Part, Payload, Trailer,
    next_part,
};
use crate::engine::{DeviceChoice, EngineError};
use crate::model::{Method, Parameters};
use crate::prior::Prior;

/// Length that a stream of unknown length is taken for: it sets the
/// learning-rate schedule and the number of streams.
pub const ASSUMED_LENGTH: u64 = 64 << 20;

/// How to compress.
pub struct CompressSettings<'a> {
    /// Where to run the model.
    pub device: DeviceChoice,
    /// The method for an input of so many bytes.
    pub method: &'a dyn Fn(u64) -> Method,
    /// Raw bytes of a block, 1 to 2^30.
    pub block_size: u32,
    /// Bytes of the input, if known beforehand.
    pub length: Option<u64>,
    /// Most bytes of memory that decoding may need.
    pub memory: u64,
    /// What to start from; it must fit the method.
    pub prior: Option<Arc<Prior>>,
    /// Whether the archive is to hold the prior.
    pub embed_prior: bool,
    /// Whether to give back what was learnt in the end.
    pub keep_model: bool,
}

/// How to decompress.
pub struct DecompressSettings {
    /// Where to run the model.
    pub device: DeviceChoice,
    /// Most bytes of memory that may be used.
    pub memory: u64,
    /// What frames that name it start from.
    pub prior: Option<Arc<Prior>>,
    /// Whether to give back what was learnt in the end.
    pub keep_model: bool,
}

/// What was done.
#[derive(Clone, Default)]
pub struct Summary {
    /// Raw bytes.
    pub raw: u64,
    /// Bytes of the archive.
    pub coded: u64,
    /// What the model ran on; nothing if it was not needed.
    pub engine: Option<String>,
    /// What was learnt by the end of the last frame, if that was asked for.
    pub model: Option<Prior>,
}

/// Compresses all of `input` into one frame.
///
/// `progress` is told raw and coded bytes so far.
pub async fn compress(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &CompressSettings<'_>,
    progress: &mut Progress<'_>,
) -> Result<Summary, CodecError> {
    if !BLOCK_SIZES.contains(&settings.block_size) {
        return Err(CodecError::BlockSize(settings.block_size));
    }
    let mut input = BufReader::new(input);
    let mut raw = read_block(&mut input, settings.block_size)?;
    let whole = at_end(&mut input)?;
    let read = raw.len() as u64;
    // A length that the first block exceeds was wrong.
    let claimed = settings.length.filter(|&length| length > read).unwrap_or(ASSUMED_LENGTH);
    let length = if whole { read } else { claimed };
    let method = (settings.method)(length);
    method.validate()?;
    // A block larger than the input would only ask the decoder for memory.
    let block_size = if whole { raw.len().max(1) as u32 } else { settings.block_size };
    let header = Header { method, block_size, prior: settings.prior.as_ref().map_or(0, |prior| prior.hash()) };
    check_memory(&header, settings.prior.as_deref(), settings.memory)?;

    let embedded = match &settings.prior {
        Some(prior) if settings.embed_prior => Prior::clone(prior).write(output).map_err(CodecError::Output)?,
        _ => 0,
    };
    if let Some(prior) = compact_prior(settings.prior.as_ref(), &header.method, length).filter(|_| whole) {
        let (frame, mut predictor) = compact::encode(&settings.device, prior, &raw, progress).await?;
        let bytes = frame.to_bytes();
        output.write_all(&bytes).and_then(|()| output.flush()).map_err(CodecError::Output)?;
        let engine = Some(predictor.description());
        if frame.is_stored() {
            predictor.forget_block(prior.network()).await?;
        }
        let model = match settings.keep_model {
            true => Some(predictor.into_prior(header.method, length).await?),
            false => None,
        };
        return Ok(Summary { raw: length, coded: embedded + bytes.len() as u64, engine, model });
    }
    let mut frame = FrameWriter::new(output, &header).map_err(CodecError::Output)?;
    let mut model = None;
    let mut done = 0;
    while !raw.is_empty() {
        let model = match &mut model {
            Some(model) => model,
            None => model.insert(Learner::open(&settings.device, &header, settings.prior.clone()).await?),
        };
        let written = embedded + frame.written();
        let mut progress = |block_done, coded| progress(done + block_done, written + coded);
        let payload = model.encode(&raw, done, &mut progress).await?;
        frame.block(&raw, payload).map_err(CodecError::Output)?;
        done += raw.len() as u64;
        raw = read_block(&mut input, block_size)?;
    }
    let Trailer { raw_len, frame_len, .. } = frame.finish().map_err(CodecError::Output)?;
    output.flush().map_err(CodecError::Output)?;
    progress(raw_len, embedded + frame_len);
    let engine = model.as_ref().map(|m| m.predictor.description());
    let model = match (model, settings.keep_model) {
        (_, false) => None,
        (Some(mut model), true) => Some(model.predictor.into_prior(header.method, raw_len).await?),
        (None, true) => {
            let mut model = Learner::open(&settings.device, &header, settings.prior.clone()).await?;
            Some(model.predictor.into_prior(header.method, raw_len).await?)
        }
    };
    Ok(Summary { raw: raw_len, coded: embedded + frame_len, engine, model })
}

/// The encoder's predictors, and what the network goes back to after a stored block.
struct Learner {
    predictor: Predictor,
    learnt: Option<Parameters>,
}

impl Learner {
    async fn open(device: &DeviceChoice, header: &Header, prior: Option<Arc<Prior>>) -> Result<Self, EngineError> {
        let mut predictor = Predictor::open(device, &header.method, header.block_size, prior).await?;
        let learnt = predictor.learnt().await?;
        Ok(Learner { predictor, learnt })
    }

    /// Codes a block, or stores it and forgets it if that is no longer.
    async fn encode(&mut self, raw: &[u8], done: u64, progress: &mut Progress<'_>) -> Result<Payload, EngineError> {
        let code = encode_block(&mut self.predictor, raw, done, progress).await?;
        if code.len() < raw.len() {
            self.learnt = self.predictor.learnt().await?;
            Ok(Payload::Coded { code, state: self.predictor.state(self.learnt.as_ref()) })
        } else {
            self.predictor.forget_block(self.learnt.as_ref()).await?;
            Ok(Payload::Stored(raw.to_vec()))
        }
    }
}

/// Decompresses all frames of `input`, one after the other.
///
/// Only blocks whose checksums are right are written. `progress` is told raw
/// and coded bytes so far.
pub async fn decompress(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &DecompressSettings,
    progress: &mut Progress<'_>,
) -> Result<Summary, CodecError> {
    let mut input = BufReader::new(input);
    let mut summary = Summary::default();
    let mut prior = settings.prior.clone();
    while let Some(part) = next_part(&mut input, summary.coded == 0)? {
        let mut frame = match part {
            Part::Prior => {
                let mut counted = Counted { input: &mut input, count: PRIOR_MAGIC.len() as u64 };
                prior = Some(Arc::new(Prior::read_after_magic(&mut counted, settings.memory)?));
                summary.coded += counted.count;
                continue;
            }
            Part::Compact => {
                let frame = Compact::read_after_magic(&mut input)?;
                let coded = summary.coded + frame.to_bytes().len() as u64;
                let mut progress = |done, _| progress(summary.raw + done, coded);
                let (raw, mut predictor) =
                    compact::decode(&settings.device, prior.as_ref(), frame, &mut progress).await?;
                output.write_all(&raw).map_err(CodecError::Output)?;
                summary.raw += raw.len() as u64;
                summary.coded = coded;
                summary.engine = Some(predictor.description());
                if let (true, Some(prior)) = (settings.keep_model, &prior) {
                    let method = prior.compact_method(raw.len() as u32);
                    summary.model = Some(predictor.into_prior(method, raw.len() as u64).await?);
                }
                continue;
            }
            Part::Frame => FrameReader::after_magic(&mut input)?,
        };
        let header = frame.header().clone();
        let prior = find_prior(&header, prior.as_ref())?;
        check_memory(&header, prior.as_deref(), settings.memory)?;
        let mut predictor: Option<Predictor> = None;
        let mut done = 0;
        while let Some(block) = frame.next_block()? {
            let raw = match block.payload {
                Payload::Coded { code, state } => {
                    let predictor = match &mut predictor {
                        Some(predictor) => predictor,
                        None => predictor.insert(
                            Predictor::open(&settings.device, &header.method, header.block_size, prior.clone()).await?,
                        ),
                    };
                    let coded = summary.coded + frame.consumed();
                    let mut progress = |block_done, _| progress(summary.raw + done + block_done, coded);
                    let raw = decode_block(predictor, &code, block.raw_len as usize, done, &mut progress).await?;
                    let learnt = predictor.learnt().await?;
                    if xxh3_64(&raw) != block.checksum || predictor.state(learnt.as_ref()) != state {
                        return Err(CodecError::Diverged { block: frame.blocks(), engine: predictor.description() });
                    }
                    raw
                }
                Payload::Stored(raw) if xxh3_64(&raw) == block.checksum => {
                    if let Some(predictor) = &mut predictor {
                        predictor.reset_mixing();
                    }
                    raw
                }
                Payload::Stored(_) => {
                    let what = format!("block {}: its content is wrong", frame.blocks());
                    return Err(ArchiveError::Corrupt { what }.into());
                }
            };
            frame.accept(&raw);
            output.write_all(&raw).map_err(CodecError::Output)?;
            done += raw.len() as u64;
        }
        summary.raw += done;
        summary.coded += frame.consumed();
        summary.engine = predictor.as_ref().map(|p| p.description()).or(summary.engine);
        if settings.keep_model {
            let mut predictor = match predictor {
                Some(predictor) => predictor,
                None => Predictor::open(&settings.device, &header.method, header.block_size, prior).await?,
            };
            summary.model = Some(predictor.into_prior(header.method, done).await?);
        }
        progress(summary.raw, summary.coded);
    }
    output.flush().map_err(CodecError::Output)?;
    Ok(summary)
}

fn read_block(input: &mut dyn Read, size: u32) -> Result<Vec<u8>, CodecError> {
    let mut block = Vec::new();
    input.take(size.into()).read_to_end(&mut block).map_err(CodecError::Input)?;
    Ok(block)
}

fn at_end(input: &mut dyn BufRead) -> Result<bool, CodecError> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result.map(<[u8]>::is_empty).map_err(CodecError::Input),
        }
    }
}

/// Counts what is read.
struct Counted<'a> {
    input: &'a mut dyn Read,
    count: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = self.input.read(buffer)?;
        self.count += len as u64;
        Ok(len)
    }
}

/// The prior that a frame starts from.
fn find_prior(header: &Header, given: Option<&Arc<Prior>>) -> Result<Option<Arc<Prior>>, CodecError> {
    let hash = given.map(|prior| prior.hash());
    match given {
        _ if header.prior == 0 => Ok(None),
        Some(prior) if prior.hash() == header.prior && prior.fits(&header.method) => Ok(Some(prior.clone())),
        Some(prior) if prior.hash() == header.prior => Err(CodecError::PriorUnfit),
        _ => {
            let wanted = format!("whose hash is {:016x}", header.prior);
            Err(CodecError::PriorMissing { wanted, given: hash })
        }
    }
}

fn check_memory(header: &Header, prior: Option<&Prior>, limit: u64) -> Result<(), CodecError> {
    let needed = match prior {
        // A block as long as the past is what the mixing stage's memory goes by.
        Some(prior) => header.method.memory(1 << prior.past_bits(header.block_size)) + 2 * u64::from(header.block_size),
        None => header.memory(),
    };
    if needed > limit { Err(CodecError::MemoryLimit { needed, limit }) } else { Ok(()) }
}
