//! `lockstep -d FILE.lks`: an archive becomes its content again; `-t` only checks.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::bail;
use lockstep::internals::archive::{ArchiveError, Frame, list, walk};
use lockstep::internals::codec::{self, CodecError, DecompressSettings, Summary, memory_needed};

use super::checkpoint::Checkpoint;
use super::compress::open_output;
use super::frames::{self, Work};
use super::input::{Input, display_name};
use super::options::{Options, Target};
use super::output::{Output, content_name};
use super::progress::Progress;
use super::sizes::Range;
use super::start::Start;
use super::watch::{Watch, how_to_go_on};

/// Decompresses one archive, or tests it.
pub fn decompress(options: &Options, start: &Start<'_>, source: &Path, test: bool) -> anyhow::Result<()> {
    let mut input = Input::open(source)?;
    let name = display_name(source);
    let opened = match options.target(source) {
        _ if test => Some((Output::Nowhere, None)),
        Target::Stdout => Some((Output::stdout(), None)),
        Target::File(path) => open_output(options, path, source)?,
        Target::Named => open_output(options, &content_name(source)?, source)?,
    };
    let Some((mut output, mut checkpoint)) = opened else { return Ok(()) };
    let to_stdout = matches!(output, Output::Stdout(_));
    let visible = options.quiet == 0 && !(to_stdout && io::stdout().is_terminal());
    let frames = frames_of(&mut input)?;
    let length = frames.as_ref().map(|frames| frames.iter().map(|f| f.trailer.raw_len).sum());
    let mut progress = Progress::new(visible, &name, length, false);
    let work = Work { options, start, name: &name, progress: &mut progress };
    let result = match options.long.range {
        Some(range) => decode_range(work, range, &mut input, &mut output),
        None => decode(work, frames, &mut input, &mut output, checkpoint.as_mut()),
    };
    // All content is there and right: it is kept, whatever is told of the trailer.
    let trailer =
        |error: &anyhow::Error| matches!(error.downcast_ref(), Some(CodecError::Archive(ArchiveError::Trailer)));
    let (done, damage) = match result {
        Ok(done) => (done, None),
        Err(error) if trailer(&error) => (Summary::default(), Some(error)),
        Err(error) => {
            output.abandon(checkpoint.as_ref());
            return Err(error);
        }
    };
    let speed = progress.finish(done.raw);
    let target = output.name();
    output.complete(source, input.metadata(), options.remove && damage.is_none() && options.long.range.is_none())?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove()?;
    }
    if let Some(damage) = damage {
        return Err(damage);
    }
    let target = if test { "intact" } else { &target };
    options.say_summary(to_stdout, format_args!("{name} : {} bytes ({target})  {speed}", done.raw), &done);
    Ok(())
}

/// The frames of an archive, as its trailers tell; an archive that can't tell
/// is for the decoder to judge.
fn frames_of(input: &mut Input) -> io::Result<Option<Vec<Frame>>> {
    let Some(file) = input.file() else { return Ok(None) };
    let frames = list(file).ok();
    file.rewind()?;
    Ok(frames)
}

fn settings(options: &Options, start: &Start<'_>) -> DecompressSettings {
    let fallback = options.long.fallback.is_some();
    let size_limit = options.long.size_limit.unwrap_or(u64::MAX);
    let (device, prior, memory) = (options.device.clone(), start.prior.clone(), options.memory_limit);
    DecompressSettings { device, fallback, prior, memory, size_limit }
}

