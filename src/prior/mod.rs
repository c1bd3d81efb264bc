//! Priors: models learned earlier, for predictors to start from.
//!
//! A prior holds the master weights and moments of a network, and everything that the mixing stage
//! carries from block to block. An archive names its prior by a hash of all of it, so the decoder
//! starts from the same numbers or not at all.

mod error;
#[cfg(feature = "export")]
mod export;
mod file;

use crate::Error;
use crate::archive::COMPACT_LIMIT;
use crate::mixing::Mixing;
use crate::model::schedule::learning_rate;
use crate::model::{Method, MixingConfig, ModelConfig, Parameters};
use crate::numerics::wide::BiasCorrection;
use crate::options::Options;
use crate::pool::Pool;
use crate::state::{StateHasher, Visitor};
use crate::training::TrainingEvent;

pub use error::PriorError;
#[cfg(feature = "export")]
pub use export::{Precision, to_safetensors};

/// A model learned earlier, to start from.
///
/// Small files of one kind (records, messages, log lines) have little to learn from. A prior is
/// trained once on samples of them; archives made with it start from it, and so does decoding.
///
/// ```
/// use lockstep::{Options, Prior};
///
/// let samples: Vec<String> = (0..40).map(|i| format!("{{\"order\": {i}, \"state\": \"sent\"}}\n")).collect();
/// let options = Options::new().level(1.try_into()?);
/// let prior = std::sync::Arc::new(Prior::train(&samples, &options, &mut |_| ())?);
///
/// let order = b"{\"order\": 17, \"state\": \"sent\"}\n";
/// let options = options.prior(prior);
/// let archive = lockstep::compress_with(order, &options)?;
/// assert!(archive.len() < order.len());
/// assert_eq!(lockstep::decompress_with(&archive, &options)?, order);
/// assert!(lockstep::decompress(&archive, 1000).is_err());
/// # Ok::<(), lockstep::Error>(())
/// ```
#[derive(Clone)]
pub struct Prior {
    method: Method,
    /// Bytes that were learned from.
    learned_from: u64,
    network: Option<Parameters>,
    mixing: Option<Mixing>,
    hash: u64,
}

impl Prior {
    /// Trains a prior on samples: whole inputs of the kind that is to be compressed.
    ///
    /// The options give the level or the hyper-parameters, the device, the threads and
    /// [`Options::passes`]. The observer is told the progress and the loss on held-out samples.
    ///
    /// # Errors
    ///
    /// [`Error::NoSamples`] if the samples hold no bytes; [`Error::Config`], [`Error::Device`],
    /// [`Error::MemoryLimit`] as in compressing.
    pub fn train<S: AsRef<[u8]> + Sync>(
        samples: &[S],
        options: &Options,
        observer: &mut (dyn FnMut(TrainingEvent) + Send),
    ) -> Result<Self, Error> {
        Pool::new(options)?.run(|| pollster::block_on(crate::asynchronous::train(samples, options, observer)))
    }

    /// Returns a prior of the learned parts of a method.
    #[doc(hidden)]
    pub fn new(method: Method, learned_from: u64, network: Option<Parameters>, mixing: Option<Mixing>) -> Self {
        let method = Method { panel: None, ..method };
        let mut prior = Prior { method, learned_from, network, mixing, hash: 0 };
        prior.hash = prior.content_hash();
        prior
    }

    /// The hash that archives name the prior by: XXH3-64 of its fields and its content, never 0.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The method that the prior was trained by: the shape of its network is that of everything that
    /// starts from it.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Bytes that were learned from.
    pub fn learned_from(&self) -> u64 {
        self.learned_from
    }

    /// The learned parameters of the network, if the prior has one.
    #[doc(hidden)]
    pub fn network(&self) -> Option<&Parameters> {
        self.network.as_ref()
    }

    /// The learned state of the mixing stage, if the prior has one.
    #[doc(hidden)]
    pub fn mixing(&self) -> Option<&Mixing> {
        self.mixing.as_ref()
    }

