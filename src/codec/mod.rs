//! Inputs cut into frames and blocks, blocks into streams; predicted, coded, learned from.

pub mod block;
mod checkpoint;
mod compact;
mod cut;
mod decode;
mod encode;
mod frame;
mod model;
mod monitor;
mod parallel;
mod prediction;
mod predictor;
mod replay;
mod report;
mod settings;
mod streams;
mod transformed;
mod trial;

pub use block::{decode_block, encode_block};
pub use compact::compact_header;
pub use decode::{ArchiveDecoder, Unit, decompress};
pub use encode::{ArchiveEncoder, compress};
pub use monitor::{Checkpoints, Monitor, Next, Progress, Resume, Warning};
pub(crate) use monitor::{WithoutCheckpoints, main_engine};
pub use parallel::{compress_frames, decompress_frames, workers};
pub use prediction::Prediction;
pub(crate) use prediction::Recorder;
pub use predictor::Predictor;
pub use report::{BlockForm, BlockReport, TransformReason};
pub use settings::{ASSUMED_LENGTH, DecodeSettings, EncodeSettings};
pub(crate) use transformed::read_head;

use std::sync::Arc;

use crate::Error;
use crate::archive::Header;
use crate::engine::EngineInfo;
use crate::prior::Prior;

/// The result of compressing or decompressing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Raw bytes.
    pub raw: u64,
    /// Bytes of the archive.
    pub coded: u64,
    /// The engine that the model ran on, a GPU if any frame ran on one; `None` if no model was needed.
    pub engine: Option<EngineInfo>,
}

/// Returns the bytes of memory that coding or decoding a frame takes; with a fallback the
/// predictors are kept twice.
pub fn memory_needed(header: &Header, prior: Option<&Prior>, fallback: bool) -> u64 {
    // The mixing stage's memory depends on the history it keeps: as much as a block of this size.
    let predictors = match prior {
        Some(prior) => header.method.memory(1 << prior.past_bits(header.block_size)),
        None => header.method.memory(header.block_size),
    };
    predictors + if fallback { predictors } else { 0 } + 2 * u64::from(header.block_size)
}

/// Returns the prior that a frame starts from, if it starts from one.
fn find_prior(header: &Header, given: Option<&Arc<Prior>>) -> Result<Option<Arc<Prior>>, Error> {
    match given {
        _ if header.prior == 0 => Ok(None),
        Some(prior) if prior.hash() == header.prior && prior.fits(&header.method) => Ok(Some(prior.clone())),
        Some(prior) if prior.hash() == header.prior => Err(Error::PriorUnfit),
        _ => {
            let given = given.map(|prior| prior.hash());
            Err(Error::PriorMissing { wanted: header.prior, bits: u64::BITS, given })
        }
    }
}

/// Refuses a frame that needs too much memory, before anything is allocated.
fn check_memory(header: &Header, prior: Option<&Prior>, fallback: bool, limit: u64) -> Result<(), Error> {
    let needed = memory_needed(header, prior, fallback);
    if needed > limit {
        return Err(Error::MemoryLimit { needed, limit });
    }
    // Reserved and given back untouched: here a refusal is an error, later it would abort.
    let room = usize::try_from(needed).is_ok_and(|needed| Vec::<u8>::new().try_reserve_exact(needed).is_ok());
    if room { Ok(()) } else { Err(Error::OutOfMemory { needed }) }
}
