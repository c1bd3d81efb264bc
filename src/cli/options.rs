//! The command line.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use lockstep::{Device, Options, Summary, Transform};

use super::bench::BenchOptions;
use super::exit::{Exit, say};
use super::export::ExportOptions;
use super::files::{archive_name, content_name};
use super::folders::FolderOptions;
use super::habits::Habits;
use super::level::LevelOption;
use super::model::ModelOptions;
use super::progress::{ProgressOptions, Show};
use super::repair::RepairOptions;
use super::sizes::{Range, Share, parse_block_size, parse_frame_size, parse_seconds, parse_size};
use super::start::{Start, StartOptions};
use super::threads::ThreadOptions;
use super::train::TrainOptions;
use super::walk::{Search, SourceOptions};

/// Compress files with a neural network that learns while it compresses.
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
pub struct CommandLine {
    #[command(subcommand)]
    pub word: Option<Word>,
    #[command(flatten)]
    sources: SourceOptions,
    /// Compress FILE to FILE.lks (this is the default)
    #[arg(short = 'z', long, overrides_with_all = ["decompress", "test", "list"])]
    compress: bool,
    /// Decompress FILE.lks to FILE
    #[arg(short, long, visible_alias = "uncompress", overrides_with_all = ["compress", "test", "list"])]
    decompress: bool,
    /// Decode and check; write nothing
    #[arg(short, long, overrides_with_all = ["compress", "decompress", "list"])]
    test: bool,
    /// List the content of archives, without decoding
    #[arg(short, long, overrides_with_all = ["compress", "decompress", "test"])]
    list: bool,
    /// With -l: print JSON
    #[arg(long, requires = "list")]
    pub json: bool,
    /// Write to FILE (- for standard output)
    #[arg(short, long, value_name = "FILE", overrides_with = "stdout")]
    output: Option<PathBuf>,
    /// Write to standard output
    #[arg(short = 'c', long, alias = "to-stdout", overrides_with = "output")]
    pub stdout: bool,
    #[command(flatten)]
    pub folders: FolderOptions,
    /// Overwrite files; write archives to a terminal
    #[arg(short, long)]
    pub force: bool,
    /// Keep the source (this is the default)
    #[arg(short, long, overrides_with = "remove")]
    keep: bool,
    /// Remove the source after success
    #[arg(long = "rm", overrides_with = "keep")]
    pub remove: bool,
    /// Write runs of zeros as holes of the file (this is the default)
    #[arg(long, overrides_with = "no_sparse")]
    sparse: bool,
    /// Write all zeros to the disk
    #[arg(long, overrides_with = "sparse")]
    no_sparse: bool,
    /// Print no progress and no summary; twice: no errors either
    #[arg(short, long, action = ArgAction::Count)]
    pub quiet: u8,
    /// Print more
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    #[command(flatten)]
    progress: ProgressOptions,
    #[command(flatten)]
    pub threads: ThreadOptions,
    /// Where to run the model: auto, cpu, gpu, or a name or index from `lockstep devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Device,
    /// Most memory that coding or decoding may take; K, M or G may follow
    #[arg(short = 'M', long, visible_alias = "memory", alias = "memlimit", value_name = "SIZE")]
    #[arg(default_value = "4G", value_parser = parse_size)]
    pub memory_limit: u64,
    /// Bytes coded as one block; K, M or G may follow
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_block_size)]
    pub block_size: u32,
    /// Transform of blocks before they are coded: auto (the one that pays), none, text, calls, samples, arm64, records, image or values
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = parse_transform)]
    transform: TransformOption,
    #[command(flatten)]
    pub long: LongJobs,
    #[command(flatten)]
    pub start: StartOptions,
    #[command(flatten)]
    pub level: LevelOption,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    pub habits: Habits,
    /// Print help
    #[arg(short = 'H', action = ArgAction::HelpLong, hide = true)]
    _help: Option<bool>,
    /// The files that were found.
    #[arg(skip)]
    files: Vec<PathBuf>,
}

