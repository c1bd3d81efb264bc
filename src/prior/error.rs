//! What can be wrong with a prior.

use std::io;

use thiserror::Error;

use crate::archive::ArchiveError;

/// Why a prior can't be used.
#[derive(Debug, Error)]
pub enum PriorError {
    /// The file does not start like a prior.
    #[error("not a prior (`lockstep train` and --save-model make them)")]
    NotAPrior,
    /// The part that it has in common with archives can't be read.
    #[error("the prior's header: {0}")]
    Header(ArchiveError),
    /// The content is not what its hash says, or cut short.
    #[error("the prior is corrupt: {0}")]
    Corrupt(&'static str),
    /// It would take too much memory.
    #[error("the prior takes {needed} bytes of memory, but only {limit} are allowed (allow more with --memory {}M)", .needed.div_ceil(1 << 20))]
    MemoryLimit { needed: u64, limit: u64 },
    /// The file could not be read at all.
    #[error("can't read the prior: {0}")]
    Io(io::Error),
}

impl PriorError {
    /// Whether the file, rather than something around it, is to blame.
    pub fn is_invalid(&self) -> bool {
        !matches!(self, PriorError::MemoryLimit { .. } | PriorError::Io(_) | PriorError::Header(ArchiveError::Io(_)))
    }
}
