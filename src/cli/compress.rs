//! `lockstep FILE`: compresses a file.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::bail;
use lockstep::{Device, EngineKind, Options, Progress, Summary};

use super::checkpoint::Checkpoint;
use super::exit::say;
use super::input::{Input, display_name};
use super::options::{CommandLine, Target};
use super::output::{CheckpointPlan, Output, archive_name};
use super::progress::{ProgressBar, bits_per_byte, percent};
use super::start::Start;
use super::watch::{Watch, how_to_continue};

/// Compresses one file, or a part of it.
pub fn compress(line: &CommandLine, start: &Start<'_>, source: &Path) -> anyhow::Result<()> {
    let mut input = Input::open(source)?;
    let name = display_name(source);
    let length = take_share(line, &mut input)?;
    let named = archive_name(source, line.long.frames);
    let (mut output, mut checkpoint) = match line.target(source) {
        Target::Stdout if io::stdout().is_terminal() && !line.stdout && !line.force => {
            bail!("an archive is not for a terminal (-c writes it there all the same)")
        }
        Target::Stdout => (Output::stdout(), None),
        Target::File(path) => match open_output(line, path, source)? {
            Some(output) => output,
            None => return Ok(()),
        },
        Target::Named => match open_output(line, &named, source)? {
            Some(output) => output,
            None => return Ok(()),
        },
    };
    let options = line.job_options(start).length(length);
    let to_stdout = matches!(output, Output::Stdout(_));
    let mut progress = ProgressBar::new(line.quiet == 0, &name, length, true);
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
    // No frame falls to a part of a short file.
    let is_empty_part = line.long.frames.is_some() && length == Some(0) && input.length() != Some(0);
    let done =
        if is_empty_part { Ok(Summary::default()) } else { encode(&options, &mut input, &mut output, &mut watch) };
    let model = watch.model.take();
    let done = done.and_then(|done| {
        start.save(model, line.force)?;
        input.check_unchanged()?;
        if line.long.verify {
            verify(line, &options, &name, &output, &done)?;
        }
        Ok(done)
    });
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            output.abandon(checkpoint.as_ref());
            return Err(error);
        }
    };
    let speed = progress.finish(done.raw);
    let target = output.name();
    output.complete(source, input.metadata(), line.remove)?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove()?;
    }
    let (raw, coded) = (done.raw, done.coded);
    let (percent, bits) = (percent(raw, coded), bits_per_byte(raw, coded));
    let sizes = format!("{percent:.2} %  {bits:.3} bits/byte ({raw} => {coded} bytes, {target})");
    line.say_summary(to_stdout, format_args!("{name} : {sizes}  {speed}"), &done);
    Ok(())
}

/// Limits the input to this process's part; returns its length, if it is known.
fn take_share(line: &CommandLine, input: &mut Input) -> anyhow::Result<Option<u64>> {
    let (Some(share), Some(size)) = (line.long.frames, line.long.frame_size) else { return Ok(input.length()) };
    let Some(length) = input.length() else { bail!("--frames needs a file: a pipe can't be cut at frames") };
    let (offset, length) = share.of(length, size).unwrap_or((length, 0));
    input.limit(offset, length)?;
    Ok(Some(length))
}

/// Opens a file for the result, with its checkpoint if there is to be one; nothing if an earlier
/// run was complete.
pub fn open_output(
    line: &CommandLine,
    path: &Path,
    source: &Path,
) -> anyhow::Result<Option<(Output, Option<Checkpoint>)>> {
    let Some(file) = &line.long.checkpoint else {
        return Ok(Some((Output::file(path, source, line.force)?, None)));
    };
    let job = line.job();
    let plan = CheckpointPlan { file: file.as_deref(), job: &job, interval: line.long.checkpoint_interval };
    match Output::resumable(path, source, line.force, plan)? {
        Some((output, checkpoint)) => {
            if checkpoint.is_there() && line.quiet == 0 {
                say(format_args!("{} : continuing from {}", display_name(source), checkpoint.path().display()));
            }
            Ok(Some((output, Some(checkpoint))))
        }
        None => {
            if line.quiet == 0 {
                say(format_args!("{} : {} was complete already", display_name(source), path.display()));
            }
            Ok(None)
        }
    }
}

fn encode(options: &Options, input: &mut Input, output: &mut Output, watch: &mut Watch<'_>) -> anyhow::Result<Summary> {
    let done = watch.with_signals(|watch| lockstep::compress_stream(input, output, options, watch));
    done.map_err(|error| how_to_continue(error, watch.checkpoint.as_deref()))
}

/// Decodes the archive, on another device if there is one. Its content is compared by the checksums
/// that the encoder made of the input.
fn verify(line: &CommandLine, options: &Options, name: &str, output: &Output, done: &Summary) -> anyhow::Result<()> {
    let on_gpu = done.engine.as_ref().is_some_and(|engine| engine.kind == EngineKind::Gpu);
    let device = if on_gpu { Device::Cpu } else { Device::Auto };
    let options = options.clone().device(device).fallback(false).size_limit(None);
    let mut progress = ProgressBar::new(line.quiet == 0, name, Some(done.raw), false);
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
