//! Salvage: all content that can be had of a damaged archive, at its place.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

use super::window::Within;
use super::{Archive, damaged};
use crate::Error;
use crate::archive::{
    ArchiveError, BLOCK_HEADER_LEN, BLOCK_SIZES, Block, COMPACT_MAGIC, Frame, FrameEnd, Header, Payload, PieceKind,
    Prefix,
};
use crate::codec::{ArchiveDecoder, DecodeSettings, Monitor, Progress, Summary, Unit, main_engine};
use crate::engine::EngineInfo;
use crate::options::Options;
use crate::pool::Pool;
use crate::prior::Prior;

/// The result of [`Archive::salvage`].
#[derive(Debug)]
pub struct Salvaged {
    /// Bytes written, zeros in the place of missing ones included; bytes of the archive; the engine.
    pub summary: Summary,
    /// The content that is missing, in order.
    pub missing: Vec<Missing>,
}

/// Content that could not be salvaged.
#[derive(Debug)]
pub struct Missing {
    /// The range of the content, in which zeros were written. It is empty where nothing tells how much
    /// is missing.
    pub range: Range<u64>,
    /// True if the length of the range is certain. If not, all content behind it may have been written
    /// at the wrong place.
    pub is_certain: bool,
    /// Why it is missing.
    pub reason: Error,
}

impl<R: Read + Seek + Send> Archive<R> {
    /// Writes all content that can be had of a damaged archive: every intact frame; of a damaged frame
    /// every block before the damage, and those behind it that hold their bytes themselves. The
    /// place of missing content is filled with zeros, so that all other bytes keep theirs.
    ///
    /// Only bytes whose checksums are right are written as content. Frames whose prior is missing count
    /// as missing. After a stored block a model without a network starts anew, and so does decoding.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use lockstep::{Archive, Options};
    ///
    /// let text = b"it was the best of times, it was the worst of times, ".repeat(20);
    /// let options = Options::new().level(1.try_into()?).frame_size(500);
    /// let mut archive = lockstep::compress_with(&text, &options)?;
    /// archive[100] ^= 1; // in the first of three frames
    ///
    /// let mut content = Vec::new();
    /// let salvaged = Archive::open(Cursor::new(archive))?.salvage(&mut content, &Options::new(), &mut ())?;
    /// assert_eq!(salvaged.missing[0].range, 0..500);
    /// assert_eq!(content[..500], [0; 500]);
    /// assert_eq!(content[500..], text[500..]);
    /// # Ok::<(), lockstep::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Damage is no error. [`Error::SizeLimit`] if the archive claims to hold more than
    /// [`Options::size_limit`]; [`Error::MemoryLimit`], [`Error::OutOfMemory`] and [`Error::Device`] as
    /// in decoding; [`Error::Input`] and [`Error::Output`]; [`Error::Cancelled`].
    pub fn salvage(
        &mut self,
        output: impl Write + Send,
        options: &Options,
        monitor: &mut dyn Monitor,
    ) -> Result<Salvaged, Error> {
        let coded = self.compressed_len();
        let settings = options.decode_settings();
        let mut salvage = Salvage {
            file: &mut self.file,
            output,
            settings,
            monitor,
            raw: 0,
            missing: Vec::new(),
            missing_before: 0,
            engine: None,
        };
        Pool::new(options)?.run(|| {
            for piece in &self.pieces {
                salvage.piece(piece.start, piece.len, &piece.kind)?;
            }
            salvage.output.flush().map_err(Error::Output)?;
            let Salvage { raw, missing, engine, .. } = salvage;
            Ok(Salvaged { summary: Summary { raw, coded, engine }, missing })
        })
    }
}

/// A salvage at work.
struct Salvage<'a, R, W> {
    file: &'a mut R,
    output: W,
    /// The prior in them is the last one that the archive holds, if it holds one.
    settings: DecodeSettings,
    monitor: &'a mut dyn Monitor,
    /// Bytes written.
    raw: u64,
    missing: Vec<Missing>,
    /// The number of missing ranges before the piece at work.
    missing_before: usize,
    engine: Option<EngineInfo>,
}

