//! The settings of a job.

use std::sync::Arc;

use super::check_memory;
use crate::Error;
use crate::archive::Header;
use crate::engine::Device;
use crate::model::Method;
use crate::prior::{Prior, PriorError};
use crate::transform::Choice;

/// The assumed length of a stream whose length is not known: it sets the learning-rate schedule
/// and the number of streams.
pub const ASSUMED_LENGTH: u64 = 64 << 20;

/// How to compress.
#[derive(Clone)]
pub struct EncodeSettings {
    /// Where the model runs.
    pub device: Device,
    /// True if the CPU continues where that device fails.
    pub fallback: bool,
    /// The method for a frame of a given number of raw bytes.
    pub method: Arc<dyn Fn(u64) -> Method + Send + Sync>,
    /// The transform that blocks get.
    pub transform: Choice,
    /// Raw bytes of a block, 1 to 2^30.
    pub block_size: u32,
    /// Raw bytes of a frame, at least 1; without it all bytes make one frame.
    pub frame_size: Option<u64>,
    /// Bytes of the input, if known beforehand.
    pub length: Option<u64>,
    /// The prior that frames start from; it must fit their methods.
    pub prior: Option<Arc<Prior>>,
    /// The most bytes of memory that coding or decoding may need.
    pub memory: u64,
}

impl EncodeSettings {
    /// Returns the method for a frame of `length` raw bytes. Fails if it is not valid or can't start
    /// from the prior.
    pub fn valid_method(&self, length: u64) -> Result<Method, Error> {
        let method = (self.method)(length);
        method.validate()?;
        match &self.prior {
            Some(prior) if !prior.fits(&method) => Err(PriorError::Misfit.into()),
            _ => Ok(method),
        }
    }

    /// Returns the header of a frame of `length` raw bytes. Fails if its model can't be used or needs
    /// too much memory.
    pub fn header(&self, length: u64, block_size: u32) -> Result<Header, Error> {
        let prior = self.prior.as_deref();
        let method = self.valid_method(length)?;
        let header = Header { method, block_size, prior: prior.map_or(0, Prior::hash) };
        check_memory(&header, prior, self.fallback, self.memory)?;
        Ok(header)
    }
}

/// How to decompress.
#[derive(Clone)]
pub struct DecodeSettings {
    /// Where the model runs.
    pub device: Device,
    /// True if the CPU continues where that device fails or computes something else.
    pub fallback: bool,
    /// The prior for frames that name it.
    pub prior: Option<Arc<Prior>>,
    /// The most bytes of memory that may be used.
    pub memory: u64,
    /// The most raw bytes that may come out.
    pub size_limit: u64,
}
