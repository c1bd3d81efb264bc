//! The way of a byte: inputs cut into frames and blocks, blocks into streams, predicted, coded, learnt from.

pub mod block;
mod compact;
mod decode;
mod encode;
mod error;
mod job;
mod learner;
mod monitor;
mod predictor;
mod replay;
mod streams;
mod transformed;

pub use block::{Progress, decode_block, encode_block};
pub use decode::{DecompressSettings, decompress};
pub use encode::{ASSUMED_LENGTH, CompressSettings, compress};
pub use error::CodecError;
pub use monitor::{Monitor, Next, Resume};
pub use predictor::Predictor;

use std::sync::Arc;

use crate::archive::Header;
use crate::prior::Prior;

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
pub fn memory_needed(header: &Header, prior: Option<&Prior>, fallback: bool) -> u64 {
    // A block as long as the past is what the mixing stage's memory goes by.
    let predictors = match prior {
        Some(prior) => header.method.memory(1 << prior.past_bits(header.block_size)),
        None => header.method.memory(header.block_size),
    };
    predictors + if fallback { predictors } else { 0 } + 2 * u64::from(header.block_size)
}

/// The prior that a frame starts from, if it starts from any.
fn find_prior(header: &Header, given: Option<&Arc<Prior>>) -> Result<Option<Arc<Prior>>, CodecError> {
    match given {
        _ if header.prior == 0 => Ok(None),
        Some(prior) if prior.hash() == header.prior && prior.fits(&header.method) => Ok(Some(prior.clone())),
        Some(prior) if prior.hash() == header.prior => Err(CodecError::PriorUnfit),
        _ => {
            let wanted = format!("whose hash is {:016x}", header.prior);
            Err(CodecError::PriorMissing { wanted, given: given.map(|prior| prior.hash()) })
        }
    }
}

/// Refuses before anything is allocated, and where the system has no room.
fn check_memory(header: &Header, prior: Option<&Prior>, fallback: bool, limit: u64) -> Result<(), CodecError> {
    let needed = memory_needed(header, prior, fallback);
    if needed > limit {
        return Err(CodecError::MemoryLimit { needed, limit });
    }
    // Asked for and given back untouched: a refusal here is an error, later it would be the end.
    let room = usize::try_from(needed).is_ok_and(|needed| Vec::<u8>::new().try_reserve_exact(needed).is_ok());
    if room { Ok(()) } else { Err(CodecError::OutOfMemory { needed }) }
}
