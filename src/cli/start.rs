//! The prior that a job starts from, and the model that it saves for the next one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use lockstep::{Error, Options, Prior, PriorError};

use super::options::{CommandLine, Mode};
use super::output::Output;

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
        if let Some(path) = save_model.as_ref().filter(|path| path.exists() && !line.force) {
            bail!("{} exists already (-f overwrites it)", path.display());
        }
        if save_model.is_some() && line.long.frame_size.is_some() {
            bail!("--save-model is for a job of one frame: leave out --frame-size");
        }
        if save_model.is_some() && line.files().len() > 1 {
            bail!("--save-model names one file, but there are {} inputs", line.files().len());
        }
        Ok(())
    }

    /// Reads the prior that was asked for.
    pub fn open(&self, line: &CommandLine) -> anyhow::Result<Start<'_>> {
        let path = self.prior.as_ref().or(self.load_model.as_ref());
        let prior = path.map(|path| read_prior(path, line.memory_limit).map(Arc::new)).transpose()?;
        Ok(Start { options: self, prior })
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

    /// The prior and its file.
    pub fn prior(&self) -> Option<(&Prior, &Path)> {
        let path = self.options.prior.as_ref().or(self.options.load_model.as_ref())?;
        Some((self.prior.as_ref()?, path))
    }

    /// True if the learned model is to be saved.
    pub fn saves_model(&self) -> bool {
        self.options.save_model.is_some()
    }

    /// Saves the learned model, if that was asked for.
    pub fn save(&self, model: Option<Prior>, force: bool) -> anyhow::Result<()> {
        if let (Some(path), Some(mut model)) = (&self.options.save_model, model) {
            let mut output = Output::file(path, Path::new("-"), force)?;
            model.write(&mut output)?;
            output.complete(path, None, false)?;
        }
        Ok(())
    }
}

/// Reads a prior's file.
pub fn read_prior(path: &Path, memory: u64) -> anyhow::Result<Prior> {
    let name = path.display();
    let mut file = BufReader::new(File::open(path).with_context(|| format!("can't read {name}"))?);
    let prior = Prior::read(&mut file, memory).map_err(Error::from).with_context(|| name.to_string())?;
    match file.fill_buf() {
        Ok([]) => Ok(prior),
        _ => Err(Error::from(PriorError::Corrupt("something follows its end"))).with_context(|| name.to_string()),
    }
}
