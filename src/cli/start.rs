//! Where a job starts from, and what it leaves to the next one.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use lockstep::internals::model::Method;
use lockstep::internals::prior::{Prior, PriorError};
use lockstep::internals::transform::{Choice, Transform};

use super::options::{Mode, Options};
use super::output::Output;

/// What was learnt elsewhere, and where what is learnt here goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Learnt before")]
pub struct StartOptions {
    /// Start from a prior that `lockstep train` made; decoding needs the same
    #[arg(long, value_name = "FILE")]
    prior: Option<PathBuf>,
    /// Put the prior into the archive, so that decoding needs no file of it
    #[arg(long, requires = "prior")]
    embed_prior: bool,
    /// Go on where --save-model ended; decoding needs the same
    #[arg(long, value_name = "FILE", conflicts_with = "prior")]
    load_model: Option<PathBuf>,
    /// Save what was learnt by the end
    #[arg(long, value_name = "FILE")]
    save_model: Option<PathBuf>,
}

/// The same, with the prior at hand.
pub struct Start<'a> {
    options: &'a StartOptions,
    pub prior: Option<Arc<Prior>>,
}

impl StartOptions {
    /// Refuses what can't have been meant.
    pub fn check(&self, options: &Options) -> anyhow::Result<()> {
        let StartOptions { embed_prior, save_model, .. } = self;
        if *embed_prior && options.mode() != Mode::Compress {
            bail!("--embed-prior is for compression");
        }
        if *embed_prior && (options.long.checkpoint.is_some() || options.long.frames.is_some()) {
            bail!("--embed-prior goes neither with --checkpoint nor with --frames");
        }
        if let Some(path) = save_model.as_ref().filter(|path| path.exists() && !options.force) {
            bail!("{} exists already (-f overwrites it)", path.display());
        }
        if save_model.is_some() && options.long.frame_size.is_some() {
            bail!("--save-model is for a job of one frame: leave --frame-size away");
        }
        if save_model.is_some() && options.files().len() > 1 {
            bail!("--save-model names one file, but there are {} inputs", options.files().len());
        }
        Ok(())
    }

    /// Reads the prior that was asked for.
    pub fn open(&self, options: &Options) -> anyhow::Result<Start<'_>> {
        let path = self.prior.as_ref().or(self.load_model.as_ref());
        let prior = path.map(|path| read_prior(path, options.memory_limit).map(Arc::new)).transpose()?;
        Ok(Start { options: self, prior })
    }
}

impl Start<'_> {
    /// The method for `length` bytes where a level would take `level`.
    pub fn method_for(&self, level: Method, length: u64) -> Method {
        match &self.prior {
            None => level,
            Some(prior) if self.options.load_model.is_some() => prior.method_after(&level, length),
            Some(prior) => prior.method_for(&level, length),
        }
    }

    /// The transform to choose from: a prior knows its samples as they are.
    pub fn transform(&self, choice: Choice) -> Choice {
        match choice {
            Choice::Auto if self.options.prior.is_some() => Choice::Only(Transform::None),
            choice => choice,
        }
    }

    /// Writes the prior into an archive that is to hold it; returns its bytes.
    pub fn embed(&self, output: &mut dyn Write) -> anyhow::Result<u64> {
        match &self.prior {
            Some(prior) if self.options.embed_prior => Ok(Prior::clone(prior).write(output)?),
            _ => Ok(0),
        }
    }

    /// Whether what is learnt is to be saved.
    pub fn saves_model(&self) -> bool {
        self.options.save_model.is_some()
    }

    /// Saves what was learnt, if that was asked for.
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
    let prior = Prior::read(&mut file, memory).with_context(|| name.to_string())?;
    match file.fill_buf() {
        Ok([]) => Ok(prior),
        _ => Err(PriorError::Corrupt("something follows its end")).with_context(|| name.to_string()),
    }
}
