//! lockstep: lossless compression with a neural network that learns while it compresses.
//!
//! The predictor is an LSTM, trained online and joined with context mixing; decompressing trains it
//! again. All arithmetic is exact, so **an archive made on any device decodes, bit for bit, on every
//! other device**: any GPU through Vulkan, Metal, DX12 or WebGPU, software Vulkan, or the CPU.
//!
//! ```
//! use lockstep::Level;
//!
//! let text = b"In the beginning was the word, and the word was long. ".repeat(20);
//! let archive = lockstep::compress(&text, Level::FASTEST)?;
//! assert!(archive.len() < text.len() / 3);
//! assert_eq!(lockstep::decompress(&archive, 1 << 20)?, text); // at most 1 MiB
//! # Ok::<(), lockstep::Error>(())
//! ```
//!
//! # Where to continue
//!
//! | | |
//! |---|---|
//! | slices | [`compress`], [`decompress`], [`compress_with`], [`decompress_with`] |
//! | streams of any length | [`write::Encoder`], [`read::Decoder`], or whole: [`compress_stream`], [`decompress_stream`] |
//! | an archive's frames, ranges of its content | [`Archive`] |
//! | level, hyper-parameters, device, threads, sizes, limits | [`Options`] |
//! | progress, cancellation, checkpoints | [`Monitor`] |
//! | damaged archives | [`Archive::salvage`], [`recovery`] |
//! | models learned earlier | [`Prior`] |
//! | devices | [`Device`], `devices`, `Gpu` |
//! | hosts that must not block | [`asynchronous`] |
//!
//! # Features
//!
//! - `gpu` (default): the GPU engine, through wgpu.
//! - `cli` (default): the command `lockstep`. A library user turns it off.
//! - `export`: `Prior::to_safetensors`.
//!
//! Without default features the crate is the CPU engine alone, with few dependencies. It builds for
//! targets without threads or a file system.

#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod archive;
pub mod asynchronous;
#[cfg(feature = "cli")]
mod bench;
mod codec;
mod coder;
mod crc32;
mod crew;
mod engine;
mod error;
mod level;
mod mixing;
mod model;
mod numerics;
mod oneshot;
mod options;
mod pool;
mod prior;
pub mod read;
pub mod recovery;
mod seekable;
mod simd;
mod state;
mod training;
mod transform;
pub mod write;

pub use archive::{ArchiveError, Prefix};
pub use codec::{
    BlockForm, BlockReport, Checkpoints, Monitor, Next, Prediction, Progress, Resume, Summary, TransformReason, Warning,
};
#[cfg(feature = "gpu")]
pub use engine::Gpu;
pub use engine::{Device, DeviceInfo, EngineError, EngineInfo, EngineKind};
pub use error::Error;
pub use level::Level;
pub use model::{ConfigError, Method, MixingConfig, MixingKind, ModelConfig};
pub(crate) use oneshot::embed;
pub use oneshot::{compress, compress_stream, compress_with, decompress, decompress_stream, decompress_with};
pub use options::Options;
#[cfg(feature = "export")]
pub use prior::Precision;
pub use prior::{Prior, PriorError};
pub use seekable::{Archive, BlockInfo, Frame, Missing, PriorHash, RecoveryData, Salvaged};
pub use training::{Loss, TrainingEvent};
pub use transform::Transform;
#[cfg(feature = "gpu")]
pub use wgpu;

/// Lists the adapters of this machine, each after its self-test.
#[cfg(feature = "gpu")]
pub fn devices() -> Vec<DeviceInfo> {
    pollster::block_on(asynchronous::devices())
}

/// The crate's own modules, for its command, tests, benchmarks and fuzz targets.
///
/// Nothing here is part of the public interface: it changes without notice.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod internals {
    macro_rules! export {
        ($($module:ident)*) => {
            $(pub mod $module {
                pub use crate::$module::*;
            })*
        };
    }

    export!(archive codec coder engine mixing model numerics prior state training transform);
    #[cfg(feature = "cli")]
    export!(bench);
}

/// Compiles the examples of README.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
