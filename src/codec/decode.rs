//! An archive back into its content, block by block.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::block::{BlockDecoder, BlockSpan};
use super::checkpoint::{Position, Resumed, resume};
use super::frame::{FrameCoder, JobSpan};
use super::monitor::{Monitor, Progress, main_engine};
use super::settings::DecodeSettings;
use super::{Summary, check_memory, compact, find_prior, transformed};
use crate::Error;
use crate::archive::{
    ArchiveError, Block, Compact, FrameReader, Hashed, PRIOR_MAGIC, Part, Payload, Prefix, RecoveryHead, next_part,
};
use crate::engine::EngineInfo;
use crate::prior::Prior;

/// Decodes an archive block by block: [`Self::read`] reads a unit of it, [`Self::decode`] turns the
/// unit into raw bytes.
pub struct ArchiveDecoder {
    settings: DecodeSettings,
    /// The prior for the frames to come: the given one, or one that the archive holds.
    prior: Option<Arc<Prior>>,
    frame: Option<OpenFrame>,
    /// Bytes of the archive read so far.
    consumed: u64,
    /// Raw bytes decoded so far.
    raw: u64,
    /// True if a trailer is damaged.
    damaged: bool,
    engine: Option<EngineInfo>,
}

/// A frame of which more is to be read.
struct OpenFrame {
    coder: FrameCoder,
    reader: FrameReader,
    /// Bytes of input and output before the frame.
    input_before: u64,
    output_before: u64,
}

/// A part of an archive that is decoded at once.
pub enum Unit {
    /// A block of a frame.
    Block(Block),
    /// A compact frame.
    Compact(Compact),
    /// A prior, recovery data or the header of a frame: it has no content.
    Head,
    /// The end of a frame.
    FrameEnd,
}

impl ArchiveDecoder {
    /// A decoder of which nothing is read yet.
    pub fn new(settings: DecodeSettings) -> Self {
        let prior = settings.prior.clone();
        ArchiveDecoder { settings, prior, frame: None, consumed: 0, raw: 0, damaged: false, engine: None }
    }

    /// Reads the next unit, or nothing at the end of the archive. The first call fails on what is
    /// no archive at all. Where the input fails, the same unit can be read again.
    pub fn read(&mut self, input: &mut dyn Read) -> Result<Option<Unit>, Error> {
        // Only counts what is read.
        let input = &mut input.take(u64::MAX);
        let unit = match &mut self.frame {
            Some(frame) => match frame.reader.next_block(input) {
                Ok(Some(block)) => Some(Unit::Block(block)),
                Ok(None) => Some(Unit::FrameEnd),
                Err(ArchiveError::Trailer) => {
                    self.damaged = true;
                    Some(Unit::FrameEnd)
                }
                Err(error) => return Err(error.into()),
            },
            None => self.read_part(input)?,
        };
        self.consumed += u64::MAX - input.limit();
        match &unit {
            Some(Unit::Block(block)) => self.check_size(block.raw_len)?,
            Some(Unit::Compact(frame)) => self.check_size(frame.raw_len)?,
            Some(Unit::Head | Unit::FrameEnd) | None => {}
        }
        Ok(unit)
    }

    /// Reads what lies between frames, and the header of the next one.
    fn read_part(&mut self, input: &mut dyn Read) -> Result<Option<Unit>, Error> {
        match next_part(input, self.consumed == 0)? {
            None => return Ok(None),
            Some(Part::Prior) => self.read_prior(input)?,
            Some(Part::Recovery) => RecoveryHead::skip_after_magic(input)?,
            Some(Part::Compact) => return Ok(Some(Unit::Compact(Compact::read_after_magic(input)?))),
            Some(Part::Frame) => self.open_frame(input, self.consumed)?,
        }
        Ok(Some(Unit::Head))
    }

    fn read_prior(&mut self, input: &mut dyn Read) -> Result<(), Error> {
        self.prior = Some(Arc::new(Prior::read_after_magic(input, self.settings.memory)?));
        Ok(())
    }

