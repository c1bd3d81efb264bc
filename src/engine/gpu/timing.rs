//! Single kernels and steps, waited for: for the self-test and for measurements.

use std::time::{Duration, Instant};

use super::kernels::{Buffer, KernelId};
use super::{EngineError, GpuEngine};
use crate::numerics::softmax::SYMBOLS;

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
    /// Records all places of a kernel in one segment, in the order of training.
    pub(super) fn record_kernel(&self, encoder: &mut wgpu::CommandEncoder, id: KernelId) {
        let (steps, layers) = (self.shape.config.segment(), self.shape.config.layers());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let mut dispatch = |step, layer| self.dispatch(&mut pass, id, step, layer, steps);
        match id {
            KernelId::Embed => (0..steps).for_each(|step| dispatch(step, 0)),
            KernelId::LstmForward => (0..steps).for_each(|step| (0..layers).for_each(|layer| dispatch(step, layer))),
            KernelId::OutputForward => (0..steps).for_each(|step| dispatch(step, layers)),
            KernelId::OutputError => dispatch(0, layers),
            KernelId::LstmBackward => {
                (0..steps).rev().for_each(|step| (0..layers).rev().for_each(|layer| dispatch(step, layer)));
            }
            KernelId::EmbeddingBackward => (0..layers).for_each(|layer| dispatch(0, layer)),
            KernelId::EmbeddingUpdate => dispatch(0, 0),
            KernelId::WeightUpdate => (0..=layers).for_each(|layer| dispatch(0, layer)),
        }
    }

    /// Time that one segment's dispatches of a kernel take, from `repeats`
    /// segments in one submission. What the model has learnt is spoilt.
    pub async fn time_kernel(&mut self, id: KernelId, repeats: u32) -> Result<Duration, EngineError> {
        self.model.steps = self.shape.config.segment;
        self.open.queue.write_buffer(&self.model_buffer, 0, bytemuck::bytes_of(&self.model));
        self.wait()?;
        let start = Instant::now();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        (0..repeats).for_each(|_| self.record_kernel(&mut encoder, id));
        self.open.queue.submit([encoder.finish()]);
        self.wait()?;
        Ok(start.elapsed() / repeats.max(1))
    }

    /// A step as [`GpuEngine::predict`] makes it, but each part waited for.
    pub async fn time_step(
        &mut self,
        step: usize,
        previous: &[u8],
        weights: &mut [u32],
    ) -> Result<DeviceStep, EngineError> {
        let config = &self.shape.config;
        let (streams, layers) = (config.streams(), config.layers());
        self.wait()?;
        let start = Instant::now();
        self.write_symbols(step * streams, previous.iter().map(|&s| u32::from(s)));
        self.open.queue.submit([]);
        self.wait()?;
        let uploaded = Instant::now();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            self.dispatch(&mut pass, KernelId::Embed, step, 0, 1);
            (0..layers).for_each(|layer| self.dispatch(&mut pass, KernelId::LstmForward, step, layer, 1));
            self.dispatch(&mut pass, KernelId::OutputForward, step, layers, 1);
        }
        self.open.queue.submit([encoder.finish()]);
        self.wait()?;
        let computed = Instant::now();
        let record = (streams * SYMBOLS * 4) as u64;
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let source = self.buffer(Buffer::Weights);
        encoder.copy_buffer_to_buffer(source, step as u64 * record, &self.staging, 0, record);
        self.open.queue.submit([encoder.finish()]);
        self.open.read(&self.staging, weights).await?;
        Ok(DeviceStep { upload: uploaded - start, dispatches: computed - uploaded, read_back: computed.elapsed() })
    }

    /// Dispatches of a step, and of learning from a whole segment.
    pub fn dispatches(&self) -> (usize, usize) {
        let (layers, steps) = (self.shape.config.layers(), self.shape.config.segment());
        // Errors of the output; all steps back; embedding back and updated; matrices updated.
        (layers + 2, 1 + steps * layers + layers + 1 + layers + 1)
    }

    fn wait(&self) -> Result<(), EngineError> {
        self.open.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| self.open.lost(e))?;
        self.open.check()
    }
}
