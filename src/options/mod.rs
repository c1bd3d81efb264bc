//! The options of compressing, decompressing and training.

mod hyperparameters;
mod overrides;

use std::sync::Arc;

use crate::Error;
use crate::archive::Header;
use crate::codec::{ASSUMED_LENGTH, DecodeSettings, EncodeSettings, memory_needed};
use crate::engine::Device;
use crate::level::Level;
use crate::model::Method;
use crate::model::levels::method_for;
use crate::prior::Prior;
use crate::transform::{Choice, Transform};
use overrides::Overrides;

/// How to compress, decompress or train: a builder, whose defaults are those of the command.
///
/// Decoding needs no option but the prior that an archive was made with: everything else that
/// decides its bytes is written into the archive.
///
/// ```
/// use lockstep::{Device, Options};
///
/// let options = Options::new()
///     .level(3.try_into()?)
///     .units(96) // in place of the level's
///     .device(Device::Cpu)
///     .threads(2);
/// let archive = lockstep::compress_with(b"to be or not to be, to be or not to be", &options)?;
/// assert_eq!(lockstep::decompress(&archive, 1 << 20)?, b"to be or not to be, to be or not to be");
/// # Ok::<(), lockstep::Error>(())
/// ```
#[derive(Clone)]
pub struct Options {
    level: Level,
    overrides: Overrides,
    method: Option<Method>,
    device: Device,
    fallback: bool,
    threads: Option<usize>,
    transform: Choice,
    block_size: u32,
    frame_size: Option<u64>,
    length: Option<u64>,
    start: Option<Start>,
    embed_prior: bool,
    memory_limit: u64,
    size_limit: Option<u64>,
    passes: u32,
}

/// The prior that a job starts from, and how.
#[derive(Clone)]
struct Start {
    prior: Arc<Prior>,
    /// True if the job continues the one that the prior was saved from.
    continues: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            level: Level::DEFAULT,
            overrides: Overrides::default(),
            method: None,
            device: Device::Auto,
            fallback: false,
            threads: None,
            transform: Choice::Auto,
            block_size: 16 << 20,
            frame_size: None,
            length: None,
            start: None,
            embed_prior: false,
            memory_limit: 4 << 30,
            size_limit: None,
            passes: 4,
        }
    }
}

impl std::fmt::Debug for Options {
    /// Shows what decides an archive's bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("level", &self.level)
            .field("overrides", &self.overrides)
            .field("method", &self.method)
            .field("transform", &self.transform)
            .field("block_size", &self.block_size)
            .field("frame_size", &self.frame_size)
            .field("prior", &self.start.as_ref().map(|start| start.prior.hash()))
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Returns the defaults: level 5, one frame of 16 MiB blocks, 4 GiB of memory, the best device.
    pub fn new() -> Self {
        Options::default()
    }

    /// Sets the compression level. Default: [`Level::DEFAULT`].
    #[must_use]
    pub fn level(self, level: Level) -> Self {
        Options { level, ..self }
    }

    /// Sets where the network runs. Default: [`Device::Auto`].
    #[must_use]
    pub fn device(self, device: Device) -> Self {
        Options { device, ..self }
    }

    /// Has the CPU continue, from the last good block, where a GPU fails or computes something
    /// wrong. It costs a copy of the learned state at each block. Default: false.
    #[must_use]
    pub fn fallback(self, fallback: bool) -> Self {
        Options { fallback, ..self }
    }

