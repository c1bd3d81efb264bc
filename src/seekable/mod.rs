//! An archive that can be read at any place: its frames, and ranges of its content.

mod blocks;
mod check;
mod frame;
mod salvage;
mod window;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::Error;
use crate::archive::{self, ArchiveError, BlockLengths, FrameEnd, Piece, PieceKind, PriorHead, Trailer};
use crate::codec::{self, Monitor, Progress, Summary, main_engine};
use crate::options::Options;
use crate::pool::Pool;
use crate::prior::Prior;
use window::{Window, Within};

pub use blocks::BlockInfo;
pub use frame::{Frame, PriorHash};
pub use salvage::{Missing, Salvaged};

/// An archive in a file, or in any other place that can be read and sought.
///
/// ```
/// use std::io::Cursor;
/// use lockstep::{Archive, Options};
///
/// let text = b"it was the best of times, it was the worst of times, ".repeat(20);
/// let options = Options::new().level(1.try_into()?).frame_size(500);
/// let file = Cursor::new(lockstep::compress_with(&text, &options)?);
///
/// let mut archive = Archive::open(file)?;
/// assert_eq!(archive.len(), text.len() as u64);
/// assert_eq!(archive.frames().len(), 3);
/// // Decodes the second frame alone.
/// assert_eq!(archive.read_range(600..610, &Options::new())?, text[600..610]);
/// # Ok::<(), lockstep::Error>(())
/// ```
pub struct Archive<R> {
    file: R,
    pieces: Vec<Piece>,
    frames: Vec<Frame>,
    /// The frames, and raw bytes in them, before the first place where some may be missing.
    placed: (usize, u64),
}

