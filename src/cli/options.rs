//! The command line.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use lockstep::internals::codec::Summary;
use lockstep::internals::engine::DeviceChoice;
use lockstep::internals::model::Method;
use lockstep::internals::model::levels::method_for;
use lockstep::internals::transform::{Choice, Transform};

use super::bench::BenchOptions;
use super::exit::say;
use super::export::ExportOptions;
use super::level::Level;
use super::model::ModelOptions;
use super::sizes::{Range, Share, parse_block_size, parse_frame_size, parse_seconds, parse_size};
use super::start::{Start, StartOptions};
use super::train::TrainOptions;

/// Compress files with a neural network that learns as it goes.
///
/// Archives decode bit for bit on every device. With no FILE, or where FILE is
/// -, standard input goes to standard output. The source is kept.
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Options {
    #[command(subcommand)]
    pub word: Option<Word>,
    /// Files to work on
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compress FILE to FILE.lks (this is the default)
    #[arg(short = 'z', long, overrides_with_all = ["decompress", "test", "list"])]
    compress: bool,
    /// Decompress FILE.lks to FILE
    #[arg(short, long, visible_alias = "uncompress", overrides_with_all = ["compress", "test", "list"])]
    decompress: bool,
    /// Decode and check, write nothing
    #[arg(short, long, overrides_with_all = ["compress", "decompress", "list"])]
    test: bool,
    /// Say what archives hold, without decoding
    #[arg(short, long, overrides_with_all = ["compress", "decompress", "test"])]
    list: bool,
    /// With -l: in JSON
    #[arg(long, requires = "list")]
    pub json: bool,
    /// Write to FILE (- is standard output)
    #[arg(short, long, value_name = "FILE", overrides_with = "stdout")]
    output: Option<PathBuf>,
    /// Write to standard output
    #[arg(short = 'c', long, overrides_with = "output")]
    pub stdout: bool,
    /// Overwrite files; write archives to a terminal
    #[arg(short, long)]
    pub force: bool,
    /// Keep the source (this is the default)
    #[arg(short, long, overrides_with = "remove")]
    keep: bool,
    /// Remove the source after success
    #[arg(long = "rm", overrides_with = "keep")]
    pub remove: bool,
    /// Say less: no progress, no summary; twice: no errors either
    #[arg(short, long, action = ArgAction::Count)]
    pub quiet: u8,
    /// Say more
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Threads of the CPU; 0 is one a core
    #[arg(short = 'T', long, value_name = "N", default_value_t = 0)]
    pub threads: u16,
    /// Where to run the model: auto, cpu, gpu, or a name or index from `lockstep devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Most memory that coding or decoding may take, with K, M or G
    #[arg(long, visible_alias = "memory", value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    pub memory_limit: u64,
    /// Bytes coded as one block, with K, M or G
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_block_size)]
    pub block_size: u32,
    /// What blocks become before they are coded: auto (what pays), none, text, calls, samples, arm64, records or image
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = parse_transform)]
    pub transform: Choice,
    #[command(flatten)]
    pub long: LongJobs,
    #[command(flatten)]
    pub start: StartOptions,
    #[command(flatten)]
    level: Level,
    #[command(flatten)]
    model: ModelOptions,
}

/// What long jobs need.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Long jobs")]
pub struct LongJobs {
    /// Bytes coded as one frame, with K, M or G: frames are independent, and -T of them are coded at a time
    #[arg(long, value_name = "SIZE", value_parser = parse_frame_size)]
    pub frame_size: Option<u64>,
    /// Code only part I of N of the frames; cat of all parts is the archive
    #[arg(long, value_name = "I/N", requires = "frame_size")]
    pub frames: Option<Share>,
    /// With -d: only LENGTH bytes from OFFSET on, from the frames that hold them
    #[arg(long, value_name = "OFFSET:LENGTH")]
    pub range: Option<Range>,
    /// With -d and -t: refuse archives that hold more, with K, M or G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size_limit: Option<u64>,
    /// Save all state every few minutes; the same command goes on from there [FILE: OUTPUT.checkpoint]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub checkpoint: Option<Option<PathBuf>>,
    /// Seconds between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = parse_seconds)]
    pub checkpoint_interval: Duration,
    /// Decode after encoding, on another device if there is one, before the archive gets its name
    #[arg(long)]
    pub verify: bool,
    /// Where to go on from the last good block if the device fails: cpu
    #[arg(long, value_name = "DEVICE")]
    pub fallback: Option<Fallback>,
}

/// What takes over from a device that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fallback {
    Cpu,
}

