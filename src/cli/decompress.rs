//! `lockstep -d FILE.lks`: decompresses an archive; `-t` only checks it.

use std::fs::File;
use std::io::{self, IsTerminal, Seek};
use std::path::{Path, PathBuf};

use anyhow::bail;
use lockstep::recovery::{Mended, Mending};
use lockstep::{Archive, ArchiveError, Error, Frame, Options, Summary};

use super::exit::Exit;
use super::files::{Input, Output, Writing, content_name, display_name};
use super::mending::{damage_of, mend};
use super::options::{CommandLine, Target};
use super::pass_through::pass_through;
use super::progress::{ProgressBar, Show};
use super::result::{conclude, open_result};
use super::salvage::salvage;
use super::sizes::Range;
use super::start::Start;
use super::watch::{Watch, how_to_continue};

/// Decompresses one archive, or tests it.
pub fn decompress(line: &CommandLine, start: &Start<'_>, source: &Path, test: bool) -> anyhow::Result<Exit> {
    if line.long.salvage {
        return salvage(line, start, source);
    }
    let target = line.target(source);
    let mut input = Input::open(source, test || line.force || target != Target::Named)?;
    let name = display_name(source);
    if !test && pass_through(line, source, &mut input)? {
        return Ok(Exit::Done);
    }
    let mending = mend(line, &mut input, &name, test)?;
    let options = line.job_options(start);
    let length = check_content(&options, line.long.range, &mut input, &mending)?;
    let mut model = start.open_model(line, &input)?;
    let opened = if test {
        Some((Output::Nowhere, None))
    } else {
        let named = content_path(line, target, source)?;
        open_result(line, start, target, &named, &input, Writing { sparse: true, length, ..Writing::default() })?
    };
    let Some((mut output, mut checkpoint)) = opened else { return Ok(Exit::Done) };
    let to_stdout = matches!(output, Output::Stdout(_));
    let show = if to_stdout && io::stdout().is_terminal() { Show::Nowhere } else { line.show_progress() };
    let mut progress = ProgressBar::new(show, &name, length, false);
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
        Some(range) => decode_range(&options, range, &mut input, &mending, &mut output, &mut watch),
        None => decode(line, &options, &mut input, &mending, &mut output, &mut watch),
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
    // An archive that is damaged is kept, also where its content could be mended.
    let intact = damage.is_none() && mending.damaged().is_empty();
    let remove = line.remove && intact && line.long.range.is_none();
    let exit = conclude(&name, &input, output, checkpoint, remove)?;
    if let Some(damage) = damage {
        return Err(damage);
    }
    if test && !mending.is_intact() {
        return Err(damage_of(&mending));
    }
    let target = if test { "intact" } else { &target };
    line.say_summary(to_stdout, format_args!("{name} : {} bytes ({target})  {speed}", done.raw), &done);
    Ok(exit)
}

/// Returns the path of the content of an archive whose result is named after it.
pub fn content_path(line: &CommandLine, target: Target<'_>, source: &Path) -> anyhow::Result<PathBuf> {
    match target {
        Target::Named => line.folders.place(content_name(source)?),
        _ => Ok(PathBuf::new()),
    }
}

/// Opens an archive that is a file and lists its frames. Whatever can't be listed is for the decoder
/// to judge.
fn open_archive<'a>(input: &'a mut Input, mending: &Mending) -> anyhow::Result<Option<Archive<Mended<&'a mut File>>>> {
    let Some(file) = input.file() else { return Ok(None) };
    Ok(Archive::open(mending.view(file)?).ok().filter(|archive| !archive.is_damaged()))
}

/// Refuses an archive that can't be decoded with these options; returns the length of the result, if it
/// is known.
fn check_content(
    options: &Options,
    range: Option<Range>,
    input: &mut Input,
    mending: &Mending,
) -> anyhow::Result<Option<u64>> {
    if let Some(range) = range {
        return Ok(Some(range.length));
    }
    let Some(archive) = open_archive(input, mending)? else { return Ok(None) };
    archive.check(options)?;
    Ok(Some(archive.len()))
}

fn decode(
    line: &CommandLine,
    options: &Options,
    input: &mut Input,
    mending: &Mending,
    output: &mut Output,
    watch: &mut Watch<'_>,
) -> anyhow::Result<Summary> {
    let done = match open_archive(input, mending)? {
        Some(mut archive) => {
            let needed = archive.frames().iter().filter_map(|frame: &Frame| frame.memory_needed(options)).max();
            if let Some(needed) = needed {
                line.say_memory(watch.name, needed);
            }
            watch.with_signals(|watch| archive.decompress(output, options, watch))
        }
        None => match input.file() {
            Some(file) => {
                file.rewind()?;
                let view = mending.view(file)?;
                watch.with_signals(|watch| lockstep::decompress_stream(view, output, options, watch))
            }
            None => watch.with_signals(|watch| lockstep::decompress_stream(input, output, options, watch)),
        },
    };
    done.map_err(|error| how_to_continue(error, watch.checkpoint.as_deref()))
}

/// Decodes the frames that hold a range, and writes only the range.
fn decode_range(
    options: &Options,
    range: Range,
    input: &mut Input,
    mending: &Mending,
    output: &mut Output,
    watch: &mut Watch<'_>,
) -> anyhow::Result<Summary> {
    let Some(file) = input.file() else { bail!("--range needs an archive that is a file") };
    let mut archive = Archive::open(mending.view(file)?)?;
    let end = range.offset.saturating_add(range.length);
    Ok(archive.copy_range(range.offset..end, output, options, watch)?)
}
