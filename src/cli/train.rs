//! `lockstep train`: makes a prior from samples.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use lockstep::{Device, Error, Options, Prior, TrainingEvent};

use super::escape::shown;
use super::exit::{Exit, say};
use super::files::{Attributes, Input, Output, Protected, Source, Writing};
use super::level::LevelOption;
use super::model::ModelOptions;
use super::progress::{ProgressBar, ProgressOptions, bits_per_byte};
use super::sizes::parse_size;
use super::threads::ThreadOptions;
use super::walk::{Search, SourceOptions};

/// How to train.
#[derive(Args, Clone, Debug)]
pub struct TrainOptions {
    #[command(flatten)]
    samples: SourceOptions,
    /// Write the prior to FILE
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Passes of the network over the samples
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    passes: u16,
    /// Overwrite the prior
    #[arg(short, long)]
    force: bool,
    /// Print less
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    progress: ProgressOptions,
    #[command(flatten)]
    pub threads: ThreadOptions,
    /// Where to run the model: auto, cpu, gpu, or a name or index from `lockstep devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Most memory that may be used; K, M or G may follow
    #[arg(short = 'M', long, visible_alias = "memory", alias = "memlimit", value_name = "SIZE")]
    #[arg(default_value = "4G", value_parser = parse_size)]
    memory_limit: u64,
    #[command(flatten)]
    level: LevelOption,
    #[command(flatten)]
    model: ModelOptions,
}

/// Trains, reports progress, writes the prior; samples that can't be found only change the exit.
pub fn train(options: &TrainOptions) -> anyhow::Result<Exit> {
    if !options.quiet {
        options.level.say_clamped();
    }
    if options.samples.is_empty() {
        bail!("no samples were given (see lockstep train --help)");
    }
    let search = Search { archives: false, links: false, quiet: options.quiet.into(), verbose: false };
    let found = options.samples.find(search)?;
    let (samples, sources) = read_samples(&found.files, options.memory_limit)?;
    let length: u64 = samples.iter().map(|sample| sample.len() as u64).sum();
    if length == 0 {
        return Err(Error::NoSamples.into());
    }
    let protected: Vec<Protected> =
        sources.iter().map(|s| Protected { id: s.id, role: "one of the samples" }).collect();
    // A prior tells much of its samples: nobody may read it who may not read all of them.
    let attributes = sources.into_iter().map(|source| source.attributes).reduce(Attributes::and).unwrap_or_default();
    let writing = Writing { overwrite: options.force, protected: &protected, ..Writing::default() };
    let mut output = Output::file(&options.output, &Source { attributes, id: None }, writing)?;
    let mut bar = ProgressBar::new(options.progress.show(options.quiet.into()), "training", Some(length), false);
    let mut observer = |event| match event {
        TrainingEvent::Progress { done, .. } => bar.update(done, 0),
        TrainingEvent::Pass { number, loss } if !options.quiet => {
            let bits = bits_per_byte(loss.raw, loss.coded);
            say(format_args!("pass {number} : network alone {bits:.3} bits/byte on {} held-out bytes", loss.raw));
        }
        TrainingEvent::Mixed { best, loss } if !options.quiet => {
            let bits = bits_per_byte(loss.raw, loss.coded);
            say(format_args!("mixing, with the network of pass {best} : {bits:.3} bits/byte"));
        }
        _ => {}
    };
    let job = Options::new().level(options.level.level()).device(options.device.clone());
    let job = options.model.apply(job).passes(options.passes.into()).memory_limit(options.memory_limit);
    let mut prior = Prior::train(&samples, &job, &mut observer)?;
    let speed = bar.finish(length);
    prior.write(&mut output)?;
    let name = output.name();
    output.complete()?.into_named()?;
    if !options.quiet {
        say(format_args!("{name} : prior {:016x} of {} samples, {length} bytes  {speed}", prior.hash(), samples.len()));
    }
    Ok(found.exit)
}

/// Reads all samples, which may have `left` bytes together.
fn read_samples(files: &[PathBuf], mut left: u64) -> anyhow::Result<(Vec<Vec<u8>>, Vec<Source>)> {
    let mut read = |path: &PathBuf| {
        let input = Input::open(path, true)?;
        let source = input.source()?;
        let mut sample = Vec::new();
        left -= input.take(left).read_to_end(&mut sample)? as u64;
        if left == 0 {
            bail!("the samples need more memory than --memory-limit allows");
        }
        Ok((sample, source))
    };
    let read = |path| read(path).with_context(|| format!("can't read {}", shown(&path)));
    Ok(files.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
}