/// A recovery part of an archive: what [`protect`](crate::recovery::protect) made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryData {
    /// Its size in per cent of what it protects, as it was asked for.
    pub percent: u8,
    /// Bytes of the archive before it that it protects.
    pub covered: u64,
    /// Its own bytes.
    pub len: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of frames. Nothing is decoded.
    ///
    /// A damaged archive is listed as far as trailers, headers and blocks tell what it holds; see
    /// [`Archive::is_damaged`].
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] for what is no archive, or of another version.
    pub fn open(mut file: R) -> Result<Self, Error> {
        let pieces = archive::list(&mut file)?;
        let (mut frames, mut priors, mut prior, mut placed) = (Vec::new(), 0, None::<&PriorHead>, None);
        let mut raw = 0u64;
        for piece in &pieces {
            match &piece.kind {
                PieceKind::Prior(head) => {
                    priors += piece.len;
                    prior = head.as_ref();
                    continue;
                }
                PieceKind::Recovery(_) => continue,
                PieceKind::Unknown => drop(placed.get_or_insert((frames.len(), raw))),
                _ => {}
            }
            let Some(mut frame) = frame(piece, priors) else { continue };
            if let Some(prior) = prior {
                frame.supply_header(&prior.header.method, prior.hash);
            }
            raw = raw.saturating_add(frame.raw_len());
            frames.push(frame);
            priors = 0;
            if frames.last().is_some_and(|frame| !frame.is_whole()) {
                placed.get_or_insert((frames.len(), raw));
            }
        }
        let placed = placed.unwrap_or((frames.len(), raw));
        Ok(Archive { file, pieces, frames, placed })
    }

    /// The frames, in order.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The recovery parts, in order.
    pub fn recovery(&self) -> impl Iterator<Item = RecoveryData> {
        self.pieces.iter().filter_map(|piece| match &piece.kind {
            PieceKind::Recovery(head) => {
                Some(RecoveryData { percent: head.percent, covered: head.covered, len: piece.len })
            }
            _ => None,
        })
    }

    /// Raw bytes of all frames.
    pub fn len(&self) -> u64 {
        self.frames.iter().fold(0, |sum, frame| sum.saturating_add(frame.raw_len()))
    }

    /// True if the archive holds no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the archive: all frames, priors and recovery data.
    pub fn compressed_len(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len).sum()
    }

    /// True if a header or a trailer is damaged, or if something is cut off or unknown.
    pub fn is_damaged(&self) -> bool {
        self.damage().is_some()
    }

    /// Returns the first damage that shows without decoding, if any does.
    pub fn damage(&self) -> Option<ArchiveError> {
        let trailer = self.frames.iter().any(|frame| frame.end == FrameEnd::Damaged).then_some(ArchiveError::Trailer);
        let other = self.pieces.iter().find_map(|Piece { start, len, kind }| {
            let what = match kind {
                PieceKind::Frame(frame) if frame.header.is_none() => "the header of a frame is damaged",
                PieceKind::Frame(frame) if frame.end == FrameEnd::Unknown => "a frame is damaged or cut short",
                PieceKind::Prior(None) => "a prior is damaged",
                PieceKind::Recovery(head) if *len != head.part_len() => "the recovery data is cut short",
                PieceKind::Unknown => "this is no known part of an archive",
                _ => return None,
            };
            Some(damaged(&format!("bytes {start}..{}: {what}", start + len)))
        });
        other.or(trailer)
    }

    /// Lets compact frames that start from this prior be described: their headers are the prior's.
    pub fn know_prior(&mut self, prior: &Prior) {
        self.frames.iter_mut().for_each(|frame| frame.supply_header(prior.method(), prior.hash()));
    }

    /// Returns the file.
    pub fn into_inner(self) -> R {
        self.file
    }

    /// Decodes a range of the content: the frames that hold it, and no others.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] if it reaches beyond the content; [`Error::SizeLimit`] if it is longer than
    /// [`Options::size_limit`]; else as [`decompress_with`](crate::decompress_with).
    pub fn read_range(&mut self, range: Range<u64>, options: &Options) -> Result<Vec<u8>, Error>
    where
        R: Send,
    {
        let mut content = Vec::new();
        self.copy_range(range, &mut content, options, &mut ())?;
        Ok(content)
    }

    /// Decodes a range of the content into `output`; the bytes coded are those of the frames read.
    ///
    /// # Errors
    ///
    /// As [`Archive::read_range`]; [`Error::Output`] where `output` can't be written to;
    /// [`Error::Cancelled`] where the monitor asks for it.
    pub fn copy_range(
        &mut self,
        range: Range<u64>,
        mut output: impl Write + Send,
        options: &Options,
        monitor: &mut dyn Monitor,
    ) -> Result<Summary, Error>
    where
        R: Send,
    {
        let pool = Pool::new(options)?;
        let len = self.len();
        if range.start > range.end || range.end > len {
            return Err(Error::Range { len });
        }
        if range.end > self.placed.1 {
            return Err(damaged("something is missing before the range, so its place is not known").into());
        }
        let mut settings = options.decode_settings();
        if range.end - range.start > settings.size_limit {
            return Err(Error::SizeLimit { limit: settings.size_limit });
        }
        settings.size_limit = u64::MAX;
        let (mut sum, mut raw_at) = (Summary::default(), 0);
        for index in 0..self.placed.0 {
            let raw_len = self.frames[index].raw_len();
            if raw_at < range.end && raw_at + raw_len > range.start {
                let mut frame = self.frame(index)?;
                let mut window = Window { output: &mut output, at: raw_at, range: range.clone() };
                let mut within = Within {
                    monitor,
                    before: Progress::new(raw_at.max(range.start) - range.start, sum.coded),
                    most: range.end - range.start,
                };
                let decode = || pollster::block_on(codec::decompress(&mut frame, &mut window, &settings, &mut within));
                let done = pool.run(decode)?;
                sum.coded += done.coded;
                sum.engine = main_engine(sum.engine, done.engine);
            }
            raw_at += raw_len;
        }
        output.flush().map_err(Error::Output)?;
        Ok(Summary { raw: range.end - range.start, ..sum })
    }

    /// A frame by itself, behind the prior that the archive holds for it.
    fn frame(&mut self, index: usize) -> Result<impl Read + use<'_, R>, Error> {
        if self.frames[index].header.is_none() && !self.frames[index].is_compact() {
            return Err(damaged(&format!("the header of frame {} is damaged", index + 1)).into());
        }
        let prior = match self.frames[..=index].iter().rev().find(|frame| frame.prior_len() > 0) {
            Some(frame) => self.bytes_at(frame.start - frame.prior_len(), frame.prior_len())?,
            None => Vec::new(),
        };
        let frame = &self.frames[index];
        self.file.seek(SeekFrom::Start(frame.start)).map_err(Error::Input)?;
        Ok(io::Cursor::new(prior).chain((&mut self.file).take(frame.compressed_len())))
    }

    fn bytes_at(&mut self, start: u64, len: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(start)).map_err(Error::Input)?;
        (&mut self.file).take(len).read_to_end(&mut bytes).map_err(Error::Input)?;
        Ok(bytes)
    }

    /// Decodes the whole archive into `output`. The CPU engine decodes as many frames at a time as
    /// there are threads, as far as [`Options::memory_limit`] allows.
    ///
    /// # Errors
    ///
    /// As [`decompress_stream`](crate::decompress_stream).
    pub fn decompress(
        &mut self,
        output: impl Write + Send,
        options: &Options,
        monitor: &mut dyn Monitor,
    ) -> Result<Summary, Error>
    where
        R: Send,
    {
        let pool = Pool::new(options)?;
        pool.run(|| self.decompress_here(output, options, monitor))
    }

    /// Decodes on the current rayon pool.
    fn decompress_here(
        &mut self,
        mut output: impl Write,
        options: &Options,
        monitor: &mut dyn Monitor,
    ) -> Result<Summary, Error> {
        let settings = options.decode_settings();
        if self.len() > settings.size_limit {
            return Err(Error::SizeLimit { limit: settings.size_limit });
        }
        self.file.rewind().map_err(Error::Input)?;
        // Frames behind a prior that the archive holds are decoded one after the other, as are
        // frames whose lengths can't be believed.
        let headers: Option<Vec<_>> = self.frames.iter().map(|frame| frame.header.as_ref()).collect();
        let in_order = self.is_damaged() || !self.is_end_to_end() || monitor.wants_model();
        if let (false, Some(headers), None) = (in_order, headers, monitor.checkpoints()) {
            let lengths: Vec<_> = self.frames.iter().map(|frame| (frame.raw_len(), frame.compressed_len())).collect();
            let longest = lengths.iter().map(|&(raw, coded)| raw.saturating_add(coded)).max().unwrap_or(0);
            let needed = self.frames.iter().filter_map(|frame| frame.memory_needed(options)).max().unwrap_or(0);
            let each = needed.saturating_add(longest);
            let methods = headers.iter().map(|header| &header.method);
            let workers = codec::workers(&settings.device, methods, settings.memory, each, lengths.len() as u64);
            if workers > 1 {
                let done =
                    codec::decompress_frames(&mut self.file, &mut output, &settings, &lengths, workers, monitor)?;
                return Ok(Summary { coded: self.compressed_len(), ..done });
            }
        }
        pollster::block_on(codec::decompress(&mut self.file, &mut output, &settings, monitor))
    }

    /// True if the frames lie end to end from the start of the file.
    fn is_end_to_end(&self) -> bool {
        let behind = self.frames.iter().map(Frame::behind);
        std::iter::once(0).chain(behind).zip(&self.frames).all(|(behind, frame)| frame.start == behind)
    }
}

/// Returns the frame that a piece is, if it is one; `priors` is the bytes of priors before it.
fn frame(piece: &Piece, priors: u64) -> Option<Frame> {
    let start = piece.start;
    match &piece.kind {
        PieceKind::Frame(archive::Frame { header, trailer, end }) => {
            let hash = header.as_ref().map(|header| header.prior).filter(|&hash| hash != 0);
            let prior = hash.map(|hash| PriorHash { bits: u64::BITS, hash });
            let (header, trailer) = (header.clone(), trailer.clone());
            Some(Frame { start, priors, header, prior, trailer, end: *end, is_compact: false })
        }
        &PieceKind::Compact { prior, raw_len, payload_len } => {
            let prior = Some(PriorHash { bits: u32::BITS, hash: prior.into() });
            let blocks = vec![BlockLengths { raw: raw_len, coded: payload_len }];
            let trailer = Trailer { raw_len: raw_len.into(), checksum: 0, blocks, frame_len: piece.len };
            Some(Frame { start, priors, header: None, prior, trailer, end: FrameEnd::Intact, is_compact: true })
        }
        _ => None,
    }
}

fn damaged(what: &str) -> ArchiveError {
    ArchiveError::Corrupt { what: what.into() }
}
