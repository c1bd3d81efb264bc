//! `lockstep FILE`: a file becomes an archive.

use std::io::{self, BufReader, IsTerminal, Read};
use std::iter;
use std::path::Path;

use anyhow::bail;
use lockstep::internals::archive::Header;
use lockstep::internals::codec::{self, CompressSettings, DecompressSettings, Summary, memory_needed};
use lockstep::internals::engine::DeviceChoice;

use super::checkpoint::Checkpoint;
use super::exit::say;
use super::frames::{self, Work};
use super::input::{Input, display_name};
use super::options::{Options, Target};
use super::output::{CheckpointPlan, Output, archive_name};
use super::progress::{Progress, bits_per_byte, percent};
use super::sizes::Share;
use super::start::Start;
use super::watch::{Watch, how_to_go_on};

/// Compresses one file, or its share of it.
pub fn compress(options: &Options, start: &Start<'_>, source: &Path) -> anyhow::Result<()> {
    let mut input = Input::open(source)?;
    let name = display_name(source);
    let length = take_share(options, &mut input)?;
    let named = archive_name(source, options.long.frames);
    let (mut output, mut checkpoint) = match options.target(source) {
        Target::Stdout if io::stdout().is_terminal() && !options.stdout && !options.force => {
            bail!("an archive is not for a terminal (-c writes it there all the same)")
        }
        Target::Stdout => (Output::stdout(), None),
        Target::File(path) => match open_output(options, path, source)? {
            Some(output) => output,
            None => return Ok(()),
        },
        Target::Named => match open_output(options, &named, source)? {
            Some(output) => output,
            None => return Ok(()),
        },
    };
    let settings = CompressSettings {
        device: options.device.clone(),
        fallback: options.long.fallback.is_some(),
        method: &|length| options.method_for(start, length),
        transform: start.transform(options.transform),
        block_size: options.block_size,
        frame_size: options.long.frame_size,
        length,
        prior: start.prior.clone(),
        memory: options.memory_limit,
    };
    let to_stdout = matches!(output, Output::Stdout(_));
    let mut progress = Progress::new(options.quiet == 0, &name, settings.length, true);
    let work = Work { options, start, name: &name, progress: &mut progress };
    let done = encode(work, &settings, &mut input, &mut output, checkpoint.as_mut());
    let done = done.and_then(|done| input.check_unchanged().map(|()| done)).and_then(|done| {
        if options.long.verify {
            verify(options, start, &name, &output, &done)?;
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
    output.complete(source, input.metadata(), options.remove)?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove()?;
    }
    let (raw, coded) = (done.raw, done.coded);
    let (percent, bits) = (percent(raw, coded), bits_per_byte(raw, coded));
    let sizes = format!("{percent:.2} %  {bits:.3} bits/byte ({raw} => {coded} bytes, {target})");
    options.say_summary(to_stdout, format_args!("{name} : {sizes}  {speed}"), &done);
    Ok(())
}

/// Limits the input to this process's share; returns its length, if it is known.
fn take_share(options: &Options, input: &mut Input) -> anyhow::Result<Option<u64>> {
    let (Some(share), Some(size)) = (options.long.frames, options.long.frame_size) else { return Ok(input.length()) };
    let Some(length) = input.length() else { bail!("--frames needs a file: a pipe can't be cut at frames") };
    let (offset, length) = share.of(length, size).unwrap_or((length, 0));
    input.limit(offset, length)?;
    Ok(Some(length))
}

/// A file for the result, with its checkpoint if there is to be one; nothing if an
/// earlier run had come to its end.
pub fn open_output(
    options: &Options,
    path: &Path,
    source: &Path,
) -> anyhow::Result<Option<(Output, Option<Checkpoint>)>> {
    let Some(file) = &options.long.checkpoint else {
        return Ok(Some((Output::file(path, source, options.force)?, None)));
    };
    let job = options.job();
    let plan = CheckpointPlan { file: file.as_deref(), job: &job, interval: options.long.checkpoint_interval };
    match Output::resumable(path, source, options.force, plan)? {
        Some((output, checkpoint)) => {
            if checkpoint.is_there() && options.quiet == 0 {
                say(format_args!("{} : going on from {}", display_name(source), checkpoint.path().display()));
            }
            Ok(Some((output, Some(checkpoint))))
        }
        None => {
            if options.quiet == 0 {
                say(format_args!("{} : {} was complete already", display_name(source), path.display()));
            }
            Ok(None)
        }
    }
}

fn encode(
    work: Work<'_>,
    settings: &CompressSettings<'_>,
    input: &mut Input,
    output: &mut Output,
    checkpoint: Option<&mut Checkpoint>,
) -> anyhow::Result<Summary> {
    let Work { options, start, name, progress } = work;
    // The largest frame decides.
    let longest = settings.length.unwrap_or(codec::ASSUMED_LENGTH);
    let frame = settings.frame_size.map_or(longest, |size| size.min(settings.length.unwrap_or(u64::MAX)));
    let block_size = u64::from(options.block_size).min(frame.max(1)) as u32;
    let header = Header { method: options.method_for(start, frame), block_size, prior: 0 };
    let prior = start.prior.as_deref();
    options.say_memory(name, memory_needed(&header, prior, settings.fallback));
    if let (Some(Share { .. }), Some(0)) = (options.long.frames, settings.length)
        && input.length() != Some(0)
    {
        return Ok(Summary::default()); // no frame falls to this share
    }
    if let (Some(size), None) = (settings.frame_size, &checkpoint) {
        let each = memory_needed(&header, prior, settings.fallback).saturating_add(2 * frame);
        let most = settings.length.map_or(u64::MAX, |length| length.div_ceil(size));
        let workers = frames::workers(options, iter::once(&header.method), settings.memory, each, most);
        if workers > 1 {
            let work = Work { options, start, name, progress };
            let embedded = start.embed(output)?;
            let mut done = frames::encode(work, workers, settings, size, &mut BufReader::new(input), output)?;
            done.coded += embedded;
            return Ok(done);
        }
    }
    let embedded = start.embed(output)?;
    let mut watch =
        Watch { progress, checkpoint, name, quiet: options.quiet, saves_model: start.saves_model(), model: None };
    let input: &mut dyn Read = input;
    let done = watch.heeding(|watch| pollster::block_on(codec::compress(input, output, settings, watch)));
    let mut done = done.map_err(|error| how_to_go_on(error, watch.checkpoint.as_deref()))?;
    start.save(watch.model, options.force)?;
    done.coded += embedded;
    Ok(done)
}

/// Decodes what was encoded, on another device if there is one; its content is
/// compared by the checksums that the encoder made of what it read.
fn verify(options: &Options, start: &Start<'_>, name: &str, output: &Output, done: &Summary) -> anyhow::Result<()> {
    let on_cpu = done.engine.as_ref().is_none_or(|engine| engine.starts_with("CPU"));
    let device = if on_cpu { DeviceChoice::Auto } else { DeviceChoice::Cpu };
    let (prior, memory) = (start.prior.clone(), options.memory_limit);
    let settings = DecompressSettings { device, fallback: false, prior, memory, size_limit: u64::MAX };
    let mut progress = Progress::new(options.quiet == 0, name, Some(done.raw), false);
    progress.say("verifying  ");
    let mut update = |raw, coded| progress.update(raw, coded);
    let mut archive = output.reopen()?;
    let verified = pollster::block_on(codec::decompress(&mut archive, &mut io::sink(), &settings, &mut update));
    match verified {
        Ok(verified) if (verified.raw, verified.coded) == (done.raw, done.coded) => {
            if let (Some(engine), true) = (verified.engine, options.verbose > 0) {
                say(format_args!("  verified on {engine}"));
            }
            Ok(())
        }
        Ok(verified) => {
            bail!("the archive holds {} bytes, but {} were encoded; it is not kept", verified.raw, done.raw)
        }
        Err(error) => {
            let engine = done.engine.as_deref().unwrap_or("CPU");
            bail!("what {engine} encoded does not decode: {error}; the archive is not kept")
        }
    }
}
