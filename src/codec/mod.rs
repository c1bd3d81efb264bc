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
    /// What the model ran on, a GPU if any frame did; nothing if it was not needed.
    pub engine: Option<String>,
}

/// Which of two engines that worked on an archive's frames to name: not the CPU.
fn most_telling(before: Option<String>, now: Option<String>) -> Option<String> {
    match (before, now) {
        (Some(before), now) if now.is_none() || !before.starts_with("CPU") => Some(before),
        (_, now) => now,
    }
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

#[cfg(test)]
mod tests {
    use super::most_telling;

    #[test]
    fn a_gpu_that_worked_on_any_frame_is_named() {
        let engine = |name: &str| Some(name.to_owned());
        let (cpu, gpu) = (engine("CPU, 2 threads"), engine("llvmpipe"));
        for (before, now, named) in [
            (None, cpu.clone(), cpu.clone()),
            (cpu.clone(), None, cpu.clone()),
            (cpu.clone(), gpu.clone(), gpu.clone()),
            (gpu.clone(), cpu.clone(), gpu.clone()),
            (None, None, None),
        ] {
            assert_eq!(most_telling(before, now), named);
        }
    }
}