    fn open_frame(&mut self, input: &mut dyn Read, input_before: u64) -> Result<(), Error> {
        let reader = FrameReader::after_magic(input)?;
        let header = reader.header().clone();
        let prior = find_prior(&header, self.prior.as_ref())?;
        let DecodeSettings { device, fallback, memory, .. } = &self.settings;
        check_memory(&header, prior.as_deref(), *fallback, *memory)?;
        let coder = FrameCoder::new(header, prior, device.clone(), *fallback);
        self.frame = Some(OpenFrame { coder, reader, input_before, output_before: self.raw });
        Ok(())
    }

    /// Refuses a block that is too much, before any work is done.
    fn check_size(&self, raw_len: u32) -> Result<(), Error> {
        let limit = self.settings.size_limit;
        if self.raw.saturating_add(raw_len.into()) > limit { Err(Error::SizeLimit { limit }) } else { Ok(()) }
    }

    /// Decodes a unit; returns its raw bytes, whose checksum is right.
    ///
    /// `input` and `output` are the archive read and the content written so far, for checkpoints.
    pub async fn decode(
        &mut self,
        unit: Unit,
        [input, output]: [Prefix; 2],
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<u8>, Error> {
        let raw = match unit {
            Unit::Block(block) => match &mut self.frame {
                Some(frame) => {
                    let job = JobSpan { raw: self.raw, coded: self.consumed, position: None };
                    frame.decode(block, job, [input, output], monitor).await?
                }
                None => Vec::new(),
            },
            Unit::Compact(frame) => {
                let job = JobSpan { raw: self.raw, coded: self.consumed, position: None };
                let (raw, engine) = compact::decode(&frame, self.prior.as_ref(), &self.settings, job, monitor).await?;
                self.engine = main_engine(self.engine.take(), Some(engine));
                raw
            }
            Unit::Head => Vec::new(),
            Unit::FrameEnd => {
                if let Some(frame) = self.frame.take() {
                    let engine = frame.coder.finish(self.raw - frame.output_before, monitor).await?;
                    self.engine = main_engine(self.engine.take(), engine);
                }
                Vec::new()
            }
        };
        self.raw += raw.len() as u64;
        Ok(raw)
    }

    /// Ends the archive, once [`Self::read`] has returned nothing: reports a damaged trailer, else
    /// what the model ran on, if it was needed.
    pub fn finish(&mut self) -> Result<Option<EngineInfo>, Error> {
        if self.damaged { Err(ArchiveError::Trailer.into()) } else { Ok(self.engine.take()) }
    }
}

impl OpenFrame {
    async fn decode(
        &mut self,
        block: Block,
        mut job: JobSpan,
        [input, output]: [Prefix; 2],
        monitor: &mut dyn Monitor,
    ) -> Result<Vec<u8>, Error> {
        let number = self.reader.blocks();
        let Block { raw_len, checksum, payload } = block;
        let is_coded = matches!(payload, Payload::Coded { .. });
        let raw = match payload {
            Payload::Coded { code, state } => {
                let (head, code) = transformed::split(&code, raw_len)?;
                let (done, raw_len) = (job.raw - self.output_before, raw_len as usize);
                let span =
                    BlockSpan { done, raw_len, symbols: head.symbols, transform: head.transform, raster: head.raster };
                let mut block = BlockDecoder::new(self.coder.predictor(monitor).await?, code, span);
                self.coder.begin(&mut block, monitor).await?;
                job.position = monitor.checkpoints().is_some().then(|| self.position(input, output));
                loop {
                    let learned = self.coder.run_and_learn(&mut block, &job, monitor).await?;
                    let raw = head.transform.inverse(block.data(), raw_len);
                    if let Some(raw) = raw.ok().filter(|raw| xxh3_64(raw) == checksum && learned.state == state) {
                        self.coder.accept(learned);
                        break raw;
                    }
                    let error = self.coder.wrong_block(number, monitor).await?;
                    self.coder.fall_back(&mut block, error, monitor).await?;
                }
            }
            Payload::Stored(raw) => {
                self.coder.skip_stored_block();
                raw
            }
            Payload::Verbatim(raw) => raw,
            Payload::Run(byte) => vec![byte; raw_len as usize],
        };
        if !is_coded {
            if xxh3_64(&raw) != checksum {
                let what = format!("block {number}: its content is wrong");
                return Err(ArchiveError::Corrupt { what }.into());
            }
            if monitor.progress(Progress::new(job.raw + raw.len() as u64, job.coded)).is_break() {
                return Err(Error::Cancelled);
            }
        }
        self.reader.accept(&raw);
        Ok(raw)
    }