impl<R: Read + Seek, W: Write> Salvage<'_, R, W> {
    fn piece(&mut self, start: u64, len: u64, kind: &PieceKind) -> Result<(), Error> {
        self.missing_before = self.missing.len();
        match kind {
            PieceKind::Frame(frame) => self.frame(start, frame),
            PieceKind::Compact { raw_len, .. } => {
                // Its magic may be damaged.
                let start_len = COMPACT_MAGIC.len() as u64;
                match self.run(&COMPACT_MAGIC, start + start_len, len - start_len)? {
                    (_, Some(reason)) => self.lose((*raw_len).into(), false, || reason),
                    (_, None) => Ok(()),
                }
            }
            PieceKind::Prior(_) => self.take_prior(start, len),
            PieceKind::Recovery(_) => Ok(()),
            PieceKind::Unknown => {
                let what = format!("bytes {start}..{} of the archive are damaged beyond recognition", start + len);
                self.lose(0, false, || damaged(&what).into())
            }
        }
    }

    /// Has the frames to come start from a prior that the archive holds, if it is intact.
    fn take_prior(&mut self, start: u64, len: u64) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(start)).map_err(Error::Input)?;
        match Prior::read((&mut self.file).take(len), self.settings.memory).map_err(Error::from) {
            Ok(prior) => self.settings.prior = Some(Arc::new(prior)),
            Err(error) if is_damage(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes what can be had of a frame.
    fn frame(&mut self, start: u64, frame: &Frame) -> Result<(), Error> {
        let blocks = &frame.trailer.blocks;
        let (mut at, mut next, mut reason) = (start + Header::LEN as u64, 0, None);
        let end = start + frame.trailer.frame_len;
        let header = match &frame.header {
            Some(header) => Some(header.clone()),
            None => self.mended_header(start)?,
        };
        // True where the model is in a known state: at the start of the frame.
        let mut is_known = header.is_some();
        if !is_known {
            reason = Some(damaged("the header of its frame is damaged").into());
        }
        let is_certain = frame.end == FrameEnd::Intact;
        loop {
            if let (true, Some(header)) = (is_known, &header) {
                let (done, error) = self.run(&header.to_bytes(), at, end - at)?;
                for block in blocks.iter().skip(next).take(done) {
                    at += BLOCK_HEADER_LEN + u64::from(block.coded);
                }
                next += done;
                match error {
                    None => return Ok(()),
                    // What was read as a block is the trailer behind all of them.
                    Some(_) if next >= blocks.len() && frame.end != FrameEnd::Unknown => return Ok(()),
                    Some(error) => drop(reason.get_or_insert(error)),
                }
            }
            let Some(block) = blocks.get(next) else { break };
            let alone = self.block_alone(at, block.raw, header.as_ref())?;
            // The mixing stage starts anew behind a stored block; a network doesn't.
            let is_stored = alone.as_ref().is_some_and(|block| matches!(block.payload, Payload::Stored(_)));
            is_known = is_stored && header.as_ref().is_some_and(|header| !header.method.network);
            match alone.and_then(Block::without_model) {
                Some(raw) => self.write(&raw)?,
                None => self.lose(block.raw.into(), is_certain, || reason.take().unwrap_or_else(no_model))?,
            }
            at += BLOCK_HEADER_LEN + u64::from(block.coded);
            next += 1;
        }
        match frame.end {
            FrameEnd::Unknown => self.lose(0, false, || reason.unwrap_or_else(no_model)),
            _ => Ok(()),
        }
    }

    /// Returns the header at `start`, of which only one byte may be damaged.
    fn mended_header(&mut self, start: u64) -> Result<Option<Header>, Error> {
        let mut bytes = [0; Header::LEN];
        self.file.seek(SeekFrom::Start(start)).map_err(Error::Input)?;
        self.file.read_exact(&mut bytes).map_err(Error::Input)?;
        Ok(Header::mended(&bytes))
    }

    /// Decodes and writes a part: `head`, and the `len` bytes from `start` on. These may be any blocks of
    /// a frame before which the model is in its first state. Returns the number of blocks or compact
    /// frames written, and what ended them if it was damage.
    fn run(&mut self, head: &[u8], start: u64, len: u64) -> Result<(usize, Option<Error>), Error> {
        self.file.seek(SeekFrom::Start(start)).map_err(Error::Input)?;
        let mut input = BufReader::new(head.chain((&mut self.file).take(len)));
        let size_limit = self.settings.size_limit - self.raw;
        let mut decoder = ArchiveDecoder::new(DecodeSettings { size_limit, ..self.settings.clone() });
        let mut monitor =
            Within { monitor: &mut *self.monitor, before: Progress { raw: self.raw, coded: start }, most: u64::MAX };
        let mut done = 0;
        loop {
            let unit = match decoder.read(&mut input) {
                Ok(None) => break,
                Ok(Some(unit)) => Ok(unit),
                Err(error) => Err(error),
            };
            let counts = matches!(unit, Ok(Unit::Block(_) | Unit::Compact(_)));
            let raw =
                unit.and_then(|unit| pollster::block_on(decoder.decode(unit, [Prefix::default(); 2], &mut monitor)));
            match raw {
                Ok(raw) => {
                    self.output.write_all(&raw).map_err(Error::Output)?;
                    self.raw += raw.len() as u64;
                    done += usize::from(counts);
                }
                Err(error) if is_damage(&error) => return Ok((done, Some(error))),
                Err(error) => return Err(error),
            }
        }
        // After a damaged trailer all content is there.
        if let Ok(engine) = decoder.finish() {
            self.engine = main_engine(self.engine.take(), engine);
        }
        Ok((done, None))
    }

    /// Reads the block of `raw_len` raw bytes at `at`, if it is intact.
    fn block_alone(&mut self, at: u64, raw_len: u32, header: Option<&Header>) -> Result<Option<Block>, Error> {
        self.file.seek(SeekFrom::Start(at)).map_err(Error::Input)?;
        let block_size = header.map_or(*BLOCK_SIZES.end(), |header| header.block_size);
        match Block::read(&mut *self.file, block_size) {
            Ok(block) => Ok(block.filter(|block| block.raw_len == raw_len)),
            Err(ArchiveError::Io(error)) => Err(Error::Input(error)),
            Err(_) => Ok(None),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_size(bytes.len() as u64)?;
        self.output.write_all(bytes).map_err(Error::Output)?;
        self.raw += bytes.len() as u64;
        Ok(())
    }

    fn check_size(&self, more: u64) -> Result<(), Error> {
        let limit = self.settings.size_limit;
        if self.raw.saturating_add(more) > limit { Err(Error::SizeLimit { limit }) } else { Ok(()) }
    }

    /// Writes zeros in the place of missing content. What follows on other missing content of the same
    /// frame has its reason.
    fn lose(&mut self, len: u64, is_certain: bool, reason: impl FnOnce() -> Error) -> Result<(), Error> {
        self.check_size(len)?;
        let zeros = std::io::copy(&mut std::io::repeat(0).take(len), &mut self.output);
        zeros.map_err(Error::Output)?;
        let start = self.raw;
        self.raw += len;
        match self.missing[self.missing_before..].last_mut() {
            Some(last) if last.range.end == start && last.is_certain == is_certain => last.range.end = self.raw,
            _ => self.missing.push(Missing { range: start..self.raw, is_certain, reason: reason() }),
        }
        Ok(())
    }
}

/// The reason why blocks behind others that are missing can't be decoded.
fn no_model() -> Error {
    damaged("blocks before it, from which its model learned, are missing").into()
}

/// True if the archive is to blame for an error, or if a prior is missing: then other parts of it may
/// still be had.
fn is_damage(error: &Error) -> bool {
    error.is_corrupt() || matches!(error, Error::PriorMissing { .. })
}