/// Options of long jobs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Long jobs")]
pub struct LongJobs {
    /// Bytes coded as one frame; K, M or G may follow. Frames are independent, and -T of them are coded at a time
    #[arg(long, value_name = "SIZE", value_parser = parse_frame_size)]
    pub frame_size: Option<u64>,
    /// Code only part I of N of the frames; cat joins the parts to the archive
    #[arg(long, value_name = "I/N", requires = "frame_size")]
    pub frames: Option<Share>,
    /// With -d: decode only LENGTH bytes from OFFSET on, from the frames that hold them
    #[arg(long, value_name = "OFFSET:LENGTH")]
    pub range: Option<Range>,
    /// With -d: write all that can be had of a damaged archive, with zeros in the place of what is missing
    #[arg(long)]
    pub salvage: bool,
    /// Append recovery data of about PERCENT per cent, 1 to 100: it mends damage to the archive
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub recovery: Option<u8>,
    /// With -d and -t: refuse archives that hold more; K, M or G may follow
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size_limit: Option<u64>,
    /// Save the whole state every few minutes; the same command continues from there [FILE: OUTPUT.checkpoint]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub checkpoint: Option<Option<PathBuf>>,
    /// Seconds between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = parse_seconds)]
    pub checkpoint_interval: Duration,
    /// Decode after encoding, on another device if there is one, before the archive gets its name
    #[arg(long)]
    pub verify: bool,
    /// Where to continue from the last good block if the device fails: cpu
    #[arg(long, value_name = "DEVICE")]
    pub fallback: Option<Fallback>,
}

/// The engine that takes over from a device that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fallback {
    Cpu,
}

/// Commands that don't work on files as the default does; a file of such a name is given as ./NAME.
#[derive(Debug, Subcommand)]
pub enum Word {
    /// List the devices that the model can run on
    Devices {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure how fast the model runs, and where the time is spent
    Bench(BenchOptions),
    /// Train a prior for --prior on samples
    Train(TrainOptions),
    /// Write the weights of a prior in safetensors
    Export(ExportOptions),
    /// Mend a damaged archive by its recovery data
    Repair(RepairOptions),
}

/// An operation on files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Compress,
    Decompress,
    Test,
    List,
}

/// The target of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Standard output.
    Stdout,
    /// This file.
    File(&'a Path),
    /// A file named after the source.
    Named,
}

impl CommandLine {
    /// The operation.
    pub fn mode(&self) -> Mode {
        match self {
            CommandLine { list: true, .. } => Mode::List,
            CommandLine { test: true, .. } => Mode::Test,
            CommandLine { decompress: true, .. } => Mode::Decompress,
            _ => Mode::Compress,
        }
    }

    /// Finds the files to work on, for [`CommandLine::files`]; reports those that can't be found.
    pub fn find_files(&mut self) -> anyhow::Result<Exit> {
        let found = self.sources.find(Search {
            archives: self.mode() != Mode::Compress,
            links: self.force,
            quiet: self.quiet,
            verbose: self.verbose > 0,
        })?;
        self.files = found.files;
        if self.files.is_empty() && self.quiet == 0 {
            say("there is no file to work on");
        }
        Ok(found.exit)
    }

