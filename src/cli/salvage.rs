//! `lockstep -d --salvage FILE.lks`: writes all that can be had of a damaged archive.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::bail;
use lockstep::{Archive, ArchiveError, Error, Missing};

use super::decompress::content_path;
use super::exit::{Exit, complain};
use super::files::{Input, Output, Writing, display_name};
use super::mending::mend;
use super::options::{CommandLine, Target};
use super::progress::{ProgressBar, Show};
use super::result::{conclude, open_result};
use super::start::Start;
use super::watch::Watch;

/// Salvages one archive. Its result is kept; if something is missing, that is an error.
pub fn salvage(line: &CommandLine, start: &Start<'_>, source: &Path) -> anyhow::Result<Exit> {
    let target = line.target(source);
    let mut input = Input::open(source, line.force || target != Target::Named)?;
    let name = display_name(source);
    let mending = mend(line, &mut input, &name, false)?;
    let Some(file) = input.file() else { bail!("--salvage needs an archive that is a file") };
    let file = file.try_clone()?;
    let mut archive = Archive::open(mending.view(file)?)?;
    let length = archive.len();
    let named = content_path(line, target, source)?;
    let writing = Writing { sparse: true, length: Some(length), ..Writing::default() };
    let Some((mut output, _)) = open_result(line, start, target, &named, &input, writing)? else {
        return Ok(Exit::Done);
    };
    let to_stdout = matches!(output, Output::Stdout(_));
    let show = if to_stdout && io::stdout().is_terminal() { Show::Nowhere } else { line.show_progress() };
    let mut progress = ProgressBar::new(show, &name, Some(length), false);
    let mut watch = Watch {
        progress: &mut progress,
        checkpoint: None,
        name: &name,
        quiet: line.quiet,
        saves_model: false,
        says_blocks: false,
        model: None,
    };
    let salvaged = archive.salvage(&mut output, &line.job_options(start), &mut watch)?;
    let speed = progress.finish(salvaged.summary.raw);
    let target = output.name();
    let is_whole = salvaged.missing.is_empty();
    // An archive that is damaged is kept, also where its content could be mended.
    let remove = line.remove && is_whole && mending.damaged().is_empty();
    let exit = conclude(&name, &input, output, None, remove)?;
    if line.quiet < 2 {
        salvaged.missing.iter().for_each(|missing| complain(format_args!("{name}: {}", sentence(missing))));
    }
    let raw = salvaged.summary.raw;
    line.say_summary(to_stdout, format_args!("{name} : {raw} bytes ({target})  {speed}"), &salvaged.summary);
    if is_whole {
        return Ok(exit);
    }
    let bytes: u64 = salvaged.missing.iter().map(|missing| missing.range.end - missing.range.start).sum();
    let what = match salvaged.missing.iter().all(|missing| missing.is_certain) {
        true => format!("{bytes} bytes of the content are missing"),
        false => format!("{bytes} bytes of the content are missing, or another number"),
    };
    Err(Error::from(ArchiveError::Corrupt { what }).into())
}

/// Says what is missing, and why.
fn sentence(Missing { range, is_certain, reason }: &Missing) -> String {
    let (start, end) = (range.start, range.end);
    match (is_certain, range.is_empty()) {
        (true, _) => format!("bytes {start}..{end} are missing ({reason})"),
        (false, true) => format!("at byte {start} an unknown number of bytes may be missing ({reason})"),
        (false, false) => format!(
            "bytes {start}..{end} are missing, but their number is not certain, so what follows may have another place \
             ({reason})"
        ),
    }
}
