//! Reversible transforms: a block's bytes become others that the models predict better.
//!
//! docs/FORMAT.md defines each inverse. A transform is used for a block only after its
//! inverse has given the block back.

mod choice;
mod dictionary;
mod lines;
mod text;
mod words;

use thiserror::Error;

pub use choice::{Choice, choose};

/// A transform, numbered as in archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transform {
    /// The block as it is.
    None = 0,
    /// Words as codes, capitals as flags, line ends apart.
    Text = 1,
}

impl Transform {
    /// All transforms, in the order of their numbers.
    pub const ALL: [Transform; 2] = [Transform::None, Transform::Text];

    /// The transform of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Transform::ALL.get(usize::from(number)).copied()
    }

    /// Transforms any bytes; the result may be longer.
    pub fn forward(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Transform::None => raw.to_vec(),
            Transform::Text => text::forward(raw),
        }
    }

    /// The bytes that [`forward`](Self::forward) transformed, at most `limit` of them.
    ///
    /// Any bytes give a result or an error.
    pub fn inverse(self, coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
        match self {
            Transform::None if coded.len() > limit => Err(TransformError::TooLong),
            Transform::None => Ok(coded.to_vec()),
            Transform::Text => text::inverse(coded, limit),
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
