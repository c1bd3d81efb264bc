//! The prior that a job starts from, and the model that it saves for the next one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use lockstep::internals::codec::ASSUMED_LENGTH;
use lockstep::{Error, Method, MixingKind, ModelConfig, Options, Prior, PriorError};

use super::escape::shown;
use super::exit::say;
use super::files::{FileId, Input, Output, Protected, Writing};
use super::options::{CommandLine, Mode};

/// Where a job starts from, and where the learned model goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Priors")]
pub struct StartOptions {
    /// Start from a prior that `lockstep train` made; decoding needs the same
    #[arg(long, value_name = "FILE")]
    prior: Option<PathBuf>,
    /// Put the prior into the archive, so that decoding needs no file of it
    #[arg(long, requires = "prior")]
    embed_prior: bool,
    /// Continue where --save-model ended; decoding needs the same
    #[arg(long, value_name = "FILE", conflicts_with = "prior")]
    load_model: Option<PathBuf>,
    /// Save the learned model at the end
    #[arg(long, value_name = "FILE")]
    save_model: Option<PathBuf>,
}

/// [`StartOptions`] with the prior that they name.
pub struct Start<'a> {
    options: &'a StartOptions,
    prior: Option<Arc<Prior>>,
    /// The file that the prior came from.
    file: Option<FileId>,
}

impl StartOptions {
    /// Refuses combinations that can't have been meant.
    pub fn check(&self, line: &CommandLine) -> anyhow::Result<()> {
        let StartOptions { embed_prior, save_model, .. } = self;
        if *embed_prior && line.mode() != Mode::Compress {
            bail!("--embed-prior is for compression");
        }
        if *embed_prior && (line.long.checkpoint.is_some() || line.long.frames.is_some()) {
            bail!("--embed-prior can't be combined with --checkpoint or --frames");
        }
        if save_model.is_some() && line.long.frame_size.is_some() {
            bail!("--save-model is for a job of one frame: leave out --frame-size");
        }
        if save_model.is_some() && line.files().len() > 1 {
            bail!("--save-model names one file, but there are {} inputs", line.files().len());
        }
        Ok(())
    }

    /// The file for the learned model.
    pub fn save_model(&self) -> Option<&PathBuf> {
        self.save_model.as_ref()
    }

    /// Reads the prior that was asked for.
    pub fn open(&self, line: &CommandLine) -> anyhow::Result<Start<'_>> {
        let path = self.prior.as_ref().or(self.load_model.as_ref());
        let opened = path.map(|path| read_prior(path, line.memory_limit)).transpose()?;
        let (prior, file) = opened.map(|(prior, file)| (Arc::new(prior), file)).unzip();
        Ok(Start { options: self, prior, file })
    }
}

impl Start<'_> {
    /// Adds the prior to a job's options.
    pub fn apply(&self, options: Options) -> Options {
        match &self.prior {
            None => options,
            Some(model) if self.options.load_model.is_some() => options.continue_from(model.clone()),
            Some(prior) => options.prior(prior.clone()).embed_prior(self.options.embed_prior),
        }
    }

    /// Says if the prior's model is used in place of that of the level that was asked for.
    pub fn say_overridden(&self, line: &CommandLine, name: &str, length: Option<u64>) {
        let (Some(level), Some(prior)) = (line.level.flag(), &self.prior) else { return };
        let method_of = |options: Options| options.method_for(length.unwrap_or(ASSUMED_LENGTH));
        let (wanted, used) = (method_of(Options::new().level(level)), method_of(Options::new().prior(prior.clone())));
        if line.quiet == 0 && parts(&wanted) != parts(&used) {
            say(format_args!("{name} : the prior's model is used, not that of level {}", level.number()));
        }
    }

    /// The prior and its file.
    pub fn prior(&self) -> Option<(&Prior, &Path)> {
        let path = self.options.prior.as_ref().or(self.options.load_model.as_ref())?;
        Some((self.prior.as_ref()?, path))
    }

    /// True if the learned model is to be saved.
    pub fn saves_model(&self) -> bool {
        self.options.save_model.is_some()
    }

    /// The file that no result may replace: archives need the prior that they were made with.
    pub fn protected(&self) -> [Protected; 1] {
        [Protected { id: self.file, role: "the prior" }]
    }

    /// Opens the file for the learned model, if that is to be saved. Nobody may read the model who
    /// may not read the input.
    pub fn open_model(&self, line: &CommandLine, input: &Input) -> anyhow::Result<ModelFile> {
        let Some(path) = &self.options.save_model else { return Ok(ModelFile(None)) };
        let protected = self.protected();
        let writing = Writing { overwrite: line.force, protected: &protected, ..Writing::default() };
        let source = input.source()?;
        Output::file(path, &source, writing).map(|output| ModelFile(Some(output)))
    }
}

/// The file for the learned model, if that is to be saved.
pub struct ModelFile(Option<Output>);

impl ModelFile {
    /// Saves the model.
    pub fn save(&mut self, model: Option<Prior>) -> anyhow::Result<()> {
        if let (Some(mut output), Some(mut model)) = (self.0.take(), model) {
            model.write(&mut output)?;
            output.complete()?.into_named()?;
        }
        Ok(())
    }
}

/// Returns what a prior fixes of a method: the kind of mixing, and the shape of the network.
fn parts(method: &Method) -> (Option<MixingKind>, Option<[u32; 3]>) {
    let ModelConfig { layers, units, embedding, .. } = method.model;
    (method.mixing.map(|mixing| mixing.kind), method.network.then_some([layers, units, embedding]))
}

/// Reads a prior's file; returns which file it was, too.
pub fn read_prior(path: &Path, memory: u64) -> anyhow::Result<(Prior, FileId)> {
    let name = shown(&path);
    let mut file = BufReader::new(File::open(path).with_context(|| format!("can't read {name}"))?);
    let prior = Prior::read(&mut file, memory).map_err(Error::from).with_context(|| name.to_string())?;
    match file.fill_buf() {
        Ok([]) => Ok((prior, FileId::of(file.get_ref())?)),
        _ => Err(Error::from(PriorError::Corrupt("something follows its end"))).with_context(|| name.to_string()),
    }
}
