//! What predicts: the network on its engine, the mixing stage, or both.

use xxhash_rust::xxh3::Xxh3;

use crate::engine::{DeviceChoice, Engine, EngineError};
use crate::mixing::Mixing;
use crate::model::init::initial_parameters;
use crate::model::{Method, MixingConfig, ModelConfig, Parameters};

/// The predictors of a frame, with all that they have learnt.
pub struct Predictor {
    pub(super) config: ModelConfig,
    pub(super) engine: Option<Engine>,
    pub(super) mixing: Option<Mixing>,
    mixing_config: Option<MixingConfig>,
    /// What the mixing stage looks back on, log2 of bytes.
    past_bits: u32,
}

impl Predictor {
    /// Opens what a valid method needs; without the network no device is looked for.
    pub async fn open(device: &DeviceChoice, method: &Method, block_size: u32) -> Result<Self, EngineError> {
        let engine = match method.network {
            true => Some(Engine::open(device, &method.model, &initial_parameters(&method.model)).await?),
            false => None,
        };
        Ok(Predictor::new(method, engine, block_size))
    }

    /// The same with an engine that is open already.
    pub fn new(method: &Method, engine: Option<Engine>, block_size: u32) -> Self {
        let (mixing_config, past_bits) = (method.mixing, Method::past_bits(block_size));
        let mut predictor = Predictor { config: method.model.clone(), engine, mixing: None, mixing_config, past_bits };
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
        self.mixing = self.mixing_config.as_ref().map(|config| Mixing::new(config, self.past_bits, streams));
    }

    /// What the network has learnt, if there is one.
    pub async fn learnt(&mut self) -> Result<Option<Parameters>, EngineError> {
        match &mut self.engine {
            Some(engine) => Ok(Some(engine.parameters().await?)),
            None => Ok(None),
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
