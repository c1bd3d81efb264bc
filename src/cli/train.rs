//! `lockstep train`: samples become a prior.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use lockstep::internals::engine::DeviceChoice;
use lockstep::internals::model::MixingConfig;
use lockstep::internals::model::levels::method_for;
use lockstep::internals::training::{News, TrainSettings, train as train_prior};

use super::exit::say;
use super::level::Level;
use super::model::ModelOptions;
use super::output::Output;
use super::progress::{Progress, bits_per_byte};
use super::sizes::parse_size;

/// log2 of table bytes for each byte of samples: a prior's file stays small.
const TABLE_SHIFT: u32 = 4;

/// log2 of the samples' bytes for each stream.
const STREAM_SHIFT: u32 = 16;

/// How to train.
#[derive(Args, Clone, Debug)]
pub struct TrainOptions {
    /// Samples: files of the kind that is to be compressed
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the prior to FILE
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Passes of the network over the samples
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    passes: u16,
    /// Overwrite the prior
    #[arg(short, long)]
    force: bool,
    /// Say less
    #[arg(short, long)]
    quiet: bool,
    /// Threads of the CPU; 0 is one a core
    #[arg(short = 'T', long, value_name = "N", default_value_t = 0)]
    pub threads: u16,
    /// Where to run the model: auto, cpu, gpu, or a name or index from `lockstep devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Most memory that may be used, with K, M or G
    #[arg(long, visible_alias = "memory", value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    memory_limit: u64,
    #[command(flatten)]
    level: Level,
    #[command(flatten)]
    model: ModelOptions,
}

/// Trains, tells how it goes, writes the prior.
pub fn train(options: &TrainOptions) -> anyhow::Result<()> {
    let read = |path: &PathBuf| fs::read(path).with_context(|| format!("can't read {}", path.display()));
    let samples = options.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let length: u64 = samples.iter().map(|sample| sample.len() as u64).sum();
    if length == 0 {
        bail!("the samples are empty");
    }
    let mut output = Output::file(&options.output, Path::new("-"), options.force)?;
    let mut level = method_for(options.level.number(), length);
    level.mixing = level.mixing.map(|mixing| {
        let table_bits = (length.ilog2() + TABLE_SHIFT).clamp(18, mixing.table_bits.max(18));
        MixingConfig { table_bits, ..mixing }
    });
    level.model.streams = (length >> STREAM_SHIFT).clamp(16, 64) as u32;
    level.model.rate_end /= 2; // several passes gain from a slow end
    let method = options.model.apply(level);
    let (device, memory) = (options.device.clone(), options.memory_limit);
    let settings = TrainSettings { device, method, passes: options.passes.into(), memory };
    let mut bar = Progress::new(!options.quiet, "training", Some(length), false);
    let mut news = |news| match news {
        News::Progress { done, .. } => bar.update(done, 0),
        News::Pass { number, loss } if !options.quiet => {
            let bits = bits_per_byte(loss.raw, loss.coded);
            say(format_args!("pass {number} : network alone {bits:.3} bits/byte on {} held-out bytes", loss.raw));
        }
        News::Mixed { best, loss } if !options.quiet => {
            let bits = bits_per_byte(loss.raw, loss.coded);
            say(format_args!("mixing, with the network of pass {best} : {bits:.3} bits/byte"));
        }
        _ => {}
    };
    let mut prior = pollster::block_on(train_prior(&samples, &settings, &mut news))?;
    let speed = bar.finish(length);
    prior.write(&mut output)?;
    let name = output.name();
    output.complete(&options.output, None, false)?;
    if !options.quiet {
        say(format_args!("{name} : prior {:016x} of {} samples, {length} bytes  {speed}", prior.hash(), samples.len()));
    }
    Ok(())
}