fn decode(
    work: Work<'_>,
    frames: Option<Vec<Frame>>,
    input: &mut Input,
    output: &mut Output,
    checkpoint: Option<&mut Checkpoint>,
) -> anyhow::Result<Summary> {
    let Work { options, start, name, progress } = work;
    let settings = settings(options, start);
    let prior = start.prior.as_deref();
    let frames = frames.unwrap_or_default();
    let stated: u64 = frames.iter().map(|frame| frame.trailer.raw_len).sum();
    if stated > settings.size_limit {
        return Err(CodecError::SizeLimit { limit: settings.size_limit }.into());
    }
    let needed = frames.iter().map(|frame| memory_needed(&frame.header, prior, settings.fallback)).max();
    if let Some(needed) = needed {
        options.say_memory(name, needed);
    }
    // Frames behind a prior that the archive holds are for one reader.
    let holds_prior = frames.iter().any(|frame| frame.priors > 0);
    if let (Some(needed), None, false) = (needed, &checkpoint, holds_prior) {
        let lengths: Vec<_> = frames.iter().map(|frame| (frame.trailer.raw_len, frame.trailer.frame_len)).collect();
        let longest = lengths.iter().map(|&(raw, coded)| raw.saturating_add(coded)).max().unwrap_or(0);
        let each = needed.saturating_add(longest);
        let methods = frames.iter().map(|frame| &frame.header.method);
        let workers = frames::workers(options, methods, settings.memory, each, lengths.len() as u64);
        if workers > 1 {
            let work = Work { options, start, name, progress };
            return frames::decode(work, workers, &settings, &lengths, input, output);
        }
    }
    let mut watch =
        Watch { progress, checkpoint, name, quiet: options.quiet, saves_model: start.saves_model(), model: None };
    let input: &mut dyn Read = input;
    let done = watch.heeding(|watch| pollster::block_on(codec::decompress(input, output, &settings, watch)));
    let done = done.map_err(|error| how_to_go_on(error, watch.checkpoint.as_deref()))?;
    start.save(watch.model, options.force)?;
    Ok(done)
}

/// Decodes the frames that hold a range, and writes only that.
fn decode_range(work: Work<'_>, range: Range, input: &mut Input, output: &mut Output) -> anyhow::Result<Summary> {
    let Some(file) = input.file() else { bail!("--range needs an archive that is a file") };
    let frames = list(file).or_else(|_| walk(file))?;
    if frames.iter().any(|frame| frame.priors > 0) {
        bail!("--range can't look into an archive that holds a prior");
    }
    let whole: u64 = frames.iter().map(|frame| frame.trailer.raw_len).sum();
    let end = range.offset.checked_add(range.length).filter(|&end| end <= whole);
    let Some(end) = end else { bail!("the archive holds {whole} bytes, so --range can't reach beyond them") };
    let (mut raw_at, mut coded_at) = (0, 0);
    let mut sum = Summary::default();
    for frame in frames {
        let (raw_len, frame_len) = (frame.trailer.raw_len, frame.trailer.frame_len);
        if raw_at < end && raw_at + raw_len > range.offset {
            let mut window = Window { output, at: raw_at, range: range.offset..end };
            let done = decode_frame_at(&settings(work.options, work.start), file, coded_at, frame_len, &mut window)?;
            sum.coded += done.coded;
            sum.engine = done.engine.or(sum.engine);
        }
        raw_at += raw_len;
        coded_at += frame_len;
        work.progress.update(raw_at.min(end).saturating_sub(range.offset), coded_at);
    }
    output.flush()?;
    Ok(Summary { raw: range.length, ..sum })
}

fn decode_frame_at(
    settings: &DecompressSettings,
    file: &mut File,
    start: u64,
    len: u64,
    window: &mut Window<'_>,
) -> Result<Summary, CodecError> {
    file.seek(SeekFrom::Start(start)).map_err(CodecError::Input)?;
    let mut nothing = |_: u64, _: u64| ();
    pollster::block_on(codec::decompress(&mut file.take(len), window, settings, &mut nothing))
}

/// Lets only a part of a stream through.
struct Window<'a> {
    output: &'a mut Output,
    /// Where the stream stands.
    at: u64,
    range: std::ops::Range<u64>,
}

impl Write for Window<'_> {
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
