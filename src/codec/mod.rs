//! The way of a byte: inputs cut into frames and blocks, blocks into streams, predicted, coded, learnt from.

pub mod block;
mod decode;
mod encode;
mod error;
mod job;
mod learner;
mod monitor;
mod predictor;
mod streams;
mod transformed;

pub use block::{Progress, decode_block, encode_block};
pub use decode::{DecompressSettings, decompress};
pub use encode::{ASSUMED_LENGTH, CompressSettings, compress};
pub use error::CodecError;
pub use monitor::{Monitor, Next, Resume};
pub use predictor::Predictor;

use crate::archive::Header;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Raw bytes.
    pub raw: u64,
    /// Bytes of the archive.
    pub coded: u64,
    /// What the model ran on; nothing if it was not needed.
    pub engine: Option<String>,
}

/// Bytes of memory that a frame's coding or decoding takes; with a fallback the
/// predictors are kept twice.
pub fn memory_needed(header: &Header, fallback: bool) -> u64 {
    let twice = if fallback { header.method.memory(header.block_size) } else { 0 };
    header.memory() + twice
}

/// Refuses before anything is allocated, and where the system has no room.
fn check_memory(header: &Header, fallback: bool, limit: u64) -> Result<(), CodecError> {
    let needed = memory_needed(header, fallback);
    if needed > limit {
        return Err(CodecError::MemoryLimit { needed, limit });
    }
    // Asked for and given back untouched: a refusal here is an error, later it would be the end.
    let room = usize::try_from(needed).is_ok_and(|needed| Vec::<u8>::new().try_reserve_exact(needed).is_ok());
    if room { Ok(()) } else { Err(CodecError::OutOfMemory { needed }) }
}
