//! `lockstep -d FILE.lks`: decompresses an archive; `-t` only checks it.

use std::fs::File;
use std::io::{self, IsTerminal, Seek};
use std::path::{Path, PathBuf};

use anyhow::bail;
use lockstep::{Archive, ArchiveError, Error, Frame, Options, Summary};

use super::exit::Exit;
use super::files::{Input, Output, Writing, content_name, display_name};
use super::options::{CommandLine, Target};
use super::pass_through::pass_through;
use super::progress::{ProgressBar, Show};
use super::result::{conclude, open_result};
use super::sizes::Range;
use super::start::Start;
use super::watch::{Watch, how_to_continue};

/// Decompresses one archive, or tests it.
pub fn decompress(line: &CommandLine, start: &Start<'_>, source: &Path, test: bool) -> anyhow::Result<Exit> {
    let target = line.target(source);
    let mut input = Input::open(source, test || line.force || target != Target::Named)?;
    let name = display_name(source);
    if !test && pass_through(line, source, &mut input)? {
        return Ok(Exit::Done);
    }
    let length = content_length(&mut input)?;
    let mut model = start.open_model(line, &input)?;
    let opened = if test {
        Some((Output::Nowhere, None))
    } else {
        let named = match target {
            Target::Named => line.folders.place(content_name(source)?)?,
            _ => PathBuf::new(),
        };
        let length = line.long.range.map_or(length, |range| Some(range.length));
        open_result(line, start, target, &named, &input, Writing { sparse: true, length, ..Writing::default() })?
    };
    let Some((mut output, mut checkpoint)) = opened else { return Ok(Exit::Done) };
    let to_stdout = matches!(output, Output::Stdout(_));
    let show = if to_stdout && io::stdout().is_terminal() { Show::Nowhere } else { line.show_progress() };
    let options = line.job_options(start);
    let mut progress = ProgressBar::new(show, &name, length, false);
    let mut watch = Watch {
        progress: &mut progress,
        checkpoint: checkpoint.as_mut(),
        name: &name,
        quiet: line.quiet,
        saves_model: start.saves_model(),
        model: None,
    };
    let result = match line.long.range {
        Some(range) => decode_range(&options, range, &mut input, &mut output, &mut watch),
        None => decode(line, &options, &mut input, &mut output, &mut watch),
    };
    let learned = watch.model.take();
    let result = result.and_then(|done| model.save(learned).map(|()| done));
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
    let remove = line.remove && damage.is_none() && line.long.range.is_none();
    let exit = conclude(&name, &input, output, checkpoint, remove)?;
    if let Some(damage) = damage {
        return Err(damage);
    }
    let target = if test { "intact" } else { &target };
    line.say_summary(to_stdout, format_args!("{name} : {} bytes ({target})  {speed}", done.raw), &done);
    Ok(exit)
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
