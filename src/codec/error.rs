//! What can go wrong between raw bytes and archive.

use std::io;

use thiserror::Error;

use crate::archive::ArchiveError;
use crate::engine::EngineError;
use crate::model::ConfigError;

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
