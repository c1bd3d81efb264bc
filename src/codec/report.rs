//! What a caller learns about each block that was encoded.

use std::fmt;

use crate::transform::Transform;

/// A block that was encoded: its lengths, its form, and the reason for the form.
///
/// It displays as a line for people:
///
/// ```
/// use std::ops::ControlFlow;
/// use lockstep::{BlockReport, Monitor, Options, Progress};
///
/// struct Lines(Vec<String>);
///
/// impl Monitor for Lines {
///     fn progress(&mut self, _: Progress) -> ControlFlow<()> {
///         ControlFlow::Continue(())
///     }
///     fn block(&mut self, block: &BlockReport) {
///         self.0.push(block.to_string());
///     }
/// }
///
/// let mut lines = Lines(Vec::new());
/// let options = Options::new().level(1.try_into()?);
/// lockstep::compress_stream(&[7; 100_000][..], Vec::new(), &options, &mut lines)?;
/// assert_eq!(lines.0, ["0: 100000 => 1 bytes, a run of the byte 07h"]);
/// # Ok::<(), lockstep::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockReport {
    /// Raw bytes of the input before the block.
    pub start: u64,
    /// Raw bytes of the block.
    pub raw: u64,
    /// Bytes of its payload.
    pub coded: u64,
    /// The form of the payload.
    pub form: BlockForm,
}

/// The form of a block's payload, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockForm {
    /// Code, with a transform or without one.
    Coded {
        /// The transform.
        transform: Transform,
        /// The reason for it.
        reason: TransformReason,
    },
    /// The raw bytes, as the code was no shorter. The mixing stage starts anew.
    Stored,
    /// The raw bytes, as they look like noise: the model passes over them.
    Verbatim {
        /// Bytes of the sample that was coded on trial.
        sample: u64,
        /// Bytes of its code.
        coded: u64,
    },
    /// One byte, which the block repeats.
    Run(u8),
}

/// The reason for the transform of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransformReason {
    /// The options name the transform, or allow none.
    Asked,
    /// The content suggests no transform.
    NothingFits,
    /// The content fits the transform so well that no trial was needed.
    Sure,
    /// A transform that the content suggests was tried on a sample; it is used if the code was
    /// shorter by half a per cent.
    Trial {
        /// The transform that was tried.
        transform: Transform,
        /// Bytes of the sample.
        sample: u64,
        /// Bytes of its code without the transform.
        without: u64,
        /// Bytes of its code with the transform.
        with: u64,
    },
}

impl fmt::Display for BlockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockReport { start, raw, coded, form } = self;
        write!(f, "{start}: {raw} => {coded} bytes, {form}")
    }
}

impl fmt::Display for BlockForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockForm::Coded { transform, reason } => write!(f, "transform {} ({reason})", transform.name()),
            BlockForm::Stored => f.write_str("stored (the code was no shorter)"),
            BlockForm::Verbatim { sample, coded } => {
                write!(f, "verbatim (noise: a sample of {sample} bytes takes {coded})")
            }
            BlockForm::Run(byte) => write!(f, "a run of the byte {byte:02x}h"),
        }
    }
}

impl fmt::Display for TransformReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransformReason::Asked => f.write_str("as the options say"),
            TransformReason::NothingFits => f.write_str("no transform fits the content"),
            TransformReason::Sure => f.write_str("the content fits it without a trial"),
            TransformReason::Trial { transform, sample, without, with } => {
                let name = transform.name();
                write!(f, "a sample of {sample} bytes takes {without}, with {name} {with}")
            }
        }
    }
}
