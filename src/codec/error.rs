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
    /// A block whose code is intact decoded to something else on a GPU.
    #[error(
        "block {block} came out wrong on {engine}, though its code is intact: most likely this device or its driver \
         computes wrongly (try --device cpu, or --fallback cpu to go on there)"
    )]
    Diverged { block: usize, engine: String },
    /// The same on the CPU, which every archive is measured by.
    #[error(
        "block {block} can't be decoded, though its code is intact ({engine}): most likely the machine that made the \
         archive computed wrongly, or the archive is forged; if this machine's memory is in doubt, try another"
    )]
    Unrepeatable { block: usize, engine: String },
    /// The model and a block don't fit the memory that may be used.
    #[error(
        "{} MiB of memory are needed, but only {} allowed (allow more with --memory-limit {}M)",
        mebibytes(*.needed), .limit >> 20, mebibytes(*.needed)
    )]
    MemoryLimit { needed: u64, limit: u64 },
    /// The system does not give as much memory as is needed.
    #[error(
        "{} MiB of memory are needed, but this system gives no more (a smaller model, --mixing-memory or --block-size \
         needs less)",
        mebibytes(*.needed)
    )]
    OutOfMemory { needed: u64 },
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
    /// The run was asked to stop, and its state is saved.
    #[error("interrupted")]
    Interrupted,
    /// A checkpoint can't be written or read.
    #[error("the checkpoint can't be used: {0}")]
    Checkpoint(io::Error),
    /// A checkpoint is of a job with other options.
    #[error("the checkpoint is of another job: give the same options and input, or remove it")]
    OtherJob,
    /// The input is not the one that the checkpoint is of.
    #[error("the input is not what it was when the checkpoint was written (remove the checkpoint to start anew)")]
    InputChanged,
    /// What was written up to the checkpoint is not there any more.
    #[error(
        "the partial output is not what it was when the checkpoint was written (remove the checkpoint to start anew)"
    )]
    PartChanged,
}

/// Bytes in MiB, rounded up.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