    /// The files; `-` is standard input.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The target of the result of `source`.
    pub fn target(&self, source: &Path) -> Target<'_> {
        match &self.output {
            _ if self.stdout => Target::Stdout,
            Some(path) if path == Path::new("-") => Target::Stdout,
            Some(path) => Target::File(path),
            None if source == Path::new("-") => Target::Stdout,
            None => Target::Named,
        }
    }

    /// True if runs of zeros become holes.
    pub fn sparse(&self) -> bool {
        !self.no_sparse
    }

    /// Refuses combinations that can't have been meant.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.files.iter().any(|file| file == Path::new("-")) && io::stdin().is_terminal() && !self.force {
            bail!("standard input is a terminal, and no FILE was given in its place (see lockstep --help)");
        }
        if self.files.len() > 1 && self.output.as_ref().is_some_and(|o| o != Path::new("-")) {
            bail!("-o names one output, but there are {} inputs", self.files.len());
        }
        self.start.check(self)?;
        let LongJobs { frames, range, checkpoint, verify, salvage, recovery, .. } = &self.long;
        let to_file = |flag: &str| match self.files().iter().all(|file| matches!(self.target(file), Target::Stdout)) {
            true => bail!("{flag} needs an output that is a file (-o names it)"),
            false => Ok(()),
        };
        match self.mode() {
            Mode::Compress => self.folders.check(&self.files, |source| Some(archive_name(source, *frames)))?,
            Mode::Decompress => self.folders.check(&self.files, |source| content_name(source).ok())?,
            Mode::Test | Mode::List => {}
        }
        match self.mode() {
            Mode::Compress if range.is_some() => bail!("--range is for decompression (-d)"),
            mode if *salvage && mode != Mode::Decompress => bail!("--salvage is for decompression (-d)"),
            _ if *salvage && (range.is_some() || checkpoint.is_some()) => {
                bail!("--salvage can't be combined with --range or --checkpoint")
            }
            Mode::Compress => {}
            _ if frames.is_some() || *verify => bail!("--frames and --verify are for compression"),
            _ if recovery.is_some() => bail!("--recovery is for compression"),
            Mode::Decompress if range.is_some() && checkpoint.is_some() => bail!("--range needs no --checkpoint"),
            Mode::Decompress => {}
            _ if range.is_some() || checkpoint.is_some() => bail!("--range and --checkpoint are not for -t and -l"),
            _ => {}
        }
        if self.remove && frames.is_some() {
            bail!("--rm can't be combined with --frames: the other parts need the source, too");
        }
        let side_files = [checkpoint.as_ref().and_then(Option::as_ref), self.start.save_model()];
        if self.output.is_some() && side_files.contains(&self.output.as_ref()) {
            bail!("-o and another option name the same file");
        }
        if *verify {
            to_file("--verify")?;
        }
        if recovery.is_some() {
            to_file("--recovery")?;
        }
        if let Some(file) = checkpoint {
            to_file("--checkpoint")?;
            if file.is_some() && self.files.len() > 1 {
                bail!("--checkpoint names one file, but there are {} inputs", self.files.len());
            }
        }
        Ok(())
    }

    /// Everything that decides the bytes of a result, as a text.
    pub fn job(&self) -> String {
        let LongJobs { frame_size, frames, .. } = &self.long;
        format!(
            "{:?} {:?} {:?} {:?} {frame_size:?} {frames:?} {:?}",
            self.mode(),
            self.block_size,
            self.transform,
            self.level.level(),
            self.model
        )
    }

    /// The library's options for a job.
    pub fn job_options(&self, start: &Start<'_>) -> Options {
        let options = self.model.apply(Options::new().level(self.level.level()));
        let options = match self.transform.0 {
            None => options,
            transform => options.transform(transform),
        };
        start
            .apply(options)
            .device(self.device.clone())
            .fallback(self.long.fallback.is_some())
            .block_size(self.block_size)
            .frame_size(self.long.frame_size)
            .memory_limit(self.memory_limit)
            .size_limit(self.long.size_limit)
    }

    /// Where progress is shown.
    pub fn show_progress(&self) -> Show {
        self.progress.show(self.quiet)
    }

    /// Reports how much memory is needed.
    pub fn say_memory(&self, name: &str, needed: u64) {
        if self.verbose > 0 {
            say(format_args!("{name} : needs {} MiB of memory for each frame at work", needed.div_ceil(1 << 20)));
        }
    }

    /// Prints the summary, unless it would disturb.
    pub fn say_summary(&self, to_stdout: bool, line: impl Display, done: &Summary) {
        if self.quiet == 0 && (!to_stdout || self.verbose > 0) {
            say(line);
        }
        if let Some(engine) = done.engine.as_ref().filter(|_| self.verbose > 0) {
            say(format_args!("  on {engine}"));
        }
    }
}

/// A transform, or `None` to choose the one that pays.
#[derive(Clone, Copy, Debug)]
struct TransformOption(Option<Transform>);

/// Parses `auto`, or a transform by its name.
fn parse_transform(text: &str) -> Result<TransformOption, String> {
    let named = Transform::ALL.into_iter().find(|transform| transform.name() == text);
    match named {
        Some(transform) => Ok(TransformOption(Some(transform))),
        None if text == "auto" => Ok(TransformOption(None)),
        None => Err("a transform is auto, none, text, calls, samples, arm64, records, image or values".into()),
    }
}