    fn position(&self, input: Prefix, output: Prefix) -> Position {
        // The trailer of all blocks but this one.
        let mut trailer = self.reader.trailer().clone();
        trailer.blocks.pop();
        let OpenFrame { input_before, output_before, .. } = *self;
        Position { header: self.coder.header().to_bytes(), input_before, output_before, input, output, trailer }
    }
}

type Input<'a> = Hashed<BufReader<&'a mut dyn Read>>;

/// Decompresses all frames of `input`, one after the other.
///
/// Only blocks whose checksums are right are written. [`ArchiveError::Trailer`] is returned when
/// all of them are written.
pub async fn decompress(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &DecodeSettings,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let mut decoder = ArchiveDecoder::new(settings.clone());
    let mut input = Hashed::new(BufReader::new(input));
    let mut output = Hashed::new(output);
    let from = match monitor.checkpoints() {
        Some(checkpoints) => checkpoints.resume().map_err(Error::Checkpoint)?,
        None => None,
    };
    let mut unit = match from {
        Some(from) => {
            // The skipped part may start with a prior.
            while input.inner().fill_buf().map_err(Error::Input)?.starts_with(&PRIOR_MAGIC) {
                next_part(&mut input, true)?;
                decoder.read_prior(&mut input)?;
            }
            let resumed = resume(from, &mut input, &mut output)?;
            decoder.resume(resumed, &mut input, output.len())?
        }
        None => decoder.read(&mut input)?,
    };
    while let Some(some) = unit {
        let raw = decoder.decode(some, [input.prefix(), output.prefix()], monitor).await?;
        output.write_all(&raw).map_err(Error::Output)?;
        unit = decoder.read(&mut input)?;
    }
    output.flush().map_err(Error::Output)?;
    let _ = monitor.progress(Progress::new(output.len(), input.len()));
    let engine = decoder.finish()?;
    Ok(Summary { raw: output.len(), coded: input.len(), engine })
}

impl ArchiveDecoder {
    /// Continues a frame from a checkpoint; reads and returns the block that was not finished.
    fn resume(&mut self, resumed: Resumed, input: &mut Input<'_>, written: u64) -> Result<Option<Unit>, Error> {
        let Resumed { position, content, state } = resumed;
        let input_before = input.len();
        if next_part(input, input_before == 0)? != Some(Part::Frame) {
            return Err(Error::InputChanged);
        }
        self.raw = position.output_before;
        self.open_frame(input, input_before)?;
        self.raw = written;
        if let Some(frame) = &mut self.frame {
            if frame.coder.header().to_bytes() != position.header {
                return Err(Error::InputChanged);
            }
            let raw_len = written - position.output_before;
            frame.reader.resume(input, &position.trailer.blocks, raw_len, content)?;
            frame.coder.resume(state);
        }
        // Other blocks than coded ones learn nothing, so the state is that of the next coded one.
        self.consumed = input.len();
        let unit = self.read(input)?;
        match &unit {
            Some(Unit::Block(block)) if matches!(block.payload, Payload::Coded { .. }) => {}
            _ => return Err(Error::InputChanged),
        }
        if input.prefix() != position.input { Err(Error::InputChanged) } else { Ok(unit) }
    }
}