    /// Returns the method for an input of `length` bytes that starts from this prior, where a level
    /// would use `level`: shapes are the prior's, tables are at least as large.
    #[doc(hidden)]
    pub fn method_for(&self, level: &Method, length: u64) -> Method {
        let own = &self.method;
        let mut model = self.model_for(length);
        model.streams = level.model.streams;
        // Small inputs have room enough in any table.
        let most = if length > COMPACT_LIMIT.into() { level.mixing.map_or(0, |mixing| mixing.table_bits) } else { 0 };
        let mixing = own.mixing.map(|own| MixingConfig { table_bits: own.table_bits.max(most), ..own });
        Method { model, mixing, network: own.network, panel: level.panel }
    }

    /// Returns the method of a compact frame of `length` bytes.
    #[doc(hidden)]
    pub fn compact_method(&self, length: u32) -> Method {
        compact_method(&self.method, length)
    }

    /// Returns the model for an input of `length` bytes.
    fn model_for(&self, length: u64) -> ModelConfig {
        model_after(&self.method.model, length)
    }

    /// Returns the method that continues the job from which this prior was saved: the learning rate
    /// continues too.
    #[doc(hidden)]
    pub fn method_after(&self, level: &Method, length: u64) -> Method {
        let mut method = self.method_for(level, length);
        method.model.rate_end = self.method.model.rate_end;
        method.model.rate_start = learning_rate(&self.method.model, self.learned_from);
        method.model.schedule_length = self.method.model.schedule_length.saturating_sub(self.learned_from);
        method
    }

    /// Returns true if predictors of a method can start from this prior.
    #[doc(hidden)]
    pub fn fits(&self, method: &Method) -> bool {
        let own = &self.method;
        let shape = |method: &Method| {
            let m = &method.model;
            (m.embedding, m.units, m.layers, m.error_fraction)
        };
        own.network == method.network
            && (!own.network || shape(own) == shape(method))
            && match (own.mixing, method.mixing) {
                (Some(own), Some(other)) => own.kind == other.kind && own.table_bits <= other.table_bits,
                (own, other) => own == other,
            }
    }

    /// Returns log2 of the bytes of history that the mixing stage of a frame keeps.
    #[doc(hidden)]
    pub fn past_bits(&self, block_size: u32) -> u32 {
        self.mixing.as_ref().map_or_else(|| Method::past_bits(block_size), |mixing| mixing.grown_past_bits(block_size))
    }

    fn content_hash(&mut self) -> u64 {
        let mut hasher = StateHasher::default();
        hasher.u8s(&mut self.fields());
        self.visit(&mut hasher);
        hasher.digest().max(1)
    }

    /// Shows everything learned to a visitor.
    fn visit(&mut self, visitor: &mut dyn Visitor) {
        if let Some(network) = &mut self.network {
            network.visit(&self.method.model, visitor);
        }
        if let Some(mixing) = &mut self.mixing {
            mixing.visit_carried(visitor);
        }
    }
}

impl std::fmt::Debug for Prior {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prior")
            .field("hash", &format_args!("{:016x}", self.hash))
            .field("method", &self.method)
            .field("learned_from", &self.learned_from)
            .finish_non_exhaustive()
    }
}

/// Returns the method of a compact frame of `length` bytes that starts from a prior of this method.
pub(crate) fn compact_method(prior: &Method, length: u32) -> Method {
    let model = ModelConfig { streams: 1, ..model_after(&prior.model, length.into()) };
    Method { model, panel: None, ..prior.clone() }
}

/// Returns the model for an input of `length` bytes that starts from a prior of this model: a trained
/// network continues at half its last learning rate.
fn model_after(prior: &ModelConfig, length: u64) -> ModelConfig {
    let rate = prior.rate_end / 2;
    ModelConfig { rate_start: rate, rate_end: rate, schedule_length: length, ..prior.clone() }
}

/// Returns parameters of zeros, to be read into.
fn blank_parameters(parameters: usize) -> Parameters {
    Parameters { master: vec![0; parameters], moments: vec![0; parameters], bias: BiasCorrection::default() }
}
