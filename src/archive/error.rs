//! The errors of archives.

use std::io;

use thiserror::Error;

use super::VERSION;
use crate::model::ConfigError;

/// Why an archive can't be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The input does not start like an archive.
    #[error("not a lockstep archive")]
    NotAnArchive,
    /// The archive has a newer format than this version reads.
    #[error("made by a newer lockstep (format {0}; this one reads format {VERSION})")]
    NewerVersion(u8),
    /// The archive has an older format than this version reads.
    #[error("made by an older lockstep (format {0}; this one reads format {VERSION})")]
    OlderVersion(u8),
    /// The archive has a part that only a newer version knows.
    #[error("made by a newer lockstep: {what} {id} is unknown to this one")]
    Unsupported {
        /// The kind of part.
        what: &'static str,
        /// Its number in the format.
        id: u64,
    },
    /// A checksum or a field is wrong.
    #[error("the archive is corrupt: {what}")]
    Corrupt {
        /// The damage.
        what: String,
    },
    /// All content was read and is right, but a trailer behind it is not.
    #[error("a trailer is damaged or cut off; the content before it is intact")]
    Trailer,
    /// The input ends too early.
    #[error("the archive is cut short")]
    Truncated,
    /// The header's checksum is right, but its model can't exist.
    #[error("the archive is invalid: {0}")]
    Config(#[from] ConfigError),
    /// The archive can't be read at all.
    #[error("can't read: {0}")]
    Io(#[source] io::Error),
}

impl ArchiveError {
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        ArchiveError::Corrupt { what: what.into() }
    }
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
            _ => ArchiveError::Io(error),
        }
    }
}
