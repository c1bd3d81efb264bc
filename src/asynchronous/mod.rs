//! The async form of compressing, decompressing and training, for hosts that must not block.
//!
//! A future waits while a GPU computes or its results are read back. The CPU's own work, which is
//! all of it on the CPU engine, runs within `poll` on the calling thread and its rayon pool:
//! a server runs such a job on a thread of its own, a browser in a worker. [`Options::threads`] is
//! not used here.

mod decoder;
mod encoder;

use std::io::{Read, Write};

use crate::codec::{self, Monitor, Summary};
use crate::options::Options;
use crate::prior::Prior;
use crate::training::{self, TrainingEvent};
use crate::{Error, embed};

pub use decoder::Decoder;
pub use encoder::Encoder;

/// Compresses all of `input`; the async form of [`compress_stream`](crate::compress_stream).
///
/// # Errors
///
/// As [`compress_stream`](crate::compress_stream).
pub async fn compress(
    mut input: impl Read,
    mut output: impl Write,
    options: &Options,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let embedded = embed(options, &mut output)?;
    let mut done = codec::compress(&mut input, &mut output, &options.encode_settings(), monitor).await?;
    done.coded += embedded;
    Ok(done)
}

/// Decompresses all of `input`; the async form of [`decompress_stream`](crate::decompress_stream).
///
/// # Errors
///
/// As [`decompress_stream`](crate::decompress_stream).
pub async fn decompress(
    mut input: impl Read,
    mut output: impl Write,
    options: &Options,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    codec::decompress(&mut input, &mut output, &options.decode_settings(), monitor).await
}

/// Trains a prior; the async form of [`Prior::train`].
///
/// # Errors
///
/// As [`Prior::train`].
pub async fn train<S: AsRef<[u8]>>(
    samples: &[S],
    options: &Options,
    observer: &mut dyn FnMut(TrainingEvent),
) -> Result<Prior, Error> {
    let samples: Vec<&[u8]> = samples.iter().map(AsRef::as_ref).collect();
    training::train(&samples, &training::settings(&samples, options), observer).await
}

/// Lists the adapters of this machine; the async form of [`devices`](crate::devices).
#[cfg(feature = "gpu")]
pub async fn devices() -> Vec<crate::DeviceInfo> {
    crate::engine::devices().await
}

/// Opens a device for jobs to share; the async form of [`Gpu::open`](crate::Gpu::open).
///
/// # Errors
///
/// As [`Gpu::open`](crate::Gpu::open).
#[cfg(feature = "gpu")]
pub async fn open_gpu(device: &crate::Device) -> Result<crate::Gpu, Error> {
    Ok(crate::engine::open(device).await?)
}

/// Opens an adapter for jobs to share; the async form of [`Gpu::from_adapter`](crate::Gpu::from_adapter).
///
/// # Errors
///
/// As [`Gpu::from_adapter`](crate::Gpu::from_adapter).
#[cfg(feature = "gpu")]
pub async fn open_adapter(adapter: &wgpu::Adapter) -> Result<crate::Gpu, Error> {
    Ok(crate::Gpu(crate::engine::open_tested(adapter).await?))
}
