//! Errors as JavaScript receives them.

use std::io::ErrorKind;

use lockstep::{ArchiveError, EngineError, Error, PriorError};
use serde::Serialize;
use wasm_bindgen::JsValue;

/// An error: a code that a page can word itself, facts, and the core's own English sentence.
#[derive(Serialize)]
pub struct Failure {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

impl Failure {
    /// An error of options that can't be used.
    pub fn options(message: impl ToString) -> Self {
        Failure::new("options", message)
    }

    /// An error without further facts.
    pub fn new(code: &'static str, message: impl ToString) -> Self {
        Failure { code, message: message.to_string(), version: None, wanted: None, needed: None, limit: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Failure::new(code(&error), &error);
        match error {
            Error::Archive(ArchiveError::NewerVersion(version) | ArchiveError::OlderVersion(version)) => {
                Failure { version: Some(version), ..failure }
            }
            Error::PriorMissing { wanted, bits, .. } => {
                let digits = bits as usize / 4;
                Failure { wanted: Some(format!("{wanted:0digits$x}")), ..failure }
            }
            Error::MemoryLimit { needed, limit } | Error::Prior(PriorError::MemoryLimit { needed, limit }) => {
                Failure { needed: Some(needed), limit: Some(limit), ..failure }
            }
            Error::OutOfMemory { needed } => Failure { needed: Some(needed), ..failure },
            Error::SizeLimit { limit } => Failure { limit: Some(limit), ..failure },
            _ => failure,
        }
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        // Numbers and strings always become an object.
        serde_wasm_bindgen::to_value(&failure).unwrap_or_else(|error| error.into())
    }
}

/// Returns the code of an error; `lockstep.d.ts` lists them.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Archive(error) => match error {
            ArchiveError::NotAnArchive => "notAnArchive",
            ArchiveError::NewerVersion(_) | ArchiveError::OlderVersion(_) | ArchiveError::Unsupported { .. } => {
                "version"
            }
            ArchiveError::Truncated => "truncated",
            ArchiveError::Trailer => "trailer",
            ArchiveError::Io(_) => "unreadable",
            _ => "corrupt",
        },
        Error::Unrepeatable { .. } => "corrupt",
        Error::PriorMissing { .. } => "priorMissing",
        Error::PriorUnfit => "priorUnfit",
        Error::Prior(PriorError::MemoryLimit { .. }) | Error::MemoryLimit { .. } => "memoryLimit",
        Error::Prior(PriorError::Io(_)) | Error::Input(_) => "unreadable",
        Error::Prior(_) => "priorUnfit",
        Error::OutOfMemory { .. } => "outOfMemory",
        Error::SizeLimit { .. } => "sizeLimit",
        Error::Config(_) | Error::BlockSize(_) | Error::RecoveryPercent(_) | Error::Range { .. } => "options",
        Error::Device(EngineError::NotFound { .. }) => "noDevice",
        Error::Device(_) | Error::Diverged { .. } => "device",
        Error::NoSamples => "noSamples",
        Error::Output(error) if error.kind() == ErrorKind::StorageFull => "storageFull",
        Error::Output(_) => "unwritable",
        _ => "other",
    }
}
