//! The engines that run the model: equal in every bit, different in speed.
//!
//! An engine knows nothing of files. It predicts a step (or a whole segment)
//! for all streams, learns from a segment, and gives out or takes in the
//! learnt parameters.

pub mod cpu;
mod device;
pub mod gpu;
pub mod reference;
mod state;

use device::Chosen;
pub use device::{Device, DeviceChoice, devices, means_cpu};
pub use state::{EngineState, StreamStates};

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::model::{ModelConfig, Parameters};
use crate::numerics::fixed::ACTIVATION_FRACTION;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::BiasCorrection;
use cpu::CpuEngine;
use gpu::GpuEngine;
use gpu::adapter::OpenDevice;

/// The target of a stream that has no symbol at a step: it teaches nothing.
pub const INACTIVE: u16 = SYMBOLS as u16;

/// Why an engine could not do its work.
#[derive(Debug, Error)]
pub enum EngineError {
    /// No device answers to the name that was asked for.
    #[error("{0}")]
    NoDevice(String),
    /// The device can't run this model.
    #[error("{0}")]
    Unfit(String),
    /// A kernel gives other results than its CPU twin: archives would not be portable.
    #[error("{adapter} computes kernel {kernel} differently from the CPU; it can't be used (try --device cpu)")]
    Inexact { adapter: String, kernel: &'static str },
    /// The device stopped working.
    #[error("{adapter} failed: {reason} (try --device cpu)")]
    Lost { adapter: String, reason: String },
}

/// Windows of what is already coded, to be learnt again; symbols are `[replay_steps][replay_streams]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Symbols put in.
    pub previous: Vec<u8>,
    /// A symbol each, or [`INACTIVE`].
    pub targets: Vec<u16>,
    /// `[replay_streams][layers · units]`: what is left of a cell's hidden state, Q8, 0..=512.
    pub shares: Vec<i32>,
}

/// A model on a device.
pub struct Engine {
    config: ModelConfig,
    bias: BiasCorrection,
    backend: Backend,
    /// Why a GPU that is there is not used.
    refused: Option<EngineError>,
}

enum Backend {
    Cpu(Box<CpuEngine>),
    Gpu(Box<GpuEngine>),
}

impl Engine {
    /// The CPU engine, with hidden states at zero. Work is split over the
    /// current rayon pool.
    pub fn cpu(config: &ModelConfig, parameters: &Parameters) -> Self {
        let backend = Backend::Cpu(Box::new(CpuEngine::new(config, parameters)));
        Engine { config: config.clone(), bias: parameters.bias, backend, refused: None }
    }

    /// Opens the engine that `choice` asks for.
    pub async fn open(
        choice: &DeviceChoice,
        config: &ModelConfig,
        parameters: &Parameters,
    ) -> Result<Self, EngineError> {
        match device::choose(&choice.for_model(config)).await? {
            Chosen::Cpu(refused) => Ok(Engine { refused, ..Engine::cpu(config, parameters) }),
            Chosen::Gpu(device) => Engine::gpu(device, config, parameters),
        }
    }

    /// The GPU engine on an open device.
    pub fn gpu(device: Arc<OpenDevice>, config: &ModelConfig, parameters: &Parameters) -> Result<Self, EngineError> {
        let backend = Backend::Gpu(Box::new(GpuEngine::new(device, config, parameters)?));
        Ok(Engine { config: config.clone(), bias: parameters.bias, backend, refused: None })
    }

    /// What the engine runs on, in words: "CPU, 2 threads" or an adapter's name.
    pub fn description(&self) -> String {
        let device = match &self.backend {
            Backend::Cpu(_) => match rayon::current_num_threads() {
                1 => "CPU, 1 thread".to_owned(),
                threads => format!("CPU, {threads} threads"),
            },
            Backend::Gpu(gpu) => gpu.name().to_owned(),
        };
        match &self.refused {
            None => device,
            Some(reason) => format!("{device}, because {reason}"),
        }
    }

    /// Whether this is the CPU engine.
    pub fn is_cpu(&self) -> bool {
        matches!(self.backend, Backend::Cpu(_))
    }

    /// The configuration that the engine was opened with.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The GPU engine, if this is one: for measurements.
    pub fn device(&mut self) -> Option<&mut GpuEngine> {
        match &mut self.backend {
            Backend::Cpu(_) => None,
            Backend::Gpu(gpu) => Some(gpu),
        }
    }

