//! A model that is small enough for tests, and functions that compress and decompress in memory.

#![allow(dead_code)] // each test uses only some of it

pub mod folder;
#[cfg(unix)]
pub mod running;

use std::io::Cursor;
use std::sync::Arc;

use lockstep::Error;
use lockstep::internals::archive::{ArchiveError, Frame, PieceKind, list};
use lockstep::internals::codec::{DecodeSettings, EncodeSettings, Summary, compress, decompress};
use lockstep::internals::engine::Device;
use lockstep::internals::model::{Method, ModelConfig};
use lockstep::internals::transform::{Choice, Transform};

/// The tiny model.
pub fn tiny(schedule_length: u64) -> ModelConfig {
    ModelConfig {
        streams: 2,
        segment: 8,
        embedding: 16,
        units: 16,
        layers: 1,
        error_fraction: 12,
        replay_streams: 2,
        replay_steps: 9,
        dropout: 48,
        rate_start: 1 << 23,
        rate_end: 1 << 21,
        schedule_length,
        seed: 1,
    }
}

/// Compresses with the network alone, without context mixing.
pub fn pack_with(
    data: &[u8],
    block_size: u32,
    model: impl Fn(u64) -> ModelConfig + Send + Sync + 'static,
) -> Result<Vec<u8>, Error> {
    pack_by(data, block_size, move |length| Method::network_alone(model(length)))
}

/// Returns the settings for compression on the CPU.
pub fn settings(method: impl Fn(u64) -> Method + Send + Sync + 'static) -> EncodeSettings {
    EncodeSettings {
        device: Device::Cpu,
        fallback: false,
        method: Arc::new(method),
        transform: Choice::Only(Transform::None),
        block_size: 1 << 20,
        frame_size: None,
        length: None,
        prior: None,
        memory: 1 << 30,
    }
}

/// Settings that decompress on the CPU.
pub const ON_CPU: DecodeSettings =
    DecodeSettings { device: Device::Cpu, fallback: false, prior: None, memory: 1 << 30, size_limit: u64::MAX };

/// Compresses with any method.
pub fn pack_by(
    data: &[u8],
    block_size: u32,
    method: impl Fn(u64) -> Method + Send + Sync + 'static,
) -> Result<Vec<u8>, Error> {
    let settings = EncodeSettings { block_size, ..settings(method) };
    let mut archive = Vec::new();
    let summary = pollster::block_on(compress(&mut &data[..], &mut archive, &settings, &mut ()))?;
    assert_eq!((summary.raw, summary.coded), (data.len() as u64, archive.len() as u64));
    Ok(archive)
}

/// Compresses with the tiny model.
pub fn pack(data: &[u8], block_size: u32) -> Vec<u8> {
    pack_with(data, block_size, tiny).unwrap()
}

/// Decompresses on the CPU.
pub fn unpack(archive: &[u8]) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    let summary: Summary = pollster::block_on(decompress(&mut &archive[..], &mut data, &ON_CPU, &mut ()))?;
    assert_eq!((summary.raw, summary.coded), (data.len() as u64, archive.len() as u64));
    Ok(data)
}

/// Pseudo-random bytes, which no model can compress.
pub fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| lockstep::internals::numerics::generator::random_u64(99, i as u64) as u8).collect()
}

/// Repetitive text, which even a tiny model learns.
pub fn text(len: usize) -> Vec<u8> {
    b"the cat sat on the mat; ".iter().copied().cycle().take(len).collect()
}

/// One method for inputs of every length.
pub fn fixed(method: &Method) -> impl Fn(u64) -> Method + Send + Sync + 'static {
    let method = method.clone();
    move |_| method.clone()
}

/// Lists the frames of an archive that has nothing else.
pub fn frames(archive: &[u8]) -> Result<Vec<Frame>, ArchiveError> {
    let frame = |kind| match kind {
        PieceKind::Frame(frame) => frame,
        other => panic!("{other:?}"),
    };
    Ok(list(&mut Cursor::new(archive))?.into_iter().map(|piece| frame(piece.kind)).collect())
}
