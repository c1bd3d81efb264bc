//! The error of every public function.

use std::io;

use thiserror::Error as ThisError;

use crate::archive::ArchiveError;
use crate::engine::{EngineError, EngineInfo};
use crate::model::ConfigError;
use crate::prior::PriorError;

/// Why data could not be compressed, decompressed, listed or trained on.
///
/// Variants carry facts and no advice: what to do about them depends on who calls.
/// [`Error::is_corrupt`] tells a damaged or forged archive from everything else.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The archive is corrupt, cut short, or of a kind that this version does not know.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A block whose code is intact decoded to something else on a GPU: most likely this device
    /// or its driver computes wrongly.
    #[error("block {block} came out wrong on {engine}, though its code is intact")]
    Diverged {
        /// The block's number in its frame, from 1.
        block: usize,
        /// The device.
        engine: EngineInfo,
    },
    /// A block whose code is intact decoded to something else on the CPU, which defines what is
    /// right: the machine that made the archive computed wrongly, or the archive is forged.
    #[error("block {block} can't be decoded, though its code is intact ({engine})")]
    Unrepeatable {
        /// The block's number in its frame, from 1.
        block: usize,
        /// The CPU engine.
        engine: EngineInfo,
    },
    /// The model and its blocks need more memory than [`Options::memory_limit`](crate::Options::memory_limit).
    #[error("{} MiB of memory are needed, but only {} allowed", .needed.div_ceil(1 << 20), .limit >> 20)]
    MemoryLimit {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// The archive holds more than [`Options::size_limit`](crate::Options::size_limit).
    #[error("it holds more than the {limit} bytes that are allowed")]
    SizeLimit {
        /// Bytes that are allowed.
        limit: u64,
    },
    /// The system has less memory than is needed.
    #[error("{} MiB of memory are needed, but this system gives no more", .needed.div_ceil(1 << 20))]
    OutOfMemory {
        /// Bytes that are needed.
        needed: u64,
    },
    /// The hyper-parameters that were asked for can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The block size that was asked for can't be used.
    #[error("blocks of {0} bytes are not possible (1 byte to 1 GiB are)")]
    BlockSize(u32),
    /// The recovery data that was asked for is too little or too much.
    #[error("recovery data of {0} % is not possible (1 to 100 % are)")]
    RecoveryPercent(u8),
    /// A frame would have more blocks than its trailer can list.
    #[error("too many blocks for one frame")]
    TooManyBlocks,
    /// The range to read reaches beyond the archive's content.
    #[error("the archive holds {len} bytes, so a range can't reach beyond them")]
    Range {
        /// Bytes that the archive holds.
        len: u64,
    },
    /// The archive was made with a prior that was not given.
    #[error("made with a prior {}, which is needed to decode it{}", wanted_prior(*.wanted, *.bits), given_prior(*.given))]
    PriorMissing {
        /// The hash of the prior, or its low half.
        wanted: u64,
        /// The bits of the hash that the archive records: 64 or 32.
        bits: u32,
        /// The hash of the prior that was given instead.
        given: Option<u64>,
    },
    /// The archive's fields contradict its prior.
    #[error("the archive is invalid: its model is not one that starts from its prior")]
    PriorUnfit,
    /// A prior can't be used.
    #[error(transparent)]
    Prior(#[from] PriorError),
    /// The device can't run the model, or stopped doing so.
    #[error(transparent)]
    Device(#[from] EngineError),
    /// The samples to train on are empty.
    #[error("the samples are empty")]
    NoSamples,
    /// The input can't be read.
    #[error("can't read: {0}")]
    Input(#[source] io::Error),
    /// The output can't be written.
    #[error("can't write: {0}")]
    Output(#[source] io::Error),
    /// Threads can't be started.
    #[error("can't start threads: {0}")]
    Threads(String),
    /// The [`Monitor`](crate::Monitor) asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The run was asked to stop, and its state is saved.
    #[error("interrupted; the state is saved")]
    Interrupted,
    /// A checkpoint can't be written or read.
    #[error("the checkpoint can't be used: {0}")]
    Checkpoint(#[source] io::Error),
    /// The checkpoint belongs to a job with other options.
    #[error("the checkpoint belongs to another job")]
    OtherJob,
    /// The input is not the one that the checkpoint was written for.
    #[error("the input has changed since the checkpoint was written")]
    InputChanged,
    /// The partial output is not the one that the checkpoint was written for.
    #[error("the partial output has changed since the checkpoint was written")]
    PartChanged,
}

impl Error {
    /// True if the archive or the prior is to blame: it is corrupt, cut short, forged, or of an
    /// unknown version. False if something around it is: a file, an option, a limit, a device.
    pub fn is_corrupt(&self) -> bool {
        match self {
            Error::Archive(error) => !matches!(error, ArchiveError::Io(_)),
            Error::Prior(error) => error.is_corrupt(),
            Error::Unrepeatable { .. } | Error::PriorUnfit => true,
            _ => false,
        }
    }
}

/// Reading and writing through [`std::io`] keeps the error: `get_ref` finds it again.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Input(error) | Error::Output(error) => error,
            error if error.is_corrupt() => io::Error::new(io::ErrorKind::InvalidData, error),
            error => io::Error::other(error),
        }
    }
}

fn wanted_prior(wanted: u64, bits: u32) -> String {
    match bits {
        64 => format!("whose hash is {wanted:016x}"),
        _ => format!("whose hash ends in {wanted:08x}"),
    }
}

fn given_prior(given: Option<u64>) -> String {
    given.map_or(String::new(), |hash| format!("; the one given is {hash:016x}"))
}