    /// Begins a block: hidden and cell states of all streams are zero, and
    /// everything learnt is in the forward weights.
    pub async fn start_block(&mut self) -> Result<(), EngineError> {
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.start_block(),
            Backend::Gpu(gpu) => gpu.start_block().await?,
        }
        Ok(())
    }

    /// Groups of streams, in order: each goes through the steps of a segment by
    /// itself, so a device can predict one while the host codes another.
    pub fn groups(&self) -> Vec<Range<usize>> {
        match &self.backend {
            Backend::Cpu(_) => iter::once(0..self.config.streams()).collect(),
            Backend::Gpu(gpu) => gpu.groups(),
        }
    }

    /// Begins to predict step `step` of a segment for the streams of `group`, one
    /// of [`Engine::groups`]: `previous` holds the last symbol of each. A group's
    /// steps run in order from 0, each finished before the next one is begun.
    pub fn begin_step(&mut self, step: usize, group: usize, previous: &[u8]) {
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.begin_step(step, previous),
            Backend::Gpu(gpu) => gpu.begin_step(step, group, previous),
        }
    }

    /// Waits for what [`Engine::begin_step`] began: `weights` receives
    /// `[streams][256]` unnormalised probabilities of the group.
    pub async fn finish_step(&mut self, step: usize, group: usize, weights: &mut [u32]) -> Result<(), EngineError> {
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.finish_step(step, weights),
            Backend::Gpu(gpu) => gpu.finish_step(group, weights).await?,
        }
        Ok(())
    }

    /// Begins to predict all steps of a segment whose symbols are known:
    /// `previous` is `[steps][streams]`. A GPU works on while the host does
    /// something else.
    pub fn begin_segment(&mut self, previous: &[u8]) {
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.begin_segment(previous),
            Backend::Gpu(gpu) => gpu.begin_segment(previous),
        }
    }

    /// Waits for what [`Engine::begin_segment`] began: `weights` receives
    /// `[steps][streams][256]` unnormalised probabilities.
    pub async fn finish_segment(&mut self, weights: &mut [u32]) -> Result<(), EngineError> {
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.finish_segment(weights),
            Backend::Gpu(gpu) => gpu.finish_segment(weights).await?,
        }
        Ok(())
    }

    /// Learns from the segment that was just predicted: `targets` is
    /// `[steps][streams]`, a symbol or [`INACTIVE`]; `rate` in Q28. Then learns
    /// from `replay`, if given, with hidden and cell states of its own that
    /// start at zero. What is learnt counts from the next segment but one on,
    /// so the engine may still be learning while the next one is predicted.
    pub async fn train(&mut self, targets: &[u16], rate: u32, replay: Option<&Replay>) -> Result<(), EngineError> {
        let streams = u64::from(self.config.streams);
        let embedding_scale = streams << self.config.error_fraction;
        let weight_scale = embedding_scale << ACTIVATION_FRACTION;
        let adam = self.bias.advance(rate, weight_scale, embedding_scale, 0);
        // As many windows as there are streams would weigh as much; half the rate halves that.
        let shift = self.config.replay_streams.max(1).ilog2().saturating_sub(self.config.streams.ilog2());
        let replay = replay.map(|replay| (replay, self.bias.advance(rate >> 1, weight_scale, embedding_scale, shift)));
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.train(targets, adam, replay),
            Backend::Gpu(gpu) => gpu.train(targets, &adam, replay)?,
        }
        Ok(())
    }

    /// The learnt state.
    pub async fn parameters(&mut self) -> Result<Parameters, EngineError> {
        let (master, moments) = match &mut self.backend {
            Backend::Cpu(cpu) => cpu.parameters(),
            Backend::Gpu(gpu) => gpu.parameters().await?,
        };
        Ok(Parameters { master, moments, bias: self.bias })
    }

    /// Goes back (or on) to another learnt state of the same configuration.
    pub async fn load(&mut self, parameters: &Parameters) -> Result<(), EngineError> {
        self.bias = parameters.bias;
        match &mut self.backend {
            Backend::Cpu(cpu) => cpu.load(parameters),
            Backend::Gpu(gpu) => gpu.load(parameters)?,
        }
        Ok(())
    }

    /// All that the engine holds after a segment was learnt.
    pub async fn state(&mut self) -> Result<EngineState, EngineError> {
        let parameters = self.parameters().await?;
        let (forward, streams) = match &mut self.backend {
            Backend::Cpu(cpu) => (cpu.forward_weights(), cpu.streams()),
            Backend::Gpu(gpu) => (gpu.forward_weights().await?, gpu.streams().await?),
        };
        Ok(EngineState { parameters, forward, streams })
    }

    /// Goes on from a state of the same configuration.
    pub async fn restore(&mut self, state: &EngineState) -> Result<(), EngineError> {
        self.load(&state.parameters).await?;
        match &mut self.backend {
            Backend::Cpu(cpu) => {
                cpu.set_forward_weights(&state.forward);
                cpu.set_streams(&state.streams);
            }
            Backend::Gpu(gpu) => {
                gpu.set_forward_weights(&state.forward);
                gpu.set_streams(&state.streams);
            }
        }
        Ok(())
    }
}
