//! What predicts: the network on its engine, the mixing stage, or both.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::error::CodecError;
use crate::engine::{DeviceChoice, Engine, EngineError};
use crate::mixing::Mixing;
use crate::model::init::initial_parameters;
use crate::model::{Method, MixingConfig, ModelConfig, Parameters};
use crate::prior::Prior;

/// The predictors of a frame, with all that they have learnt.
pub struct Predictor {
    pub(super) config: ModelConfig,
    pub(super) engine: Option<Engine>,
    pub(super) mixing: Option<Mixing>,
    mixing_config: Option<MixingConfig>,
    /// What the mixing stage looks back on, log2 of bytes.
    past_bits: u32,
    /// What all starts from.
    prior: Option<Arc<Prior>>,
}

impl Predictor {
    /// Opens what a valid method needs; without the network no device is looked for.
    /// A prior must fit the method.
    pub async fn open(
        device: &DeviceChoice,
        method: &Method,
        block_size: u32,
        prior: Option<Arc<Prior>>,
    ) -> Result<Self, EngineError> {
        let engine = match (method.network, prior.as_ref().and_then(|prior| prior.network())) {
            (true, Some(learnt)) => Some(Engine::open(device, &method.model, learnt).await?),
            (true, None) => Some(Engine::open(device, &method.model, &initial_parameters(&method.model)).await?),
            (false, _) => None,
        };
        Ok(Predictor::new(method, engine, block_size, prior))
    }

    /// The same with an engine that is open already.
    pub fn new(method: &Method, engine: Option<Engine>, block_size: u32, prior: Option<Arc<Prior>>) -> Self {
        let past_bits =
            prior.as_ref().map_or_else(|| Method::past_bits(block_size), |prior| prior.past_bits(block_size));
        let (config, mixing_config) = (method.model.clone(), method.mixing);
        let mut predictor = Predictor { config, engine, mixing: None, mixing_config, past_bits, prior };
        predictor.reset_mixing();
        predictor
    }

    /// What the work is done on, in words.
    pub fn description(&self) -> String {
        self.engine.as_ref().map_or_else(|| "CPU, mixing alone".to_owned(), Engine::description)
    }

    /// Puts the mixing stage back to the frame's start: so it goes on after a stored block.
    pub fn reset_mixing(&mut self) {
        self.mixing = None; // its memory first
        let streams = self.config.streams();
        let prior = self.prior.as_ref().and_then(|prior| prior.mixing());
        self.mixing = self.mixing_config.as_ref().map(|config| match prior {
            Some(mixing) => mixing.grown(config.table_bits, self.past_bits, streams),
            None => Mixing::new(config, self.past_bits, streams),
        });
    }

    /// What the network has learnt, if there is one.
    pub async fn learnt(&mut self) -> Result<Option<Parameters>, EngineError> {
        match &mut self.engine {
            Some(engine) => Ok(Some(engine.parameters().await?)),
            None => Ok(None),
        }
    }

    /// All that was learnt, for another job to start from; `raw_len` bytes of this one were coded.
    pub async fn into_prior(mut self, method: Method, raw_len: u64) -> Result<Prior, EngineError> {
        let network = self.learnt().await?;
        Ok(Prior::new(method, raw_len, network, self.mixing))
    }

    /// What it means that an intact block came out wrong.
    pub fn wrong_block(&self, block: usize) -> CodecError {
        let engine = self.description();
        match self.engine.as_ref().is_some_and(|engine| !engine.is_cpu()) {
            true => CodecError::Diverged { block, engine },
            false => CodecError::Unrepeatable { block, engine },
        }
    }

    /// Forgets a block: the network goes back to what it had learnt before.
    pub async fn forget_block(&mut self, learnt: Option<&Parameters>) -> Result<(), EngineError> {
        self.reset_mixing();
        match (&mut self.engine, learnt) {
            (Some(engine), Some(learnt)) => engine.load(learnt).await,
            _ => Ok(()),
        }
    }

    /// Hash of the learnt state, `learnt` being the network's part: that of the network,
    /// of the mixing stage, or of both hashes.
    pub fn state(&self, learnt: Option<&Parameters>) -> u64 {
        let network = learnt.map(Parameters::hash);
        let mixing = self.mixing.as_ref().map(Mixing::hash);
        match (network, mixing) {
            (Some(network), Some(mixing)) => {
                let mut hasher = Xxh3::new();
                hasher.update(&network.to_le_bytes());
                hasher.update(&mixing.to_le_bytes());
                hasher.digest()
            }
            (one, other) => one.or(other).unwrap_or(0),
        }
    }
}
