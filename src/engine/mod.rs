//! The engines that run the network: equal in every bit, different in speed.
//!
//! An engine knows nothing of files. It predicts a step (or a whole segment) for all streams,
//! learns from a segment, and loads and saves the learned parameters.

#[cfg(feature = "gpu")]
mod adapters;
pub mod cpu;
mod device;
mod error;
#[cfg(feature = "gpu")]
#[allow(missing_docs)]
pub mod gpu;
mod info;
pub mod reference;
mod state;

#[cfg(feature = "gpu")]
pub use adapters::{FoundDevice, devices, found_devices};
#[cfg(feature = "gpu")]
pub(crate) use adapters::{means_cpu, open, open_tested};
#[cfg(feature = "gpu")]
pub use device::Gpu;
pub use device::{Device, DeviceInfo};
pub use error::EngineError;
pub use info::{EngineInfo, EngineKind};
pub use state::{EngineState, StreamStates};

use std::iter;
use std::ops::Range;
#[cfg(feature = "gpu")]
use std::sync::Arc;

use crate::model::{ModelConfig, Parameters};
use crate::numerics::fixed::ACTIVATION_FRACTION;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::BiasCorrection;
#[cfg(feature = "gpu")]
use adapters::Chosen;
use cpu::CpuEngine;
#[cfg(feature = "gpu")]
use gpu::{GpuEngine, adapter::OpenDevice};

/// The target of a stream that has no symbol at a step: nothing is learned from it.
pub const INACTIVE: u16 = SYMBOLS as u16;

/// Windows of coded symbols to learn from again; symbols are `[replay_steps][replay_streams]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// The input symbols.
    pub previous: Vec<u8>,
    /// The symbol to predict from each, or [`INACTIVE`].
    pub targets: Vec<u16>,
    /// `[replay_streams][layers · units]`: the factor of a cell's hidden state under dropout, Q8, 0..=512.
    pub shares: Vec<i32>,
}

/// A model on a device.
pub struct Engine {
    config: ModelConfig,
    bias: BiasCorrection,
    backend: Backend,
    /// Why a GPU that was found is not used.
    refused: Option<EngineError>,
}

enum Backend {
    Cpu(Box<CpuEngine>),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuEngine>),
}

/// Runs the same call on either backend; what a GPU returns may be awaited or fail.
macro_rules! on_backend {
    ($backend:expr, $cpu:pat => $on_cpu:expr, $gpu:pat => $on_gpu:expr) => {
        match $backend {
            Backend::Cpu($cpu) => $on_cpu,
            #[cfg(feature = "gpu")]
            Backend::Gpu($gpu) => $on_gpu,
        }
    };
}

impl Engine {
    /// Returns the CPU engine, with hidden states at zero. Work is split over the current rayon pool.
    pub fn cpu(config: &ModelConfig, parameters: &Parameters) -> Self {
        let backend = Backend::Cpu(Box::new(CpuEngine::new(config, parameters)));
        Engine { config: config.clone(), bias: parameters.bias, backend, refused: None }
    }

    /// Opens the engine that `choice` asks for.
    #[cfg(feature = "gpu")]
    pub async fn open(choice: &Device, config: &ModelConfig, parameters: &Parameters) -> Result<Self, EngineError> {
        match adapters::choose(&choice.for_model(config)).await? {
            Chosen::Cpu(refused) => Ok(Engine { refused, ..Engine::cpu(config, parameters) }),
            Chosen::Gpu(device) => Engine::gpu(device, config, parameters),
        }
    }

    /// Opens the engine that `choice` asks for.
    #[cfg(not(feature = "gpu"))]
    pub async fn open(choice: &Device, config: &ModelConfig, parameters: &Parameters) -> Result<Self, EngineError> {
        match choice {
            Device::Auto | Device::Cpu => Ok(Engine::cpu(config, parameters)),
            Device::Gpu | Device::Named(_) => Err(EngineError::NotBuilt),
        }
    }

    /// Returns the GPU engine on an open device.
    #[cfg(feature = "gpu")]
    pub fn gpu(device: Arc<OpenDevice>, config: &ModelConfig, parameters: &Parameters) -> Result<Self, EngineError> {
        let backend = Backend::Gpu(Box::new(GpuEngine::new(device, config, parameters)?));
        Ok(Engine { config: config.clone(), bias: parameters.bias, backend, refused: None })
    }

    /// Describes what the engine runs on.
    pub fn info(&self) -> EngineInfo {
        let info = on_backend!(&self.backend, _ => EngineInfo::cpu(), gpu => EngineInfo {
            kind: EngineKind::Gpu,
            name: gpu.name().to_owned(),
            refused: None,
        });
        EngineInfo { refused: self.refused.as_ref().map(EngineError::to_string), ..info }
    }

    /// Returns the kind of the engine.
    pub fn kind(&self) -> EngineKind {
        on_backend!(&self.backend, _ => EngineKind::Cpu, _ => EngineKind::Gpu)
    }

    /// The configuration that the engine was opened with.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The GPU engine, if this is one: for measurements.
    #[cfg(feature = "gpu")]
    pub fn device(&mut self) -> Option<&mut GpuEngine> {
        on_backend!(&mut self.backend, _ => None, gpu => Some(gpu))
    }

