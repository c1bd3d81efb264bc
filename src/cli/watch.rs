//! What the command does while the codec runs: progress, warnings, checkpoints, signals.

use std::io::{self, Write};

use lockstep::internals::archive::Prefix;
use lockstep::internals::codec::{CodecError, Monitor, Next, Resume};
use lockstep::internals::prior::Prior;

use super::checkpoint::Checkpoint;
use super::exit::complain;
use super::interrupt;
use super::progress::Progress;

/// Watches a run.
pub struct Watch<'a> {
    pub progress: &'a mut Progress,
    pub checkpoint: Option<&'a mut Checkpoint>,
    pub name: &'a str,
    pub quiet: u8,
    /// Whether what is learnt is wanted, and what it is.
    pub saves_model: bool,
    pub model: Option<Prior>,
}

impl Watch<'_> {
    /// Runs `work`; meanwhile a signal to end is left to it, if there is a checkpoint.
    pub fn heeding<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        interrupt::heed(self.checkpoint.is_some());
        let result = work(self);
        interrupt::heed(false);
        result
    }
}

impl Monitor for Watch<'_> {
    fn progress(&mut self, raw: u64, coded: u64) {
        self.progress.update(raw, coded);
    }

    fn warn(&mut self, what: &str) {
        if self.quiet < 2 {
            complain(format_args!("{}: {what}", self.name));
        }
    }

    fn wants_model(&self) -> bool {
        self.saves_model
    }

    fn learnt(&mut self, model: Prior) {
        self.model = Some(model);
    }

    fn resume(&mut self) -> io::Result<Option<Resume>> {
        self.checkpoint.as_ref().map_or(Ok(None), |checkpoint| checkpoint.resume())
    }

    fn next(&mut self) -> Next {
        match &self.checkpoint {
            Some(_) if interrupt::stopping() => Next::Stop,
            Some(checkpoint) if checkpoint.is_due() => Next::Save,
            _ => Next::GoOn,
        }
    }

    fn state(&mut self) -> io::Result<&mut dyn Write> {
        self.checkpoint.as_mut().ok_or(io::ErrorKind::Unsupported)?.state()
    }

    fn saved(&mut self, written: Prefix) -> io::Result<()> {
        self.checkpoint.as_mut().ok_or(io::ErrorKind::Unsupported)?.saved(written)
    }
}

/// Says how to go on, where a run ended with its state saved.
pub fn how_to_go_on(error: CodecError, checkpoint: Option<&Checkpoint>) -> anyhow::Error {
    match (&error, checkpoint) {
        (CodecError::Interrupted, Some(checkpoint)) => {
            let path = checkpoint.path().display();
            anyhow::anyhow!("interrupted; the same command goes on from here (the state is in {path})")
        }
        _ => error.into(),
    }
}
