//! `lockstep bench`: measures how fast the model runs here, and where the time is spent.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use lockstep::internals::bench::{clock, coding, cpu, gpu, sample, step};
use lockstep::internals::model::{Layout, ModelConfig};
use lockstep::{Device, Level, Options};

use super::bench_report::Report;
use super::escape::shown;
use super::files::check_stdout;
use super::level::LevelOption;
use super::model::ModelOptions;
use super::sizes::parse_size;
use super::threads::ThreadOptions;

/// The input length that sample text stands for: it decides the number of streams.
const SAMPLE_OF: u64 = 1 << 20;

/// Bytes of generated text, at the default level.
const SAMPLE_SIZE: u64 = 64 << 10;

/// The options of a measurement.
#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// File to code [default: generated text, less of it for slow levels]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where to run the model: auto, cpu, gpu, or a name or index from `lockstep devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Device,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Repetitions of every measurement
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// Bytes to code; K, M or G may follow [default: all of FILE, or 64K of generated text]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    size: Option<u64>,
    #[command(flatten)]
    pub threads: ThreadOptions,
    #[command(flatten)]
    level: LevelOption,
    #[command(flatten)]
    model: ModelOptions,
}

/// Measures and prints.
pub fn bench(options: &BenchOptions) -> anyhow::Result<()> {
    check_stdout()?;
    let report = pollster::block_on(measure(options))?;
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{:#}", report.json())?
    } else {
        report.write(&mut out)?
    }
    Ok(())
}

/// Reads the first `size` bytes of a file, or all of it.
fn read_start(path: &Path, size: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(size).read_to_end(&mut bytes))
        .with_context(|| format!("can't read {}", shown(&path)))?;
    Ok(bytes)
}

async fn measure(options: &BenchOptions) -> anyhow::Result<Report> {
    let (device, repeats) = (&options.device, usize::from(options.repeats));
    let file = match &options.file {
        Some(path) => Some(read_start(path, options.size.unwrap_or(u64::MAX))?),
        None => None,
    };
    let length = file.as_ref().map_or(SAMPLE_OF, |file| file.len() as u64);
    let method = |level| options.model.apply(Options::new().level(level)).method_for(length);
    let level = options.level.flag().unwrap_or_default();
    let chosen = method(level);
    chosen.validate()?;
    let config = chosen.model.clone();
    let weight = |config: &ModelConfig| Layout::new(config).total as u64;
    let data = |config: &ModelConfig| match &file {
        Some(file) => file.clone(),
        None => {
            let size = options.size.unwrap_or(SAMPLE_SIZE);
            let as_slow = size.saturating_mul(weight(&method(Level::DEFAULT).model)) / weight(config);
            sample::sample_text(as_slow.min(size.saturating_mul(4)) as usize)
        }
    };

    let cpu = cpu::measure(&config, repeats);
    let gpu = gpu::measure(device, &config, repeats).await?;
    let step = step::measure(device, &config, repeats).await?;
    let one_thread = coding::encode_on_one_thread(&chosen, &data(&config), repeats);
    let share = || coding::product_share(&config, &cpu.products, one_thread.median);
    let product_share = chosen.network.then(share);
    // Without a level, all of them.
    let levels: Vec<Level> = options.level.flag().map_or_else(|| Level::all().collect(), |level| vec![level]);
    let mut jobs = Vec::new();
    for &level in &levels {
        let method = method(level);
        method.validate()?;
        jobs.push((data(&method.model), method));
    }
    let jobs: Vec<_> = jobs.iter().map(|(data, method)| (method.clone(), &data[..])).collect();
    let coding = coding::measure(device, &jobs, repeats).await?;
    let coding = levels.into_iter().zip(coding).collect();
    let peak_memory = clock::peak_memory();
    Ok(Report { level, config, cpu, gpu, step, one_thread, product_share, coding, peak_memory })
}
