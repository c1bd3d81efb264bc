//! Raw bytes into an archive, block by block.

use std::io::{BufRead, BufReader, Read, Write};

use super::block::{BlockEncoder, BlockSpan};
use super::checkpoint::{Position, Resumed, resume};
use super::compact::{self, compact_prior};
use super::cut::{Kind, Piece, cut};
use super::frame::{FrameCoder, JobSpan};
use super::monitor::{Monitor, Progress, main_engine};
use super::report::{BlockForm, BlockReport};
use super::settings::{ASSUMED_LENGTH, EncodeSettings};
use super::{Summary, transformed};
use crate::Error;
use crate::archive::{BLOCK_SIZES, FrameWriter, Hashed, HashedWrite, Header, Payload, Prefix};
use crate::engine::EngineInfo;
use crate::transform::Choice;

/// Encodes an archive from one part of the input after the other, each of at most a block. A part
/// becomes one block, or several where the kind of data changes.
pub struct ArchiveEncoder {
    settings: EncodeSettings,
    /// The frame that is open.
    frame: Option<OpenFrame>,
    /// Raw bytes of all blocks so far.
    raw: u64,
    engine: Option<EngineInfo>,
}

/// A frame that takes more blocks.
struct OpenFrame {
    coder: FrameCoder,
    writer: FrameWriter,
    /// Bytes of input and output before the frame.
    input_before: u64,
    output_before: u64,
    /// Raw bytes of the frame so far.
    done: u64,
    /// Raw bytes of the next part whose blocks were written before a checkpoint.
    finished: u64,
}

impl ArchiveEncoder {
    /// An encoder of which nothing is written yet.
    pub fn new(settings: EncodeSettings) -> Result<Self, Error> {
        if !BLOCK_SIZES.contains(&settings.block_size) {
            return Err(Error::BlockSize(settings.block_size));
        }
        Ok(ArchiveEncoder { settings, frame: None, raw: 0, engine: None })
    }

    /// The number of raw bytes of the next part, unless the input ends before.
    pub fn block_len(&self) -> u64 {
        self.len_after(self.frame.as_ref().map_or(0, |frame| frame.done))
    }

    /// The number of raw bytes of the part that follows `done` bytes of a frame.
    fn len_after(&self, done: u64) -> u64 {
        let left = self.settings.frame_size.map_or(u64::MAX, |size| size.saturating_sub(done));
        u64::from(self.settings.block_size).min(left)
    }

    /// Encodes the next part of the input and writes its blocks. A part is as long as
    /// [`Self::block_len`] says, or shorter if it is the `last` one; only an empty input has an
    /// empty part.
    ///
    /// `input` is the input so far, this part included.
    pub async fn block(
        &mut self,
        raw: &[u8],
        last: bool,
        input: Prefix,
        output: &mut dyn HashedWrite,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        if self.frame.is_none() {
            let whole = last || self.settings.frame_size == Some(raw.len() as u64);
            let header = self.plan(raw.len() as u64, whole)?;
            let prior = self.settings.prior.as_ref();
            if let Some(prior) = compact_prior(prior, &header.method, raw.len() as u64).filter(|_| whole) {
                let job = JobSpan { raw: self.raw, coded: output.prefix().len, position: None };
                let engine = compact::encode(raw, output, prior, &self.settings, job, monitor).await?;
                self.end_frame(raw.len() as u64, Some(engine));
                return Ok(());
            }
            let output_before = output.prefix().len;
            let writer = FrameWriter::begin(output, &header).map_err(Error::Output)?;
            self.frame = Some(self.open(header, writer, self.raw, output_before));
        }
        if let Some(frame) = &mut self.frame
            && !raw.is_empty()
        {
            frame.part(raw, &self.settings, input, output, monitor).await?;
            self.raw += raw.len() as u64;
        }
        let done = self.frame.as_ref().map_or(0, |frame| frame.done);
        if (last || self.settings.frame_size == Some(done))
            && let Some(frame) = self.frame.take()
        {
            frame.writer.finish(output).map_err(Error::Output)?;
            let engine = frame.coder.finish(frame.done, monitor).await?;
            self.end_frame(0, engine);
        }
        Ok(())
    }

