//! Reversible transforms: a block's bytes become others that the models predict better.
//!
//! docs/FORMAT.md defines each inverse. A transform is used for a block only after its
//! inverse has given the block back.

mod arm64;
mod calls;
mod choice;
mod dictionary;
mod fields;
mod find_raster;
mod lines;
mod records;
mod samples;
mod sound;
mod tables;
mod text;
mod words;

use thiserror::Error;

pub use choice::{Candidate, Choice, candidate};
pub use find_raster::find_raster;

/// A transform, numbered as in archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transform {
    /// The block as it is.
    None = 0,
    /// Words as codes, capitals as flags, line ends apart.
    Text = 1,
    /// Targets of calls and jumps in x86 code absolute.
    Calls = 2,
    /// Samples of 16-bit sound as differences from predictions.
    Samples = 3,
    /// Targets of calls and addresses of pages in AArch64 code absolute.
    Arm64 = 4,
    /// Numbers in records of one length as differences.
    Records = 5,
    /// The block as it is, looked at as an image.
    Image = 6,
}

impl Transform {
    /// All transforms, in the order of their numbers.
    pub const ALL: [Transform; 7] = [
        Transform::None,
        Transform::Text,
        Transform::Calls,
        Transform::Samples,
        Transform::Arm64,
        Transform::Records,
        Transform::Image,
    ];

    /// The transform of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Transform::ALL.get(usize::from(number)).copied()
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Transform::None => "none",
            Transform::Text => "text",
            Transform::Calls => "calls",
            Transform::Samples => "samples",
            Transform::Arm64 => "arm64",
            Transform::Records => "records",
            Transform::Image => "image",
        }
    }

    /// Most bytes by which a transformed block may be longer than the block.
    pub fn most_added(self) -> usize {
        match self {
            Transform::Records => fields::LONGEST_LAYOUT,
            Transform::Samples => samples::HEAD,
            _ => 0,
        }
    }

    /// Transforms any bytes; the result may be longer.
    pub fn forward(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Transform::None | Transform::Image => raw.to_vec(),
            Transform::Text => text::forward(raw),
            Transform::Calls => calls::forward(raw),
            Transform::Samples => samples::forward(raw),
            Transform::Arm64 => arm64::forward(raw),
            Transform::Records => records::forward(raw),
        }
    }

    /// The bytes that [`forward`](Self::forward) transformed, at most `limit` of them.
    ///
    /// Any bytes give a result or an error.
    pub fn inverse(self, coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
        match self {
            Transform::Text => text::inverse(coded, limit),
            Transform::Samples => samples::inverse(coded, limit),
            Transform::Records => records::inverse(coded, limit),
            _ if coded.len() > limit => Err(TransformError::TooLong),
            Transform::None | Transform::Image => Ok(coded.to_vec()),
            Transform::Calls => Ok(calls::inverse(coded)),
            Transform::Arm64 => Ok(arm64::inverse(coded)),
        }
    }
}

/// Why transformed bytes have no inverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransformError {
    /// What should be the code of a word, a character or a byte is none.
    #[error("a word's code is wrong")]
    Code,
    /// Lengths or the list of words at the start are wrong.
    #[error("the transform's parameters are wrong")]
    Head,
    /// The inverse would be longer than allowed.
    #[error("the block comes out longer than it should")]
    TooLong,
}
