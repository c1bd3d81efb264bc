//! `lockstep FILE`: compresses a file.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::bail;
use lockstep::{Device, EngineKind, Options, Progress, Summary};

use super::exit::{Exit, say};
use super::files::{Input, Output, Writing, archive_name, display_name};
use super::options::{CommandLine, Target};
use super::progress::{ProgressBar, bits_per_byte, percent};
use super::result::{conclude, open_result};
use super::start::Start;
use super::watch::{Watch, how_to_continue};

/// Compresses one file, or a part of it.
pub fn compress(line: &CommandLine, start: &Start<'_>, source: &Path) -> anyhow::Result<Exit> {
    let target = line.target(source);
    let mut input = Input::open(source, line.force || target != Target::Named)?;
    let name = display_name(source);
    let length = take_share(line, &mut input)?;
    let options = line.job_options(start).length(length);
    options.check()?;
    let mut model = start.open_model(line, &input)?;
    let named = match target {
        Target::Named => line.folders.place(archive_name(source, line.long.frames))?,
        _ => PathBuf::new(),
    };
    let Some((mut output, mut checkpoint)) = open_result(line, start, target, &named, &input, Writing::default())?
    else {
        return Ok(Exit::Done);
    };
    if matches!(output, Output::Stdout(_)) && io::stdout().is_terminal() && !line.stdout && !line.force {
        bail!("an archive is not for a terminal (-c writes it there all the same)");
    }
    let to_stdout = matches!(output, Output::Stdout(_));
    if line.long.recovery.is_some() && !matches!(output, Output::File { .. } | Output::Part { .. }) {
        bail!("--recovery needs an output that is a file, as it reads the archive again");
    }
    let mut progress = ProgressBar::new(line.show_progress(), &name, length, true);
    let mut watch = Watch {
        progress: &mut progress,
        checkpoint: checkpoint.as_mut(),
        name: &name,
        quiet: line.quiet,
        says_blocks: line.verbose > 0,
        saves_model: start.saves_model(),
        model: None,
    };
    line.say_memory(&name, options.memory_needed());
    start.say_overridden(line, &name, length);
    // No frame falls to a part of a short file.
    let is_empty_part = line.long.frames.is_some() && length == Some(0) && input.length() != Some(0);
    let done =
        if is_empty_part { Ok(Summary::default()) } else { encode(&options, &mut input, &mut output, &mut watch) };
    let learned = watch.model.take();
    let done = done.and_then(|mut done| {
        let changed = input.has_changed()?;
        if let Some(percent) = line.long.recovery.filter(|_| !is_empty_part) {
            done.coded += lockstep::recovery::protect(output.reopen()?, &mut output, percent)?;
        }
        if line.long.verify {
            verify(line, &options, &name, &mut output, &done)?;
        }
        model.save(learned)?;
        Ok((done, changed))
    });
    let (done, changed) = match done {
        Ok(done) => done,
        Err(error) => {
            output.abandon(checkpoint.as_ref());
            return Err(error);
        }
    };
    let speed = progress.finish(done.raw);
    let target = output.name();
    let exit = conclude(&name, &input, output, checkpoint, line.remove && !changed)?;
    let (raw, coded) = (done.raw, done.coded);
    let (percent, bits) = (percent(raw, coded), bits_per_byte(raw, coded));
    let sizes = format!("{percent:.2} %  {bits:.3} bits/byte ({raw} => {coded} bytes, {target})");
    line.say_summary(to_stdout, format_args!("{name} : {sizes}  {speed}"), &done);
    if changed {
        bail!("was written to while it was read: the archive holds what was read");
    }
    Ok(exit)
}

/// Limits the input to this process's part; returns its length, if it is known.
fn take_share(line: &CommandLine, input: &mut Input) -> anyhow::Result<Option<u64>> {
    let (Some(share), Some(size)) = (line.long.frames, line.long.frame_size) else { return Ok(input.length()) };
    let Some(length) = input.length() else { bail!("--frames needs a file: a pipe can't be cut at frames") };
    let (offset, length) = share.of(length, size).unwrap_or((length, 0));
    input.limit(offset, length);
    Ok(Some(length))
}

fn encode(options: &Options, input: &mut Input, output: &mut Output, watch: &mut Watch<'_>) -> anyhow::Result<Summary> {
    let done = watch.with_signals(|watch| lockstep::compress_stream(input, output, options, watch));
    done.map_err(|error| how_to_continue(error, watch.checkpoint.as_deref()))
}

/// Decodes the archive, on another device if there is one. Its content is compared by the checksums
/// that the encoder made of the input.
fn verify(
    line: &CommandLine,
    options: &Options,
    name: &str,
    output: &mut Output,
    done: &Summary,
) -> anyhow::Result<()> {
    let on_gpu = done.engine.as_ref().is_some_and(|engine| engine.kind == EngineKind::Gpu);
    let device = if on_gpu { Device::Cpu } else { Device::Auto };
    let options = options.clone().device(device).fallback(false).size_limit(None);
    let mut progress = ProgressBar::new(line.show_progress(), name, Some(done.raw), false);
    progress.say("verifying  ");
    let mut update = |Progress { raw, coded }| {
        progress.update(raw, coded);
        ControlFlow::Continue(())
    };
    let verified = lockstep::decompress_stream(output.reopen()?, io::sink(), &options, &mut update);
    match verified {
        Ok(verified) if (verified.raw, verified.coded) == (done.raw, done.coded) => {
            if let (Some(engine), true) = (verified.engine, line.verbose > 0) {
                say(format_args!("  verified on {engine}"));
            }
            Ok(())
        }
        Ok(verified) => {
            bail!("the archive holds {} bytes, but {} were encoded; it is not kept", verified.raw, done.raw)
        }
        Err(error) => {
            let engine = done.engine.as_ref().map_or_else(|| "CPU".into(), ToString::to_string);
            bail!("what {engine} encoded does not decode: {error}; the archive is not kept")
        }
    }
}
