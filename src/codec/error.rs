//! What can go wrong between raw bytes and archive.

use std::io;

use thiserror::Error;

use crate::archive::ArchiveError;
use crate::engine::EngineError;
use crate::model::ConfigError;
use crate::prior::PriorError;

/// Why an input could not be compressed or decompressed.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The archive is corrupt, cut short, or of a kind unknown here.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A block whose code is intact decoded to something else.
    #[error(
        "block {block} came out wrong on {engine}, though its code is intact: this device or driver computes \
         differently from the one that made the archive (try --device cpu)"
    )]
    Diverged { block: usize, engine: String },
    /// The model and a block don't fit the memory that may be used.
    #[error("{needed} bytes of memory are needed, but only {limit} allowed (allow more with --memory {})", mebibytes(*.needed))]
    MemoryLimit { needed: u64, limit: u64 },
    /// The hyper-parameters that were asked for can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The block size that was asked for can't be used.
    #[error("blocks of {0} bytes are not possible (1 byte to 1 GiB are)")]
    BlockSize(u32),
    /// The archive starts from a prior that was not given.
    #[error("made with a prior {wanted}, which is needed to decode it (--prior FILE gives it){}", other(*.given))]
    PriorMissing { wanted: String, given: Option<u64> },
    /// The archive's fields contradict its prior.
    #[error("the archive is invalid: its model is not one that starts from its prior")]
    PriorUnfit,
    /// A prior that an archive holds can't be used.
    #[error(transparent)]
    Prior(#[from] PriorError),
    /// The device can't run the model, or stopped doing so.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The input can't be read.
    #[error("can't read: {0}")]
    Input(io::Error),
    /// The output can't be written.
    #[error("can't write: {0}")]
    Output(io::Error),
}

/// The least `--memory` that covers so many bytes.
fn mebibytes(bytes: u64) -> String {
    format!("{}M", bytes.div_ceil(1 << 20))
}

/// What was given in place of the prior that is needed.
fn other(given: Option<u64>) -> String {
    given.map_or(String::new(), |hash| format!("; the one given is {hash:016x}"))
}