    fn end_frame(&mut self, raw: u64, engine: Option<EngineInfo>) {
        self.raw += raw;
        self.engine = main_engine(self.engine.take(), engine);
    }

    /// The header of a frame whose first block has `first` bytes and is the `whole` of it, or not.
    fn plan(&self, first: u64, whole: bool) -> Result<Header, Error> {
        let EncodeSettings { frame_size, length, block_size, .. } = &self.settings;
        let frame_end = frame_size.map_or(u64::MAX, |size| self.raw.saturating_add(size));
        let left = length.map(|length| length.saturating_sub(self.raw).min(frame_end - self.raw));
        // A length that the first block exceeds was wrong.
        let claimed = left.or(*frame_size).filter(|&length| length > first).unwrap_or(ASSUMED_LENGTH);
        // A block larger than the frame would only make the decoder ask for more memory.
        let block_size = if whole { first.max(1) as u32 } else { *block_size };
        self.settings.header(if whole { first } else { claimed }, block_size)
    }

    fn open(&self, header: Header, writer: FrameWriter, input_before: u64, output_before: u64) -> OpenFrame {
        let EncodeSettings { device, fallback, prior, .. } = &self.settings;
        let coder = FrameCoder::new(header, prior.clone(), device.clone(), *fallback);
        OpenFrame { coder, writer, input_before, output_before, done: 0, finished: 0 }
    }

    /// Returns what the model ran on, if it was needed.
    pub fn engine(self) -> Option<EngineInfo> {
        self.engine
    }
}

