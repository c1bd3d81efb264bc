//! The predictors of a frame: the network on its engine, the mixing stage, or both.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::block::BlockSpan;
use super::streams::Streams;
use crate::Error;
use crate::engine::{Device, Engine, EngineError, EngineInfo, EngineKind};
use crate::mixing::{Mixing, Stage, Synchronous};
use crate::model::init::initial_parameters;
use crate::model::{Method, MixingConfig, ModelConfig, Parameters};
use crate::prior::Prior;

/// The least number of an image's rows in each stream, unless there is only one.
const STRIP_ROWS: usize = 64;

/// The predictors of a frame, with all that they have learned.
pub struct Predictor {
    pub(super) config: ModelConfig,
    pub(super) engine: Option<Engine>,
    pub(super) mixing: Option<Stage>,
    mixing_config: Option<MixingConfig>,
    /// The bytes of a panel, if streams are coded step-synchronously.
    panel: Option<u32>,
    /// log2 of the bytes of history that the mixing stage keeps.
    past_bits: u32,
    /// The prior that the predictors start from.
    prior: Option<Arc<Prior>>,
}

impl Predictor {
    /// Opens the predictors of a valid method; without the network no device is looked for.
    /// A prior must fit the method.
    pub async fn open(
        device: &Device,
        method: &Method,
        block_size: u32,
        prior: Option<Arc<Prior>>,
    ) -> Result<Self, EngineError> {
        let engine = match (method.network, prior.as_ref().and_then(|prior| prior.network())) {
            (true, Some(learned)) => Some(Engine::open(device, &method.model, learned).await?),
            (true, None) => Some(Engine::open(device, &method.model, &initial_parameters(&method.model)).await?),
            (false, _) => None,
        };
        Ok(Predictor::new(method, engine, block_size, prior))
    }

    /// Like [`Self::open`], with an engine that is open already.
    pub fn new(method: &Method, engine: Option<Engine>, block_size: u32, prior: Option<Arc<Prior>>) -> Self {
        let past_bits =
            prior.as_ref().map_or_else(|| Method::past_bits(block_size), |prior| prior.past_bits(block_size));
        let (config, mixing_config) = (method.model.clone(), method.mixing);
        let panel = method.panel;
        let mut predictor = Predictor { config, engine, mixing: None, mixing_config, panel, past_bits, prior };
        predictor.reset_mixing();
        predictor
    }

    /// Describes what the predictors run on.
    pub fn info(&self) -> EngineInfo {
        self.engine.as_ref().map_or_else(EngineInfo::mixing_alone, Engine::info)
    }

    /// Returns the mixing stage to its state at the frame's start, as after a stored block.
    pub fn reset_mixing(&mut self) {
        self.mixing = None; // frees its memory first
        let streams = self.config.streams();
        // The synchronous form has a list of streams of its own.
        let listed = if self.panel.is_some() { 0 } else { streams };
        let prior = self.prior.as_ref().and_then(|prior| prior.mixing());
        let mixing = self.mixing_config.as_ref().map(|config| match prior {
            Some(mixing) => mixing.grown(config.table_bits, self.past_bits, listed),
            None => Mixing::new(config, self.past_bits, listed),
        });
        self.mixing = mixing.map(|mixing| match self.panel {
            Some(_) => Stage::AtOnce(Box::new(Synchronous::new(mixing, streams))),
            None => Stage::InTurn(Box::new(mixing)),
        });
    }

    /// Returns the streams of a block.
    pub(super) fn streams(&self, span: &BlockSpan) -> Streams {
        let (symbols, count) = (span.symbols, self.config.streams());
        match (self.panel, span.raster) {
            (None, _) => Streams::in_panels(symbols, count, symbols),
            (Some(panel), None) => Streams::in_panels(symbols, count, symbols.min(panel as usize)),
            // A pixel is predicted by the row above it, so an image is cut into few strips.
            (Some(_), Some(raster)) => {
                let strips = symbols / (STRIP_ROWS * raster.row as usize);
                Streams::in_panels(symbols, strips.clamp(1, count), symbols)
            }
        }
    }

    /// Returns the network's learned parameters, if there is a network.
    pub async fn learned(&mut self) -> Result<Option<Parameters>, EngineError> {
        match &mut self.engine {
            Some(engine) => Ok(Some(engine.parameters().await?)),
            None => Ok(None),
        }
    }

    /// Returns everything learned as a prior; `raw_len` raw bytes were coded.
    pub async fn into_prior(mut self, method: Method, raw_len: u64) -> Result<Prior, EngineError> {
        let network = self.learned().await?;
        Ok(Prior::new(method, raw_len, network, self.mixing.map(Stage::into_mixing)))
    }

    /// Returns the error for an intact block that decoded to something else.
    pub fn wrong_block(&self, block: usize) -> Error {
        let engine = self.info();
        match engine.kind {
            EngineKind::Gpu => Error::Diverged { block, engine },
            EngineKind::Cpu => Error::Unrepeatable { block, engine },
        }
    }

    /// Forgets a block: the network returns to `before`, the parameters learned before it.
    pub async fn forget_block(&mut self, before: Option<&Parameters>) -> Result<(), EngineError> {
        self.reset_mixing();
        match (&mut self.engine, before) {
            (Some(engine), Some(before)) => engine.load(before).await,
            _ => Ok(()),
        }
    }

    /// Returns the hash of the learned state: that of the network's parameters `learned`, that of
    /// the mixing stage, or a hash of both hashes.
    pub fn state(&self, learned: Option<&Parameters>) -> u64 {
        let network = learned.map(Parameters::hash);
        let mixing = self.mixing.as_ref().map(Stage::hash);
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
