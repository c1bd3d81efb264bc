//! Follows a job for the command: progress, warnings, checkpoints, signals.

use std::ops::ControlFlow;

use lockstep::{BlockReport, Checkpoints, Error, Monitor, Prior, Progress, Warning};

use super::checkpoint::Checkpoint;
use super::escape::shown;
use super::exit::{complain, say};
use super::progress::ProgressBar;
use super::signals;

/// Follows a job.
pub struct Watch<'a> {
    pub progress: &'a mut ProgressBar,
    pub checkpoint: Option<&'a mut Checkpoint>,
    pub name: &'a str,
    pub quiet: u8,
    /// True if a line is printed for each block.
    pub says_blocks: bool,
    /// True if the learned model is wanted.
    pub saves_model: bool,
    /// The learned model.
    pub model: Option<Prior>,
}

impl Watch<'_> {
    /// Runs `work`. With a checkpoint, the first signal to end meanwhile saves the state.
    pub fn with_signals<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        signals::defer(self.checkpoint.is_some());
        let result = work(self);
        signals::defer(false);
        result
    }
}

impl Monitor for Watch<'_> {
    fn progress(&mut self, Progress { raw, coded }: Progress) -> ControlFlow<()> {
        self.progress.update(raw, coded);
        ControlFlow::Continue(())
    }

    fn warning(&mut self, warning: &Warning) {
        if self.quiet < 2 {
            complain(format_args!("{}: {warning}", self.name));
        }
    }

    fn block(&mut self, block: &BlockReport) {
        if self.says_blocks {
            say(format_args!("{} : block at {block}", self.name));
        }
    }

    fn wants_model(&self) -> bool {
        self.saves_model
    }

    fn model(&mut self, model: Prior) {
        self.model = Some(model);
    }

    fn checkpoints(&mut self) -> Option<&mut dyn Checkpoints> {
        self.checkpoint.as_deref_mut().map(|checkpoint| checkpoint as &mut dyn Checkpoints)
    }
}

/// Says how to continue, where a run ended with its state saved.
pub fn how_to_continue(error: Error, checkpoint: Option<&Checkpoint>) -> anyhow::Error {
    match (&error, checkpoint) {
        (Error::Interrupted, Some(checkpoint)) => {
            let path = shown(checkpoint.path());
            anyhow::anyhow!("interrupted; the same command continues from here (the state is in {path})")
        }
        _ => error.into(),
    }
}
