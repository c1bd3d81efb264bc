//! Single kernels and steps, waited for: for the self-test and for measurements.

use std::time::{Duration, Instant};

use super::dispatch::Dispatch;
use super::kernels::{Buffer, KernelId};
use super::steps::weight_bytes;
use super::uniforms::Span;
use super::{EngineError, GpuEngine};

/// What a device does for a step, each part waited for by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceStep {
    /// Symbols to the device.
    pub upload: Duration,
    /// All kernels of the step.
    pub dispatches: Duration,
    /// Distributions to the host.
    pub read_back: Duration,
}

impl GpuEngine {
    /// Records all that a kernel does in one segment, alone.
    fn record_kernel(&self, list: &mut Vec<Dispatch>, id: KernelId) {
        let (steps, layers) = (self.model.steps as usize, self.shape.config.layers());
        let segment = |list: &mut _, layer| self.dispatch(list, id, Span::Segment, layer);
        // The last step's errors have no later ones.
        let own_steps = if id == KernelId::BackwardSums { steps - 1 } else { steps };
        let own = |list: &mut _, layer| (0..own_steps).for_each(|t| self.dispatch(list, id, Span::Own(t), layer));
        match id {
            KernelId::ForwardSums | KernelId::BackwardSums => {
                let forward = id == KernelId::ForwardSums;
                (0..layers).for_each(|layer| segment(list, layer));
                (0..layers).for_each(|layer| own(list, layer));
                match forward {
                    true => segment(list, layers),
                    false => (1..layers).for_each(|layer| self.dispatch(list, id, Span::Above, layer - 1)),
                }
            }
            KernelId::LstmForward | KernelId::LstmBackward => (0..layers).for_each(|layer| own(list, layer)),
            KernelId::WeightUpdate | KernelId::SplitUpdate => (0..=layers).for_each(|layer| segment(list, layer)),
            KernelId::OutputForward | KernelId::OutputError | KernelId::OutputLayer => segment(list, layers),
            KernelId::LayerForward => self.record_layers_forward(list),
            KernelId::LayerBackward => self.record_layers_backward(list),
            _ => segment(list, 0),
        }
    }

    /// Runs one segment's dispatches of a kernel `repeats` times, in one
    /// submission, and waits for them. What the model has learnt is spoilt.
    pub fn run_kernel(&mut self, id: KernelId, repeats: u32) -> Result<(), EngineError> {
        self.model.steps = self.shape.config.segment;
        self.write_model();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut list = Vec::new();
        (0..repeats).for_each(|_| self.record_kernel(&mut list, id));
        self.run(&mut encoder, &list);
        self.open.queue.submit([encoder.finish()]);
        self.wait()
    }

    /// The kernels that this model's steps and segments are made of.
    pub fn kernels(&self) -> impl Iterator<Item = KernelId> {
        let splits = self.splits;
        KernelId::ALL.into_iter().filter(move |id| id.is_used(splits))
    }

    /// Whether processors play the device.
    pub fn is_software(&self) -> bool {
        self.open.software
    }

    /// A step of all groups of streams as the decoder makes it, but each part waited for.
    pub async fn time_step(
        &mut self,
        step: usize,
        previous: &[u8],
        weights: &mut [u32],
    ) -> Result<DeviceStep, EngineError> {
        let config = &self.shape.config;
        let streams = config.streams();
        self.wait()?;
        let start = Instant::now();
        self.write_symbols(step * streams, previous.iter().map(|&s| u32::from(s)));
        self.open.queue.submit([]);
        self.wait()?;
        let uploaded = Instant::now();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut list = Vec::new();
        (0..self.groups.len()).for_each(|group| self.record_step(&mut list, step, group));
        self.run(&mut encoder, &list);
        self.open.queue.submit([encoder.finish()]);
        self.wait()?;
        let computed = Instant::now();
        let encoder = self.open.device.create_command_encoder(&Default::default());
        let source = &self.buffers[Buffer::Weights as usize];
        self.read_back.begin(&self.open, encoder, source, weight_bytes(step * streams..(step + 1) * streams));
        self.read_back.finish(&self.open, weights).await?;
        Ok(DeviceStep { upload: uploaded - start, dispatches: computed - uploaded, read_back: computed.elapsed() })
    }

    /// Dispatches of a step, and of learning from a whole segment.
    pub fn dispatches(&mut self) -> (usize, usize) {
        self.model.steps = self.shape.config.segment;
        let (mut step, mut training) = (Vec::new(), Vec::new());
        (0..self.groups.len()).for_each(|group| self.record_step(&mut step, 0, group));
        self.record_training(&mut training);
        (step.len(), training.len())
    }

    fn wait(&self) -> Result<(), EngineError> {
        self.open.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| self.open.lost(e))?;
        self.open.check()
    }
}
