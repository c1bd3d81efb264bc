//! The predictors of a frame, and how they get over failures: saved, resumed, moved to the CPU.

use std::io::{self, Read, Write};

use super::block::Coding;
use super::error::CodecError;
use super::monitor::Monitor;
use super::predictor::Predictor;
use crate::archive::Header;
use crate::engine::{DeviceChoice, Engine, EngineError, EngineState};
use crate::model::Parameters;
use crate::state::{StateReader, StateWriter, Visitor};

/// What was learnt up to the end of a block.
pub struct Learnt {
    /// The network's part.
    network: Option<Parameters>,
    /// The hash of all of it.
    pub state: u64,
}

/// Predictors, and what they go back to where a block comes to nothing.
pub struct Learner {
    /// Those that code.
    pub predictor: Predictor,
    /// What the network had learnt before this block.
    learnt: Option<Parameters>,
    /// Whether the CPU takes over where a device fails.
    fallback: bool,
    /// The state from which it would, as [`Self::save`] wrote it.
    good: Option<Vec<u8>>,
}

impl Learner {
    /// Opens the predictors of a frame.
    pub async fn open(
        device: &DeviceChoice,
        fallback: bool,
        header: &Header,
        monitor: &mut dyn Monitor,
    ) -> Result<Self, EngineError> {
        let (method, size) = (&header.method, header.block_size);
        let mut predictor = match Predictor::open(device, method, size).await {
            Err(error) if fallback => {
                monitor.warn(&format!("{error}; going on on the CPU"));
                Predictor::open(&DeviceChoice::Cpu, method, size).await?
            }
            predictor => predictor?,
        };
        let learnt = predictor.learnt().await?;
        Ok(Learner { predictor, learnt, fallback, good: None })
    }

    /// Begins a block.
    pub async fn start(&mut self, block: &mut impl Coding, monitor: &mut dyn Monitor) -> Result<(), CodecError> {
        if let Err(error) = block.start(&mut self.predictor).await {
            self.move_to_cpu(&error.to_string(), monitor).ok_or(error)?;
        }
        self.remember(block, monitor).await
    }

    /// Makes this the state that the CPU would go on from.
    pub async fn remember(&mut self, block: &mut impl Coding, monitor: &mut dyn Monitor) -> Result<(), CodecError> {
        self.good = None;
        if self.fallback && self.predictor.engine.as_ref().is_some_and(|engine| !engine.is_cpu()) {
            let mut good = Vec::new();
            match self.save(block, &mut good).await {
                Ok(()) => self.good = Some(good),
                // Only ever called where the learnt parameters are all that the network has.
                Err(CodecError::Engine(error)) => self.move_to_cpu(&error.to_string(), monitor).ok_or(error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Puts the network onto the CPU, as it was before this block.
    fn move_to_cpu(&mut self, reason: &str, monitor: &mut dyn Monitor) -> Option<()> {
        let learnt = self.learnt.as_ref().filter(|_| self.fallback)?;
        monitor.warn(&format!("{reason}; going on on the CPU from the last good block"));
        self.predictor.engine = Some(Engine::cpu(&self.predictor.config, learnt));
        Some(())
    }

    /// Goes on on the CPU from the last good state; tells whether that is possible.
    pub async fn fall_back(
        &mut self,
        block: &mut impl Coding,
        reason: &str,
        monitor: &mut dyn Monitor,
    ) -> Result<bool, CodecError> {
        let Some(good) = self.good.take() else { return Ok(false) };
        if self.move_to_cpu(reason, monitor).is_none() {
            return Ok(false);
        }
        self.load(block, &mut &good[..]).await?;
        Ok(true)
    }

    /// What was learnt from a block.
    pub async fn learn(&mut self) -> Result<Learnt, EngineError> {
        let network = self.predictor.learnt().await?;
        let state = self.predictor.state(network.as_ref());
        Ok(Learnt { network, state })
    }

    /// Takes what was learnt for good.
    pub fn accept(&mut self, learnt: Learnt) {
        self.learnt = learnt.network;
    }

    /// Forgets a block that did not get shorter.
    pub async fn forget_block(&mut self, monitor: &mut dyn Monitor) -> Result<(), EngineError> {
        if let Err(error) = self.predictor.forget_block(self.learnt.as_ref()).await {
            self.move_to_cpu(&error.to_string(), monitor).ok_or(error)?;
        }
        Ok(())
    }

    /// Writes all that the predictors and a block between two segments hold.
    pub async fn save(&mut self, block: &mut impl Coding, output: &mut dyn Write) -> Result<(), CodecError> {
        let mut network = match &mut self.predictor.engine {
            Some(engine) => Some(engine.state().await?),
            None => None,
        };
        let mut writer = StateWriter::new(output);
        self.visit(block, &mut network, &mut writer);
        writer.finish().map(|_| ()).map_err(CodecError::Checkpoint)
    }

    /// Reads what [`Self::save`] wrote for a frame and a block of the same make.
    pub async fn load(&mut self, block: &mut impl Coding, input: &mut dyn Read) -> Result<(), CodecError> {
        let mut network = self.predictor.engine.as_ref().map(|engine| EngineState::zeros(engine.config()));
        let mut reader = StateReader::new(input);
        self.visit(block, &mut network, &mut reader);
        let rest = reader.finish().map_err(CodecError::Checkpoint)?;
        if rest.read(&mut [0]).map_err(CodecError::Checkpoint)? != 0 {
            return Err(CodecError::Checkpoint(io::ErrorKind::InvalidData.into()));
        }
        if let (Some(engine), Some(network)) = (&mut self.predictor.engine, &network) {
            engine.restore(network).await?;
        }
        Ok(())
    }

    fn visit(&mut self, block: &mut impl Coding, network: &mut Option<EngineState>, visitor: &mut dyn Visitor) {
        let Predictor { config, mixing, .. } = &mut self.predictor;
        if let Some(learnt) = &mut self.learnt {
            learnt.visit(config, visitor);
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