    /// Begins a block: sets the hidden and cell states of all streams to zero, and makes the
    /// forward weights from everything learned.
    pub async fn start_block(&mut self) -> Result<(), EngineError> {
        on_backend!(&mut self.backend, cpu => cpu.start_block(), gpu => gpu.start_block().await?);
        Ok(())
    }

    /// Returns the groups of streams, in order. Each group runs through the steps of a segment
    /// independently, so a device can predict one while the host codes another.
    pub fn groups(&self) -> Vec<Range<usize>> {
        on_backend!(&self.backend, _ => iter::once(0..self.config.streams()).collect(), gpu => gpu.groups())
    }

    /// Begins to predict step `step` of a segment for the streams of `group`, one of
    /// [`Engine::groups`]; `previous` holds the last symbol of each stream. A group's steps run in
    /// order from 0, each finished before the next one begins.
    pub fn begin_step(&mut self, step: usize, group: usize, previous: &[u8]) {
        #[cfg(not(feature = "gpu"))]
        let _ = group; // the CPU engine has a single group
        on_backend!(
            &mut self.backend,
            cpu => cpu.begin_step(step, previous),
            gpu => gpu.begin_step(step, group, previous)
        );
    }

    /// Waits for the step that [`Engine::begin_step`] began; `weights` receives the group's
    /// `[streams][256]` unnormalised probabilities.
    pub async fn finish_step(&mut self, step: usize, group: usize, weights: &mut [u32]) -> Result<(), EngineError> {
        #[cfg(not(feature = "gpu"))]
        let _ = group;
        on_backend!(
            &mut self.backend,
            cpu => cpu.finish_step(step, weights),
            gpu => gpu.finish_step(group, weights).await?
        );
        Ok(())
    }

    /// Begins to predict all steps of a segment whose symbols are known: `previous` is
    /// `[steps][streams]`. A GPU works in the background.
    pub fn begin_segment(&mut self, previous: &[u8]) {
        on_backend!(&mut self.backend, cpu => cpu.begin_segment(previous), gpu => gpu.begin_segment(previous));
    }

    /// Waits for the segment that [`Engine::begin_segment`] began; `weights` receives
    /// `[steps][streams][256]` unnormalised probabilities.
    pub async fn finish_segment(&mut self, weights: &mut [u32]) -> Result<(), EngineError> {
        on_backend!(&mut self.backend, cpu => cpu.finish_segment(weights), gpu => gpu.finish_segment(weights).await?);
        Ok(())
    }

    /// Learns from the segment that was just predicted: `targets` is `[steps][streams]`, each a
    /// symbol or [`INACTIVE`]; `rate` is in Q28. Then learns from `replay`, if given, whose hidden
    /// and cell states are separate and start at zero.
    ///
    /// The update takes effect from the next segment but one, so the engine may still be learning
    /// while the next segment is predicted.
    pub async fn train(&mut self, targets: &[u16], rate: u32, replay: Option<&Replay>) -> Result<(), EngineError> {
        let streams = u64::from(self.config.streams);
        let embedding_scale = streams << self.config.error_fraction;
        let weight_scale = embedding_scale << ACTIVATION_FRACTION;
        let adam = self.bias.advance(rate, weight_scale, embedding_scale, 0);
        // Unscaled, as many windows as there are streams would count as much as a segment; half the
        // rate halves that.
        let shift = self.config.replay_streams.max(1).ilog2().saturating_sub(self.config.streams.ilog2());
        let replay = replay.map(|replay| (replay, self.bias.advance(rate >> 1, weight_scale, embedding_scale, shift)));
        on_backend!(
            &mut self.backend,
            cpu => cpu.train(targets, adam, replay),
            gpu => gpu.train(targets, &adam, replay)?
        );
        Ok(())
    }

    /// Returns the learned parameters.
    pub async fn parameters(&mut self) -> Result<Parameters, EngineError> {
        let (master, moments) = on_backend!(&mut self.backend, cpu => cpu.parameters(), gpu => gpu.parameters().await?);
        Ok(Parameters { master, moments, bias: self.bias })
    }

    /// Replaces the learned parameters by others of the same configuration, and begins a block.
    pub async fn load(&mut self, parameters: &Parameters) -> Result<(), EngineError> {
        self.bias = parameters.bias;
        on_backend!(&mut self.backend, cpu => cpu.load(parameters), gpu => gpu.load(parameters)?);
        Ok(())
    }

    /// Returns the whole state of the engine between two segments.
    pub async fn state(&mut self) -> Result<EngineState, EngineError> {
        let parameters = self.parameters().await?;
        let (forward, streams) = on_backend!(
            &mut self.backend,
            cpu => (cpu.forward_weights(), cpu.streams()),
            gpu => (gpu.forward_weights().await?, gpu.streams().await?)
        );
        Ok(EngineState { parameters, forward, streams })
    }

    /// Restores a state of the same configuration.
    pub async fn restore(&mut self, state: &EngineState) -> Result<(), EngineError> {
        self.load(&state.parameters).await?;
        on_backend!(&mut self.backend, engine => {
            engine.set_forward_weights(&state.forward);
            engine.set_streams(&state.streams);
        }, engine => {
            engine.set_forward_weights(&state.forward);
            engine.set_streams(&state.streams);
        });
        Ok(())
    }
}
