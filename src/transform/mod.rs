//! Reversible transforms: they replace a block's bytes by others that the models predict better.
//!
//! Each transform has a file or a folder; `choice` chooses one for a block, and only uses it
//! after its inverse has reproduced the block. docs/FORMAT.md defines each inverse.

mod arm64;
mod audio;
mod calls;
mod choice;
mod find_raster;
mod records;
mod text;
mod values;

use thiserror::Error;

pub use audio::is_wave;
pub use choice::{Candidate, Choice, candidates};
pub use find_raster::find_raster;

/// A transform; the value is its number in archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transform {
    /// Leaves the block unchanged.
    None = 0,
    /// Replaces words by codes and capitals by flags; codes line ends separately.
    Text = 1,
    /// Makes the targets of calls and jumps in x86 code absolute.
    Calls = 2,
    /// Replaces 16-bit audio samples by differences from predictions.
    Samples = 3,
    /// Makes the targets of calls and the addresses of pages in AArch64 code absolute.
    Arm64 = 4,
    /// Replaces numbers in fixed-length records by differences.
    Records = 5,
    /// Leaves the block unchanged; the mixing stage predicts it as an image.
    Image = 6,
    /// Replaces 32-bit values that come back by their places in a list.
    Values = 7,
}

impl Transform {
    /// All transforms, in the order of their numbers.
    pub const ALL: [Transform; 8] = [
        Transform::None,
        Transform::Text,
        Transform::Calls,
        Transform::Samples,
        Transform::Arm64,
        Transform::Records,
        Transform::Image,
        Transform::Values,
    ];

    /// Returns the transform with a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Transform::ALL.get(usize::from(number)).copied()
    }

    /// Returns the name that the command line uses.
    pub fn name(self) -> &'static str {
        match self {
            Transform::None => "none",
            Transform::Text => "text",
            Transform::Calls => "calls",
            Transform::Samples => "samples",
            Transform::Arm64 => "arm64",
            Transform::Records => "records",
            Transform::Image => "image",
            Transform::Values => "values",
        }
    }

    /// Returns the number of bytes by which an archive's transformed block may be longer than
    /// the block.
    pub fn most_added(self) -> usize {
        match self {
            Transform::Records => records::LONGEST_LAYOUT,
            Transform::Samples => audio::LAYOUT_LEN,
            _ => 0,
        }
    }

    /// Transforms any bytes; the result may be longer.
    pub fn forward(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Transform::None | Transform::Image => raw.to_vec(),
            Transform::Text => text::forward(raw),
            Transform::Calls => calls::forward(raw),
            Transform::Samples => audio::forward(raw),
            Transform::Arm64 => arm64::forward(raw),
            Transform::Records => records::forward(raw),
            Transform::Values => values::forward(raw),
        }
    }

    /// Reverses [`forward`](Self::forward); the result has at most `limit` bytes.
    ///
    /// # Errors
    /// Returns an error if `coded` is not the result of `forward` or the limit is exceeded;
    /// some bytes that `forward` never returns have a result, too.
    pub fn inverse(self, coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
        match self {
            Transform::Text => text::inverse(coded, limit),
            Transform::Samples => audio::inverse(coded, limit),
            Transform::Records => records::inverse(coded, limit),
            Transform::Values => values::inverse(coded, limit),
            _ if coded.len() > limit => Err(TransformError::TooLong),
            Transform::None | Transform::Image => Ok(coded.to_vec()),
            Transform::Calls => Ok(calls::inverse(coded)),
            Transform::Arm64 => Ok(arm64::inverse(coded)),
        }
    }
}

/// The reason why transformed bytes have no inverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransformError {
    /// The code of a word, character or byte is invalid.
    #[error("a word's code is invalid")]
    Code,
    /// The lengths, layout or list of words at the start are invalid.
    #[error("the transform's parameters are invalid")]
    Head,
    /// The inverse would be longer than allowed.
    #[error("the block is longer than it should be")]
    TooLong,
}