impl OpenFrame {
    /// Encodes a part of the input, piece by piece; after a checkpoint, from the piece on that was
    /// not finished.
    async fn part(
        &mut self,
        raw: &[u8],
        settings: &EncodeSettings,
        input: Prefix,
        output: &mut dyn HashedWrite,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        let mut finished = std::mem::take(&mut self.finished);
        let mut rest = raw;
        for Piece { len, kind } in cut(raw, settings, &self.coder.header().method.model).await? {
            let (piece, behind) = rest.split_at(len);
            rest = behind;
            if finished > 0 {
                finished = finished.checked_sub(len as u64).ok_or(Error::InputChanged)?;
                continue;
            }
            if self.writer.is_full() {
                return Err(Error::TooManyBlocks);
            }
            let (payload, form) = match kind {
                Kind::Run(byte) => (Payload::Run(byte), BlockForm::Run(byte)),
                Kind::Noise { sample, coded } => {
                    let form = BlockForm::Verbatim { sample: sample as u64, coded: coded as u64 };
                    (Payload::Verbatim(piece.to_vec()), form)
                }
                Kind::Data => self.code(piece, settings.transform, input, output.prefix(), monitor).await?,
            };
            self.writer.block(output, piece, payload).map_err(Error::Output)?;
            let coded = self.writer.trailer().blocks.last().map_or(0, |block| block.coded.into());
            let start = self.input_before + self.done;
            self.done += len as u64;
            monitor.block(&BlockReport { start, raw: len as u64, coded, form });
            let progress = Progress::new(start + len as u64, self.output_before + self.writer.written());
            if kind != Kind::Data && monitor.progress(progress).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    /// Takes note of bytes whose blocks were written before a checkpoint.
    fn account(&mut self, raw: &[u8]) {
        self.writer.account(raw);
        self.done += raw.len() as u64;
    }

    /// Codes a piece with the model; where that makes it no shorter, it is to be stored.
    async fn code(
        &mut self,
        raw: &[u8],
        transform: Choice,
        input: Prefix,
        output: Prefix,
        monitor: &mut dyn Monitor,
    ) -> Result<(Payload, BlockForm), Error> {
        let (head, symbols, reason) = transformed::choose(transform, raw, &self.coder.header().method.model).await?;
        let span = BlockSpan {
            done: self.done,
            raw_len: raw.len(),
            symbols: head.symbols,
            transform: head.transform,
            raster: head.raster,
        };
        let mut block = BlockEncoder::new(self.coder.predictor(monitor).await?, &symbols, span);
        self.coder.begin(&mut block, monitor).await?;
        let position = monitor.checkpoints().is_some().then(|| self.position(input, output));
        let (raw_before, coded) = (self.input_before + self.done, self.output_before + self.writer.written());
        let job = JobSpan { raw: raw_before, coded, position };
        let learned = self.coder.run_and_learn(&mut block, &job, monitor).await?;
        let code = (!block.is_hopeless()).then(|| transformed::join(head, &block.finish()));
        match code.filter(|code| code.len() < raw.len()) {
            Some(code) => {
                let state = learned.state;
                self.coder.accept(learned);
                let form = BlockForm::Coded { transform: head.transform, reason };
                Ok((Payload::Coded { code, state }, form))
            }
            None => {
                self.coder.forget_block(monitor).await?;
                Ok((Payload::Stored(raw.to_vec()), BlockForm::Stored))
            }
        }
    }

    fn position(&self, input: Prefix, output: Prefix) -> Position {
        Position {
            header: self.coder.header().to_bytes(),
            input_before: self.input_before,
            output_before: self.output_before,
            input,
            output,
            trailer: self.writer.trailer().clone(),
        }
    }
}

type Input<'a> = Hashed<BufReader<&'a mut dyn Read>>;

/// Compresses all of `input`, one frame after the other.
///
/// Each frame holds `frame_size` bytes, the last one the rest; an empty input makes one empty frame.
pub async fn compress(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &EncodeSettings,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let mut encoder = ArchiveEncoder::new(settings.clone())?;
    let mut input = Hashed::new(BufReader::new(input));
    let mut output = Hashed::new(output);
    let from = match monitor.checkpoints() {
        Some(checkpoints) => checkpoints.resume().map_err(Error::Checkpoint)?,
        None => None,
    };
    let mut raw = match from {
        Some(from) => {
            let resumed = resume(from, &mut input, &mut output)?;
            encoder.resume(resumed, &mut input)?
        }
        None => read_block(&mut input, encoder.block_len())?,
    };
    loop {
        let last = at_end(input.inner())?;
        encoder.block(&raw, last, input.prefix(), &mut output, monitor).await?;
        if last {
            break;
        }
        raw = read_block(&mut input, encoder.block_len())?;
    }
    output.flush().map_err(Error::Output)?;
    let _ = monitor.progress(Progress::new(input.len(), output.len()));
    Ok(Summary { raw: input.len(), coded: output.len(), engine: encoder.engine() })
}

impl ArchiveEncoder {
    /// Continues a frame from a checkpoint; reads and returns the block that was not finished.
    fn resume(&mut self, resumed: Resumed, input: &mut Input<'_>) -> Result<Vec<u8>, Error> {
        let Resumed { position, state, .. } = resumed;
        self.raw = position.input_before;
        let mut raw = read_block(input, self.block_len())?;
        let whole = self.settings.frame_size == Some(raw.len() as u64) || at_end(input.inner())?;
        let header = self.plan(raw.len() as u64, whole)?;
        if header.to_bytes() != position.header {
            return Err(Error::OtherJob);
        }
        let writer = FrameWriter::resumed(position.trailer.clone());
        let mut frame = self.open(header, writer, position.input_before, position.output_before);
        frame.coder.resume(state);
        // The parts whose blocks were all written, then the one of which some were.
        let mut finished: u64 = position.trailer.blocks.iter().map(|block| u64::from(block.raw)).sum();
        while finished >= raw.len() as u64 && !raw.is_empty() {
            finished -= raw.len() as u64;
            frame.account(&raw);
            self.raw += raw.len() as u64;
            raw = read_block(input, self.len_after(frame.done))?;
        }
        // A saved state may claim more than there is.
        let begun = usize::try_from(finished).ok().and_then(|finished| raw.get(..finished));
        frame.account(begun.ok_or(Error::InputChanged)?);
        frame.finished = finished;
        self.frame = Some(frame);
        if input.prefix() != position.input || raw.is_empty() {
            return Err(Error::InputChanged);
        }
        Ok(raw)
    }
}

/// Reads up to `most` bytes of the input.
fn read_block(input: &mut Input<'_>, most: u64) -> Result<Vec<u8>, Error> {
    let mut block = Vec::new();
    input.take(most).read_to_end(&mut block).map_err(Error::Input)?;
    Ok(block)
}

/// Returns true if the input has ended.
fn at_end(input: &mut impl BufRead) -> Result<bool, Error> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result.map(<[u8]>::is_empty).map_err(Error::Input),
        }
    }
}
