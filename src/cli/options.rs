//! The command line.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{ArgAction, Parser, Subcommand};
use lockstep::codec::Summary;
use lockstep::engine::DeviceChoice;
use lockstep::model::Method;
use lockstep::model::levels::method_for;
use lockstep::prior::{Prior, PriorError};

use super::bench::BenchOptions;
use super::exit::say;
use super::export::ExportOptions;
use super::level::Level;
use super::model::ModelOptions;
use super::output::Output;
use super::sizes::{parse_block_size, parse_size};
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
    /// Threads of the CPU engine; 0 is one a core
    #[arg(short = 'T', long, value_name = "N", default_value_t = 0)]
    pub threads: u16,
    /// Where to run the model: auto, cpu, gpu, or a name or index from `lockstep devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Most memory an archive's decoder may need, with K, M or G
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    pub memory: u64,
    /// Bytes coded as one block, with K, M or G
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_block_size)]
    pub block_size: u32,
    /// Start from a prior that `lockstep train` made; decoding needs the same
    #[arg(long, value_name = "FILE")]
    prior: Option<PathBuf>,
    /// Put the prior into the archive, so that decoding does not ask for it
    #[arg(long, requires = "prior")]
    pub embed_prior: bool,
    /// Go on where --save-model ended; decoding needs the same
    #[arg(long, value_name = "FILE", conflicts_with = "prior")]
    load_model: Option<PathBuf>,
    /// Save what was learnt in the end
    #[arg(long, value_name = "FILE")]
    pub save_model: Option<PathBuf>,
    #[command(flatten)]
    level: Level,
    #[command(flatten)]
    model: ModelOptions,
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
        Ok(())
    }

    /// The method for an input of so many bytes that starts from a prior or from nothing.
    pub fn method_for(&self, prior: Option<&Prior>, length: u64) -> Method {
        let level = method_for(self.level.number(), length);
        self.model.apply(match prior {
            None => level,
            Some(prior) if self.load_model.is_some() => prior.method_after(&level, length),
            Some(prior) => prior.method_for(&level, length),
        })
    }

    /// The prior that was asked for.
    pub fn open_prior(&self) -> anyhow::Result<Option<Arc<Prior>>> {
        let Some(path) = self.prior.as_ref().or(self.load_model.as_ref()) else { return Ok(None) };
        read_prior(path, self.memory).map(|prior| Some(Arc::new(prior)))
    }

    /// Writes what was learnt in the end, if that was asked for.
    pub fn save_model(&self, done: &mut Summary) -> anyhow::Result<()> {
        if let (Some(path), Some(model)) = (&self.save_model, &mut done.model) {
            let mut output = Output::file(path, Path::new("-"), self.force)?;
            model.write(&mut output)?;
            output.complete(path, None, false)?;
        }
        Ok(())
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

/// Reads a prior's file.
pub fn read_prior(path: &Path, memory: u64) -> anyhow::Result<Prior> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("can't read {name}"))?;
    let mut file = BufReader::new(file);
    let prior = Prior::read(&mut file, memory).with_context(|| name.to_string())?;
    match file.fill_buf() {
        Ok([]) => Ok(prior),
        _ => Err(PriorError::Corrupt("something follows its end")).with_context(|| name.to_string()),
    }
}
