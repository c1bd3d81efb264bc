//! `lockstep -d FILE.lks`: decompresses an archive; `-t` only checks it.

use std::fs::File;
use std::io::{self, IsTerminal, Seek};
use std::path::Path;

use anyhow::bail;
use lockstep::{Archive, ArchiveError, Error, Frame, Options, Summary};

use super::compress::open_output;
use super::input::{Input, display_name};
use super::options::{CommandLine, Target};
use super::output::{Output, content_name};
use super::progress::ProgressBar;
use super::sizes::Range;
use super::start::Start;
use super::watch::{Watch, how_to_continue};

/// Decompresses one archive, or tests it.
pub fn decompress(line: &CommandLine, start: &Start<'_>, source: &Path, test: bool) -> anyhow::Result<()> {
    let mut input = Input::open(source)?;
    let name = display_name(source);
    let opened = match line.target(source) {
        _ if test => Some((Output::Nowhere, None)),
        Target::Stdout => Some((Output::stdout(), None)),
        Target::File(path) => open_output(line, path, source)?,
        Target::Named => open_output(line, &content_name(source)?, source)?,
    };
    let Some((mut output, mut checkpoint)) = opened else { return Ok(()) };
    let to_stdout = matches!(output, Output::Stdout(_));
    let visible = line.quiet == 0 && !(to_stdout && io::stdout().is_terminal());
    let options = line.job_options(start);
    let length = content_length(&mut input)?;
    let mut progress = ProgressBar::new(visible, &name, length, false);
    let mut watch = Watch {
        progress: &mut progress,
        checkpoint: checkpoint.as_mut(),
        name: &name,
        quiet: line.quiet,
        says_blocks: line.verbose > 0,
        saves_model: start.saves_model(),
        model: None,
    };
    let result = match line.long.range {
        Some(range) => decode_range(&options, range, &mut input, &mut output, &mut watch),
        None => decode(line, &options, &mut input, &mut output, &mut watch),
    };
    let model = watch.model.take();
    let result = result.and_then(|done| start.save(model, line.force).map(|()| done));
    // After a damaged trailer all content is there and right: it is kept.
    let trailer = |error: &anyhow::Error| matches!(error.downcast_ref(), Some(Error::Archive(ArchiveError::Trailer)));
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
    output.complete(source, input.metadata(), line.remove && damage.is_none() && line.long.range.is_none())?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove()?;
    }
    if let Some(damage) = damage {
        return Err(damage);
    }
    let target = if test { "intact" } else { &target };
    line.say_summary(to_stdout, format_args!("{name} : {} bytes ({target})  {speed}", done.raw), &done);
    Ok(())
}

/// Opens an archive that is a file and lists its frames. Whatever can't be listed is for the decoder
/// to judge.
fn open_archive(input: &mut Input) -> io::Result<Option<Archive<&mut File>>> {
    let Some(file) = input.file() else { return Ok(None) };
    let listed = Archive::open(&mut *file).is_ok_and(|archive| !archive.is_damaged());
    file.rewind()?;
    Ok(if listed { Archive::open(file).ok() } else { None })
}

/// Returns the raw length of an archive that can be listed.
fn content_length(input: &mut Input) -> io::Result<Option<u64>> {
    let length = open_archive(input)?.map(|archive| archive.len());
    if let Some(file) = input.file() {
        file.rewind()?;
    }
    Ok(length)
}

fn decode(
    line: &CommandLine,
    options: &Options,
    input: &mut Input,
    output: &mut Output,
    watch: &mut Watch<'_>,
) -> anyhow::Result<Summary> {
    let done = match open_archive(input)? {
        Some(mut archive) => {
            let needed = archive.frames().iter().map(|frame: &Frame| frame.memory_needed(options)).max();
            if let Some(needed) = needed {
                line.say_memory(watch.name, needed);
            }
            watch.with_signals(|watch| archive.decompress(output, options, watch))
        }
        None => watch.with_signals(|watch| lockstep::decompress_stream(input, output, options, watch)),
    };
    done.map_err(|error| how_to_continue(error, watch.checkpoint.as_deref()))
}

/// Decodes the frames that hold a range, and writes only the range.
fn decode_range(
    options: &Options,
    range: Range,
    input: &mut Input,
    output: &mut Output,
    watch: &mut Watch<'_>,
) -> anyhow::Result<Summary> {
    let Some(file) = input.file() else { bail!("--range needs an archive that is a file") };
    let mut archive = Archive::open(file)?;
    let end = range.offset.saturating_add(range.length);
    Ok(archive.copy_range(range.offset..end, output, options, watch)?)
}
