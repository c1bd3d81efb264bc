//! The model of a frame, and how it survives failures: saved, restored, moved to the CPU.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::block::Coding;
use super::monitor::{Monitor, fell_back};
use super::predictor::Predictor;
use crate::Error;
use crate::archive::Header;
use crate::engine::{Device, Engine, EngineError, EngineKind, EngineState};
use crate::model::Parameters;
use crate::prior::Prior;
use crate::state::{StateReader, StateWriter, Visitor};

/// The state learned by the end of a block.
pub struct Learned {
    /// The network's parameters.
    network: Option<Parameters>,
    /// The hash of the network's and the mixing stage's learned state.
    pub state: u64,
}

/// The predictors of a frame, with a learned state to return to.
pub struct FrameModel {
    /// The predictors that code.
    pub predictor: Predictor,
    /// The network's parameters before the current block.
    before: Option<Parameters>,
    /// True if the CPU takes over where a device fails.
    fallback: bool,
    /// The state that the CPU would continue from, as [`Self::save`] wrote it.
    good: Option<Vec<u8>>,
}

impl FrameModel {
    /// Opens the predictors of a frame.
    pub async fn open(
        device: &Device,
        fallback: bool,
        header: &Header,
        prior: Option<Arc<Prior>>,
        monitor: &mut dyn Monitor,
    ) -> Result<Self, EngineError> {
        let (method, size) = (&header.method, header.block_size);
        let mut predictor = match Predictor::open(device, method, size, prior.clone()).await {
            Err(error) if fallback => {
                monitor.warning(&fell_back(error, false));
                Predictor::open(&Device::Cpu, method, size, prior).await?
            }
            predictor => predictor?,
        };
        let before = predictor.learned().await?;
        Ok(FrameModel { predictor, before, fallback, good: None })
    }

    /// Begins a block.
    pub async fn start(&mut self, block: &mut impl Coding, monitor: &mut dyn Monitor) -> Result<(), Error> {
        if let Err(error) = block.start(&mut self.predictor).await {
            self.move_to_cpu(&error, monitor).ok_or(error)?;
        }
        self.remember(block, monitor).await
    }

    /// Continues a block from a saved state.
    pub async fn resume(
        &mut self,
        block: &mut impl Coding,
        state: &mut (dyn Read + Send),
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        self.load(block, state).await?;
        self.remember(block, monitor).await
    }

    /// Makes the present state the one that the CPU would continue from.
    async fn remember(&mut self, block: &mut impl Coding, monitor: &mut dyn Monitor) -> Result<(), Error> {
        self.good = None;
        if self.fallback && self.predictor.engine.as_ref().is_some_and(|engine| engine.kind() != EngineKind::Cpu) {
            let mut good = Vec::new();
            match self.save(block, &mut good).await {
                Ok(()) => self.good = Some(good),
                // At a block's start the learned parameters are all that the network has.
                Err(Error::Device(error)) => self.move_to_cpu(&error, monitor).ok_or(error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves the network to the CPU, as it was before this block; nothing without a fallback.
    fn move_to_cpu(&mut self, reason: &impl ToString, monitor: &mut dyn Monitor) -> Option<()> {
        let before = self.before.as_ref().filter(|_| self.fallback)?;
        monitor.warning(&fell_back(reason.to_string(), true));
        self.predictor.engine = Some(Engine::cpu(&self.predictor.config, before));
        Some(())
    }

    /// Continues on the CPU from the last good state; returns false if there is none.
    pub async fn fall_back(
        &mut self,
        block: &mut impl Coding,
        reason: &impl ToString,
        monitor: &mut dyn Monitor,
    ) -> Result<bool, Error> {
        let Some(good) = self.good.take() else { return Ok(false) };
        if self.move_to_cpu(reason, monitor).is_none() {
            return Ok(false);
        }
        self.load(block, &mut &good[..]).await?;
        Ok(true)
    }

    /// Returns what was learned by the end of a block.
    pub async fn learned(&mut self) -> Result<Learned, EngineError> {
        let network = self.predictor.learned().await?;
        let state = self.predictor.state(network.as_ref());
        Ok(Learned { network, state })
    }

    /// Keeps what was learned from a block.
    pub fn accept(&mut self, learned: Learned) {
        self.before = learned.network;
    }

    /// Forgets what was learned from a block that did not get shorter.
    pub async fn forget_block(&mut self, monitor: &mut dyn Monitor) -> Result<(), EngineError> {
        if let Err(error) = self.predictor.forget_block(self.before.as_ref()).await {
            self.move_to_cpu(&error, monitor).ok_or(error)?;
        }
        Ok(())
    }

    /// Writes the state of the predictors and of a block between two segments.
    pub async fn save(&mut self, block: &mut impl Coding, output: &mut (dyn Write + Send)) -> Result<(), Error> {
        let mut network = match &mut self.predictor.engine {
            Some(engine) => Some(engine.state().await?),
            None => None,
        };
        let mut writer = StateWriter::new(output);
        self.visit(block, &mut network, &mut writer);
        writer.finish().map(|_| ()).map_err(Error::Checkpoint)
    }

    /// Reads what [`Self::save`] wrote for a frame and a block of the same shape.
    async fn load(&mut self, block: &mut impl Coding, input: &mut (dyn Read + Send)) -> Result<(), Error> {
        let mut network = self.predictor.engine.as_ref().map(|engine| EngineState::zeros(engine.config()));
        let mut reader = StateReader::new(input);
        self.visit(block, &mut network, &mut reader);
        let rest = reader.finish().map_err(Error::Checkpoint)?;
        if rest.read(&mut [0]).map_err(Error::Checkpoint)? != 0 {
            return Err(Error::Checkpoint(io::ErrorKind::InvalidData.into()));
        }
        if let (Some(engine), Some(network)) = (&mut self.predictor.engine, &network) {
            engine.restore(network).await?;
        }
        Ok(())
    }

    fn visit(&mut self, block: &mut impl Coding, network: &mut Option<EngineState>, visitor: &mut dyn Visitor) {
        let Predictor { config, mixing, .. } = &mut self.predictor;
        if let Some(before) = &mut self.before {
            before.visit(config, visitor);
        }
        if let Some(network) = network {
            network.visit(config, visitor);
        }
        if let Some(mixing) = mixing {
            mixing.visit(visitor);
        }
        block.visit(&self.predictor, visitor);
    }
}
