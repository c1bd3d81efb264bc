//! The errors of devices.

use thiserror::Error;

/// Why a device could not do its work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No device was found, or none by the name that was asked for.
    #[error("{}", not_found(.wanted.as_deref(), .found))]
    NotFound {
        /// The name or index that was asked for, if any was.
        wanted: Option<String>,
        /// The adapters that were found.
        found: Vec<String>,
    },
    /// This build of the library has no GPU engine: its feature `gpu` is off.
    #[error("this build of lockstep has no GPU engine")]
    NotBuilt,
    /// The device could not be opened.
    #[error("{device} can't be opened: {reason}")]
    Open {
        /// The adapter's name.
        device: String,
        /// The driver's reason.
        reason: String,
    },
    /// The model needs a larger buffer than the device can have.
    #[error(
        "{device} has room for {} MiB in one buffer, but this model needs {} MiB",
        .available >> 20, .needed.div_ceil(1 << 20)
    )]
    TooSmall {
        /// The adapter's name.
        device: String,
        /// Bytes of the largest buffer that the model needs.
        needed: u64,
        /// Bytes of the largest buffer that the device can have.
        available: u64,
    },
    /// A kernel's results differ from those of the CPU, so archives made there would not be portable.
    #[error("{device} computes kernel {kernel} differently from the CPU, so it can't be used")]
    Inexact {
        /// The adapter's name.
        device: String,
        /// The kernel's name.
        kernel: &'static str,
    },
    /// The device stopped working.
    #[error("{device} failed: {reason}")]
    Lost {
        /// The adapter's name.
        device: String,
        /// The driver's reason.
        reason: String,
    },
}

fn not_found(wanted: Option<&str>, found: &[String]) -> String {
    let found = if found.is_empty() { "none".to_owned() } else { found.join("; ") };
    match wanted {
        Some(name) => format!("no device is called {name}; found: {found}"),
        None => "no GPU was found, nor software Vulkan".to_owned(),
    }
}