/// Words for what is not done to files; a file of that name is given as ./NAME.
#[derive(Debug, Subcommand)]
pub enum Word {
    /// List what the model can run on
    Devices {
        /// In JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure how fast the model runs, and where the time goes
    Bench(BenchOptions),
    /// Learn from samples: make a prior for --prior
    Train(TrainOptions),
    /// Write the weights of a prior in safetensors
    Export(ExportOptions),
}

/// What to do with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Compress,
    Decompress,
    Test,
    List,
}

/// Where a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Standard output.
    Stdout,
    /// This file.
    File(&'a Path),
    /// A file named after the source.
    Named,
}

impl Options {
    /// What to do.
    pub fn mode(&self) -> Mode {
        match self {
            Options { list: true, .. } => Mode::List,
            Options { test: true, .. } => Mode::Test,
            Options { decompress: true, .. } => Mode::Decompress,
            _ => Mode::Compress,
        }
    }

    /// The files, standard input (as -) if there are none.
    pub fn files(&self) -> Vec<PathBuf> {
        if self.files.is_empty() { vec!["-".into()] } else { self.files.clone() }
    }

    /// Where the result of `source` goes.
    pub fn target(&self, source: &Path) -> Target<'_> {
        match &self.output {
            _ if self.stdout => Target::Stdout,
            Some(path) if path == Path::new("-") => Target::Stdout,
            Some(path) => Target::File(path),
            None if source == Path::new("-") => Target::Stdout,
            None => Target::Named,
        }
    }

    /// Refuses what can't have been meant.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.files.is_empty() && io::stdin().is_terminal() && !self.force {
            bail!("no FILE was given, and standard input is a terminal (see lockstep --help)");
        }
        if self.files.len() > 1 && self.output.as_ref().is_some_and(|o| o != Path::new("-")) {
            bail!("-o names one output, but there are {} inputs", self.files.len());
        }
        self.start.check(self)?;
        let LongJobs { frames, range, checkpoint, verify, .. } = &self.long;
        let to_file = |flag: &str| match self.files().iter().all(|file| matches!(self.target(file), Target::Stdout)) {
            true => bail!("{flag} needs an output that is a file (-o names it)"),
            false => Ok(()),
        };
        match self.mode() {
            Mode::Compress if range.is_some() => bail!("--range is for decompression (-d)"),
            Mode::Compress => {}
            _ if frames.is_some() || *verify => bail!("--frames and --verify are for compression"),
            Mode::Decompress if range.is_some() && checkpoint.is_some() => bail!("--range needs no --checkpoint"),
            Mode::Decompress => {}
            _ if range.is_some() || checkpoint.is_some() => bail!("--range and --checkpoint are not for -t and -l"),
            _ => {}
        }
        if *verify {
            to_file("--verify")?;
        }
        if let Some(file) = checkpoint {
            to_file("--checkpoint")?;
            if file.is_some() && self.files.len() > 1 {
                bail!("--checkpoint names one file, but there are {} inputs", self.files.len());
            }
        }
        Ok(())
    }

    /// What decides the bytes of a result, as a text.
    pub fn job(&self) -> String {
        let LongJobs { frame_size, frames, .. } = &self.long;
        format!(
            "{:?} {:?} {:?} {:?} {frame_size:?} {frames:?} {:?}",
            self.mode(),
            self.block_size,
            self.transform,
            self.level,
            self.model
        )
    }

    /// The method for an input of so many bytes.
    pub fn method_for(&self, start: &Start<'_>, length: u64) -> Method {
        self.model.apply(start.method_for(method_for(self.level.number(), length), length))
    }

    /// Says how much memory is needed.
    pub fn say_memory(&self, name: &str, needed: u64) {
        if self.verbose > 0 {
            say(format_args!("{name} : needs {} MiB of memory for each frame at work", needed.div_ceil(1 << 20)));
        }
    }

    /// Sums up what was done, unless that would disturb.
    pub fn say_summary(&self, to_stdout: bool, line: impl Display, done: &Summary) {
        if self.quiet == 0 && (!to_stdout || self.verbose > 0) {
            say(line);
        }
        if let Some(engine) = done.engine.as_ref().filter(|_| self.verbose > 0) {
            say(format_args!("  on {engine}"));
        }
    }
}

/// `auto`, or a transform by its name.
fn parse_transform(text: &str) -> Result<Choice, String> {
    let named = Transform::ALL.into_iter().find(|transform| transform.name() == text);
    match named {
        Some(transform) => Ok(Choice::Only(transform)),
        None if text == "auto" => Ok(Choice::Auto),
        None => Err("a transform is auto, none, text, calls, samples, arm64, records or image".into()),
    }
}