    /// Sets the number of CPU threads; 0 is one a core. Default: those of the rayon pool that the
    /// calling thread belongs to, or of the global pool.
    ///
    /// The functions of [`asynchronous`](crate::asynchronous) always run on the caller's pool.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Options { threads: Some(threads), ..self }
    }

    /// Sets the transform that blocks get before they are modelled; `None` chooses for each block
    /// the one that pays. Default: `None`.
    #[must_use]
    pub fn transform(self, transform: Option<Transform>) -> Self {
        Options { transform: transform.map_or(Choice::Auto, Choice::Only), ..self }
    }

    /// Sets the most raw bytes of a block, 1 to 2^30. So much of the input is held in memory; it
    /// becomes one block, or several where the kind of its data changes. Default: 16 MiB.
    #[must_use]
    pub fn block_size(self, bytes: u32) -> Self {
        Options { block_size: bytes, ..self }
    }

    /// Sets the raw bytes of a frame, at least 1. Frames are independent: a range is read from those
    /// that hold it, and [`compress_stream`](crate::compress_stream) codes several at a time.
    /// Default: `None`, a single frame.
    #[must_use]
    pub fn frame_size(self, bytes: impl Into<Option<u64>>) -> Self {
        Options { frame_size: bytes.into().map(|bytes| bytes.max(1)), ..self }
    }

    /// Announces the raw bytes of a stream that is to be compressed. The learning-rate schedule and
    /// the number of streams depend on it, so an archive gets smaller. Default: `None`, which counts
    /// as 64 MiB, unless the stream turns out to fit a block.
    #[must_use]
    pub fn length(self, bytes: impl Into<Option<u64>>) -> Self {
        Options { length: bytes.into(), ..self }
    }

    /// Starts from a prior, which decoding needs too. Without [`Options::transform`], blocks are not
    /// transformed then, as the prior was trained on samples as they are.
    #[must_use]
    pub fn prior(self, prior: impl Into<Arc<Prior>>) -> Self {
        Options { start: Some(Start { prior: prior.into(), continues: false }), ..self }
    }

    /// Continues the job that `model` was saved from: its learning rate too continues from there.
    /// Decoding needs the same model.
    #[must_use]
    pub fn continue_from(self, model: impl Into<Arc<Prior>>) -> Self {
        Options { start: Some(Start { prior: model.into(), continues: true }), ..self }
    }

    /// Puts the prior into the archive, in front of the frames, so that decoding does not need its
    /// file. Default: false.
    #[must_use]
    pub fn embed_prior(self, embed: bool) -> Self {
        Options { embed_prior: embed, ..self }
    }

    /// Sets the most bytes of memory that coding or decoding may need; what needs more is refused
    /// with [`Error::MemoryLimit`](crate::Error::MemoryLimit) before it is allocated. Default: 4 GiB.
    #[must_use]
    pub fn memory_limit(self, bytes: u64) -> Self {
        Options { memory_limit: bytes, ..self }
    }

    /// Sets the most raw bytes that decoding may produce; an archive that holds more is refused with
    /// [`Error::SizeLimit`](crate::Error::SizeLimit). Default: `None`, no limit.
    #[must_use]
    pub fn size_limit(self, bytes: impl Into<Option<u64>>) -> Self {
        Options { size_limit: bytes.into(), ..self }
    }

    /// Returns the predictors that a frame will have, and their hyper-parameters: those of the level or of
    /// the prior, with what was set by hand. They depend on [`Options::length`] and [`Options::frame_size`].
    pub fn planned_method(&self) -> Method {
        let (frame, _) = self.longest_frame();
        self.method_for(frame)
    }

    /// Returns the bytes of memory that compressing with these options takes for each frame at work,
    /// within a few per cent; [`Options::length`] tells it the size of the input.
    pub fn memory_needed(&self) -> u64 {
        let (frame, block_size) = self.longest_frame();
        let header = Header { method: self.method_for(frame), block_size, prior: 0 };
        memory_needed(&header, self.start_prior().map(|prior| &**prior), self.fallback)
    }

    /// Checks all that can be checked before any input is read.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for hyper-parameters that are not valid together; [`Error::Prior`] if the
    /// prior has another model; with [`Options::length`] also [`Error::MemoryLimit`]
    /// or [`Error::OutOfMemory`] where compressing needs too much memory.
    pub fn check(&self) -> Result<(), Error> {
        let (settings, (frame, block_size)) = (self.encode_settings(), self.longest_frame());
        match self.length {
            Some(_) => settings.header(frame, block_size).map(|_| ()),
            None => settings.valid_method(frame).map(|_| ()),
        }
    }

    /// Sets how many times training goes over the samples, at least once. Default: 4.
    #[must_use]
    pub fn passes(self, passes: u32) -> Self {
        Options { passes: passes.max(1), ..self }
    }
}

/// Accessors for the rest of the crate and for its tests.
#[doc(hidden)]
impl Options {
    /// Returns the method for a frame of `length` raw bytes.
    pub fn method_for(&self, length: u64) -> Method {
        let level = || method_for(self.level.number(), length);
        let method = match (&self.method, &self.start) {
            (Some(method), _) => return method.clone(),
            (None, None) => level(),
            (None, Some(Start { prior, continues: false })) => prior.method_for(&level(), length),
            (None, Some(Start { prior, continues: true })) => prior.method_after(&level(), length),
        };
        self.overrides.apply(method)
    }

    /// Returns the hyper-parameters that are set by hand applied to another method.
    pub fn apply_overrides(&self, method: Method) -> Method {
        self.overrides.apply(method)
    }

    /// Returns the settings of an encoder.
    pub fn encode_settings(&self) -> EncodeSettings {
        let options = self.clone();
        let transform = match (self.transform, &self.start) {
            // A prior was trained on samples as they are.
            (Choice::Auto, Some(Start { continues: false, .. })) => Choice::Only(Transform::None),
            (choice, _) => choice,
        };
        EncodeSettings {
            device: self.device.clone(),
            fallback: self.fallback,
            method: Arc::new(move |length| options.method_for(length)),
            transform,
            block_size: self.block_size,
            frame_size: self.frame_size,
            length: self.length,
            prior: self.start_prior().cloned(),
            memory: self.memory_limit,
        }
    }

    /// Returns the settings of a decoder.
    pub fn decode_settings(&self) -> DecodeSettings {
        DecodeSettings {
            device: self.device.clone(),
            fallback: self.fallback,
            prior: self.start_prior().cloned(),
            memory: self.memory_limit,
            size_limit: self.size_limit.unwrap_or(u64::MAX),
        }
    }

    /// The level.
    pub fn chosen_level(&self) -> Level {
        self.level
    }

    /// The device.
    pub fn chosen_device(&self) -> &Device {
        &self.device
    }

    /// The number of threads, if one was set.
    pub fn chosen_threads(&self) -> Option<usize> {
        self.threads
    }

    /// The prior that a job starts from.
    pub fn start_prior(&self) -> Option<&Arc<Prior>> {
        self.start.as_ref().map(|start| &start.prior)
    }

    /// The prior to put in front of the frames.
    pub fn embedded_prior(&self) -> Option<&Arc<Prior>> {
        self.start_prior().filter(|_| self.embed_prior)
    }

    /// The most bytes of memory that may be used.
    pub fn memory(&self) -> u64 {
        self.memory_limit
    }

    /// The passes of training.
    pub fn training_passes(&self) -> u32 {
        self.passes
    }

    /// Raw bytes of the longest frame, and of its blocks, as far as they are known beforehand.
    pub fn longest_frame(&self) -> (u64, u32) {
        let longest = self.length.unwrap_or(ASSUMED_LENGTH);
        let frame = self.frame_size.map_or(longest, |size| size.min(self.length.unwrap_or(u64::MAX)));
        (frame, u64::from(self.block_size).min(frame.max(1)) as u32)
    }
}
