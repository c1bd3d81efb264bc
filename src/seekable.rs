//! An archive that can be read at any place: its frames, and ranges of its content.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};

use crate::Error;
use crate::archive::{self, ArchiveError, BlockLengths};
use crate::codec::{self, Monitor, Progress, Summary, main_engine, memory_needed};
use crate::model::Method;
use crate::options::Options;
use crate::pool::Pool;

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
    frames: Vec<Frame>,
    damaged: bool,
}

/// A frame of an archive, as its header and its trailer describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    inner: archive::Frame,
    /// Where the frame starts, behind its priors.
    start: u64,
}

impl Frame {
    /// Raw bytes of the frame.
    pub fn raw_len(&self) -> u64 {
        self.inner.trailer.raw_len
    }

    /// Bytes of the frame in the archive, without priors in front of it.
    pub fn compressed_len(&self) -> u64 {
        self.inner.trailer.frame_len
    }

    /// Bytes of priors that lie in front of the frame.
    pub fn prior_len(&self) -> u64 {
        self.inner.priors
    }

    /// XXH3-64 of the frame's content; `None` if the trailer is damaged.
    pub fn checksum(&self) -> Option<u64> {
        let archive::Trailer { checksum, raw_len, .. } = self.inner.trailer;
        (checksum != 0 || raw_len == 0).then_some(checksum)
    }

    /// Raw and compressed lengths of the blocks, in bytes; a stored block's are equal.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        self.inner.trailer.blocks.iter().map(|&BlockLengths { raw, coded }| (raw, coded))
    }

    /// The most raw bytes of a block.
    pub fn block_size(&self) -> u32 {
        self.inner.header.block_size
    }

    /// The hyper-parameters that the frame was coded with.
    pub fn method(&self) -> &Method {
        &self.inner.header.method
    }

    /// The hash of the prior that the frame starts from, if it starts from one.
    pub fn prior(&self) -> Option<u64> {
        Some(self.inner.header.prior).filter(|&hash| hash != 0)
    }

    /// Bytes of memory that decoding takes, within a few per cent.
    pub fn memory(&self) -> u64 {
        self.inner.header.memory()
    }

    /// Bytes of memory that decoding with these options takes, within a few per cent: that of the
    /// frame, with its prior and, for a fallback, twice the model.
    pub fn memory_needed(&self, options: &Options) -> u64 {
        let prior = options.start_prior().map(|prior| &**prior);
        memory_needed(&self.inner.header, prior, options.decode_settings().fallback)
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of frames. Nothing is decoded.
    ///
    /// An archive with a damaged trailer is listed block by block; see [`Archive::is_damaged`].
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] for what is no archive, of another version, or damaged in its headers;
    /// [`ArchiveError::NoList`] for a compact archive, which has no list.
    pub fn open(mut file: R) -> Result<Self, Error> {
        let (frames, damaged) = match archive::list(&mut file) {
            Ok(frames) => (frames, false),
            Err(error @ (ArchiveError::Corrupt { .. } | ArchiveError::Truncated)) => match archive::walk(&mut file) {
                Ok(frames) => (frames, true),
                Err(_) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let mut end = 0;
        let place = |inner: archive::Frame| {
            let start = end + inner.priors;
            end = start + inner.trailer.frame_len;
            Frame { inner, start }
        };
        Ok(Archive { frames: frames.into_iter().map(place).collect(), file, damaged })
    }

    /// The frames, in order.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Raw bytes of all frames.
    pub fn len(&self) -> u64 {
        self.frames.iter().map(Frame::raw_len).sum()
    }

    /// True if the archive holds no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the archive: all frames and priors.
    pub fn compressed_len(&self) -> u64 {
        self.frames.iter().map(|frame| frame.compressed_len() + frame.prior_len()).sum()
    }

    /// True if a trailer is damaged or cut off, so that the frames were found block by block.
    pub fn is_damaged(&self) -> bool {
        self.damaged
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
        let mut settings = options.decode_settings();
        if range.end - range.start > settings.size_limit {
            return Err(Error::SizeLimit { limit: settings.size_limit });
        }
        settings.size_limit = u64::MAX;
        let (mut sum, mut raw_at) = (Summary::default(), 0);
        for index in 0..self.frames.len() {
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
        let in_order = self.damaged || self.frames.iter().any(|frame| frame.prior_len() > 0) || monitor.wants_model();
        if !in_order && monitor.checkpoints().is_none() {
            let lengths: Vec<_> = self.frames.iter().map(|frame| (frame.raw_len(), frame.compressed_len())).collect();
            let longest = lengths.iter().map(|&(raw, coded)| raw.saturating_add(coded)).max().unwrap_or(0);
            let needed = self.frames.iter().map(|frame| frame.memory_needed(options)).max().unwrap_or(0);
            let each = needed.saturating_add(longest);
            let methods = self.frames.iter().map(Frame::method);
            let workers = codec::workers(&settings.device, methods, settings.memory, each, lengths.len() as u64);
            if workers > 1 {
                return codec::decompress_frames(&mut self.file, &mut output, &settings, &lengths, workers, monitor);
            }
        }
        pollster::block_on(codec::decompress(&mut self.file, &mut output, &settings, monitor))
    }
}

/// Lets only a range of a stream through.
struct Window<'a, W> {
    output: &'a mut W,
    /// The position of the next byte.
    at: u64,
    range: Range<u64>,
}

impl<W: Write> Write for Window<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let inside = |edge: u64| edge.saturating_sub(self.at).min(bytes.len() as u64) as usize;
        let (first, last) = (inside(self.range.start), inside(self.range.end));
        self.output.write_all(&bytes[first..last.max(first)])?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Counts a frame's progress into that of a range.
struct Within<'a> {
    monitor: &'a mut dyn Monitor,
    before: Progress,
    /// Bytes of the range.
    most: u64,
}

impl Monitor for Within<'_> {
    fn progress(&mut self, Progress { raw, coded }: Progress) -> ControlFlow<()> {
        let Progress { raw: raw_before, coded: coded_before } = self.before;
        self.monitor.progress(Progress::new((raw_before + raw).min(self.most), coded_before + coded))
    }

    fn warning(&mut self, warning: &crate::Warning) {
        self.monitor.warning(warning);
    }
}
