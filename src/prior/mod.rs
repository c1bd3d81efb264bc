//! Priors: what was learnt earlier, for predictors to start from.
//!
//! Master weights and moments of the network, and all that the mixing stage
//! carries from block to block. An archive names its prior by a hash of all of
//! it, so the decoder starts from the same numbers or not at all.

mod error;
mod export;
mod file;

use crate::archive::COMPACT_LIMIT;
use crate::mixing::Mixing;
use crate::model::schedule::learning_rate;
use crate::model::{Method, MixingConfig, ModelConfig, Parameters};
use crate::numerics::wide::BiasCorrection;
use crate::state::{StateHasher, Visitor};

pub use error::PriorError;
pub use export::{Precision, to_safetensors};

/// What was learnt earlier, and how.
#[derive(Clone)]
pub struct Prior {
    method: Method,
    /// Bytes that were learnt from.
    learnt_from: u64,
    network: Option<Parameters>,
    mixing: Option<Mixing>,
    hash: u64,
}

impl Prior {
    /// A prior of a method whose parts these are.
    pub fn new(method: Method, learnt_from: u64, network: Option<Parameters>, mixing: Option<Mixing>) -> Self {
        let mut prior = Prior { method, learnt_from, network, mixing, hash: 0 };
        prior.hash = prior.content_hash();
        prior
    }

    /// What archives name it by: XXH3-64 of its fields and of all that it holds, never 0.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How it was made: its network's shape is that of everything that starts from it.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Bytes that were learnt from.
    pub fn learnt_from(&self) -> u64 {
        self.learnt_from
    }

    /// What its network had learnt.
    pub fn network(&self) -> Option<&Parameters> {
        self.network.as_ref()
    }

    /// What its mixing stage had learnt.
    pub fn mixing(&self) -> Option<&Mixing> {
        self.mixing.as_ref()
    }

    /// The method for an input of `length` bytes that starts from this prior, where a level
    /// would take `level`: shapes are the prior's, tables at least as large.
    pub fn method_for(&self, level: &Method, length: u64) -> Method {
        let own = &self.method;
        let mut model = self.model_for(length);
        model.streams = level.model.streams;
        // Small inputs have room enough in any table.
        let most = if length > COMPACT_LIMIT.into() { level.mixing.map_or(0, |mixing| mixing.table_bits) } else { 0 };
        let mixing = own.mixing.map(|own| MixingConfig { table_bits: own.table_bits.max(most), ..own });
        Method { model, mixing, network: own.network }
    }

    /// The method of a compact frame of `length` bytes.
    pub fn compact_method(&self, length: u32) -> Method {
        let model = ModelConfig { streams: 1, ..self.model_for(length.into()) };
        Method { model, ..self.method.clone() }
    }

    /// The model for an input of `length` bytes: a trained network goes on at half its last rate.
    fn model_for(&self, length: u64) -> ModelConfig {
        let own = &self.method.model;
        let rate = own.rate_end / 2;
        ModelConfig { rate_start: rate, rate_end: rate, schedule_length: length, ..own.clone() }
    }

    /// The method for going on with the job that this prior was saved from: the learning
    /// rate goes on from where it was.
    pub fn method_after(&self, level: &Method, length: u64) -> Method {
        let mut method = self.method_for(level, length);
        method.model.rate_end = self.method.model.rate_end;
        method.model.rate_start = learning_rate(&self.method.model, self.learnt_from);
        method.model.schedule_length = self.method.model.schedule_length.saturating_sub(self.learnt_from);
        method
    }

    /// Whether predictors of a method can start from this prior.
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

    /// log2 of the bytes that the mixing stage of a frame looks back on.
    pub fn past_bits(&self, block_size: u32) -> u32 {
        self.mixing.as_ref().map_or_else(|| Method::past_bits(block_size), |mixing| mixing.grown_past_bits(block_size))
    }

    fn content_hash(&mut self) -> u64 {
        let mut hasher = StateHasher::default();
        hasher.u8s(&mut self.fields());
        self.visit(&mut hasher);
        hasher.digest().max(1)
    }

    /// Shows all that was learnt.
    fn visit(&mut self, visitor: &mut dyn Visitor) {
        if let Some(network) = &mut self.network {
            network.visit(&self.method.model, visitor);
        }
        if let Some(mixing) = &mut self.mixing {
            mixing.visit_carried(visitor);
        }
    }
}

/// Parameters to be read into.
fn blank_parameters(parameters: usize) -> Parameters {
    Parameters { master: vec![0; parameters], moments: vec![0; parameters], bias: BiasCorrection::default() }
}
