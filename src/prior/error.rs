//! The errors of priors.

use std::io;

use thiserror::Error;

use crate::archive::ArchiveError;

/// Why a prior can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PriorError {
    /// The file does not start like a prior.
    #[error("not a prior")]
    NotAPrior,
    /// The header, which has the form of an archive's, can't be read.
    #[error("the prior's header: {0}")]
    Header(#[source] ArchiveError),
    /// The content does not match its hash, or is cut short.
    #[error("the prior is corrupt: {0}")]
    Corrupt(&'static str),
    /// The prior would take more memory than is allowed.
    #[error("the prior takes {needed} bytes of memory, but only {limit} are allowed")]
    MemoryLimit {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// The options ask for a network or a mixing stage of another shape than the prior has.
    #[error("the prior does not fit the model that the options ask for")]
    Misfit,
    /// The file can't be read at all.
    #[error("can't read the prior: {0}")]
    Io(#[source] io::Error),
}

impl PriorError {
    /// True if the file is to blame, rather than something around it.
    pub fn is_corrupt(&self) -> bool {
        !matches!(
            self,
            PriorError::MemoryLimit { .. }
                | PriorError::Misfit
                | PriorError::Io(_)
                | PriorError::Header(ArchiveError::Io(_))
        )
    }
}
