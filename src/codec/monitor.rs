//! How a caller follows a run: progress, cancellation, warnings, checkpoints.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use super::prediction::Prediction;
use super::report::BlockReport;
use crate::archive::Prefix;
use crate::engine::EngineInfo;
use crate::prior::Prior;

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Raw bytes read or decoded so far.
    pub raw: u64,
    /// Bytes of the archive written or read so far.
    pub coded: u64,
}

/// Follows a run. All methods but [`Monitor::progress`] have defaults.
///
/// A closure that takes a [`Progress`] is a monitor, and so is `()`, which ignores everything.
///
/// ```
/// use std::ops::ControlFlow;
/// use lockstep::{Error, Options, Progress};
///
/// // Stops after the first kilobyte.
/// let mut stop = |progress: Progress| {
///     if progress.raw < 1000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// };
/// let input = vec![7; 100_000];
/// let options = Options::new().level(1.try_into()?);
/// let result = lockstep::compress_stream(&input[..], Vec::new(), &options, &mut stop);
/// assert!(matches!(result, Err(Error::Cancelled)));
/// # Ok::<(), lockstep::Error>(())
/// ```
pub trait Monitor: Send {
    /// Takes note of progress, after every segment of a block. `Break` cancels the run, which then
    /// fails with [`Error::Cancelled`](crate::Error::Cancelled).
    fn progress(&mut self, progress: Progress) -> ControlFlow<()>;

    /// Takes note of a problem that the run survived.
    fn warning(&mut self, _warning: &Warning) {}

    /// Takes note of a block that was encoded. Blocks come in the order of the archive.
    fn block(&mut self, _block: &BlockReport) {}

    /// Returns true if what the model predicts in the next segment is wanted. It is called before every
    /// segment. Recording costs time, so a monitor returns true only a few times a second.
    fn wants_prediction(&mut self) -> bool {
        false
    }

    /// Takes note of what the model predicted in a segment, if it is wanted. Frames that are coded in
    /// parallel and ranges of an archive show nothing.
    fn prediction(&mut self, _prediction: &Prediction) {}

    /// True if the model learned by the end of each frame is wanted.
    fn wants_model(&self) -> bool {
        false
    }

    /// Receives the model learned by the end of a frame, if it is wanted.
    fn model(&mut self, _model: Prior) {}

    /// Returns the place where states are saved, if the run is to survive its end.
    fn checkpoints(&mut self) -> Option<&mut dyn Checkpoints> {
        None
    }
}

impl Monitor for () {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(Progress) -> ControlFlow<()> + Send> Monitor for F {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self(progress)
    }
}

/// A monitor whose checkpoints are not used.
pub(crate) struct WithoutCheckpoints<'a>(pub &'a mut dyn Monitor);

impl Monitor for WithoutCheckpoints<'_> {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.0.progress(progress)
    }

    fn warning(&mut self, warning: &Warning) {
        self.0.warning(warning);
    }

    fn block(&mut self, block: &BlockReport) {
        self.0.block(block);
    }

    fn wants_prediction(&mut self) -> bool {
        self.0.wants_prediction()
    }

    fn prediction(&mut self, prediction: &Prediction) {
        self.0.prediction(prediction);
    }

    fn wants_model(&self) -> bool {
        self.0.wants_model()
    }

    fn model(&mut self, model: Prior) {
        self.0.model(model);
    }
}

/// A problem that a run survived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The device failed, or computed something wrong, and the CPU takes over.
    FellBack {
        /// The failure of the device.
        reason: String,
        /// True if work was lost: the CPU starts again from the last good block.
        from_last_block: bool,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::FellBack { reason, from_last_block: false } => write!(f, "{reason}; continuing on the CPU"),
            Warning::FellBack { reason, from_last_block: true } => {
                write!(f, "{reason}; continuing on the CPU from the last good block")
            }
        }
    }
}

/// Saves the whole state of a run between two segments, and finds it again.
///
/// A run that is given the same input, the same options and what was saved continues where it was,
/// on any device, and writes the same bytes.
pub trait Checkpoints: Send {
    /// Returns what an earlier run of this job left; called once, at the start.
    ///
    /// # Errors
    ///
    /// Where the state can't be read; the run fails with [`Error::Checkpoint`](crate::Error::Checkpoint).
    fn resume(&mut self) -> io::Result<Option<Resume>>;

    /// Says whether to save now; called at every moment when the state can be saved.
    fn next(&mut self) -> Next;

    /// Begins to save: returns the place to write the state to.
    ///
    /// # Errors
    ///
    /// Where the state can't be written.
    fn begin(&mut self) -> io::Result<&mut (dyn Write + Send)>;

    /// Ends saving: the state is written whole, and belongs to this prefix of the output.
    ///
    /// # Errors
    ///
    /// Where the state can't be made durable.
    fn commit(&mut self, written: Prefix) -> io::Result<()>;
}

/// The answer of [`Checkpoints::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Continue.
    Continue,
    /// Save the state and continue.
    Save,
    /// Save the state and end with [`Error::Interrupted`](crate::Error::Interrupted).
    SaveAndStop,
}

/// A saved state to continue from.
pub struct Resume {
    /// The state, as it was written.
    pub state: Box<dyn Read + Send>,
    /// Bytes of the state: sizes that it claims are not believed beyond this.
    pub len: u64,
    /// The output as it was when the state was saved.
    pub written: Box<dyn Read + Send>,
}

impl Progress {
    pub(crate) fn new(raw: u64, coded: u64) -> Self {
        Progress { raw, coded }
    }
}

/// A warning that the CPU takes over.
pub(super) fn fell_back(reason: impl ToString, from_last_block: bool) -> Warning {
    Warning::FellBack { reason: reason.to_string(), from_last_block }
}

/// Names the engine that did most of an archive: a GPU, if one worked on any frame.
pub(crate) fn main_engine(before: Option<EngineInfo>, now: Option<EngineInfo>) -> Option<EngineInfo> {
    use crate::engine::EngineKind;
    match (before, now) {
        (Some(before), now) if now.is_none() || before.kind == EngineKind::Gpu => Some(before),
        (_, now) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineKind;

    #[test]
    fn a_gpu_that_worked_on_any_frame_is_named() {
        let engine = |kind, name: &str| Some(EngineInfo { kind, name: name.to_owned(), refused: None });
        let (cpu, gpu) = (engine(EngineKind::Cpu, "CPU, 2 threads"), engine(EngineKind::Gpu, "llvmpipe"));
        for (before, now, named) in [
            (None, cpu.clone(), cpu.clone()),
            (cpu.clone(), None, cpu.clone()),
            (cpu.clone(), gpu.clone(), gpu.clone()),
            (gpu.clone(), cpu.clone(), gpu.clone()),
            (None, None, None),
        ] {
            assert_eq!(main_engine(before, now), named);
        }
    }
}
