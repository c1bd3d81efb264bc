//! Single kernels and steps, waited for: for the self-test and for measurements.

use std::time::{Duration, Instant};

use super::kernels::{Buffer, KernelId, PORTABLE};
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
    fn record_kernel(&self, pass: &mut wgpu::ComputePass<'_>, id: KernelId) {
        let (steps, layers) = (self.model.steps as usize, self.shape.config.layers());
        let segment = |pass: &mut _, layer| self.dispatch(pass, id, Span::Segment, layer);
        // The last step's errors have no later ones.
        let own_steps = if id == KernelId::BackwardSums { steps - 1 } else { steps };
        let own = |pass: &mut _, layer| (0..own_steps).for_each(|t| self.dispatch(pass, id, Span::Own(t), layer));
        match id {
            KernelId::ForwardSums | KernelId::BackwardSums => {
                let forward = id == KernelId::ForwardSums;
                (0..layers).for_each(|layer| segment(pass, layer));
                (0..layers).for_each(|layer| own(pass, layer));
                match forward {
                    true => segment(pass, layers),
                    false => (1..layers).for_each(|layer| self.dispatch(pass, id, Span::Above, layer - 1)),
                }
            }
            KernelId::LstmForward | KernelId::LstmBackward => (0..layers).for_each(|layer| own(pass, layer)),
            KernelId::WeightUpdate | KernelId::SplitUpdate => (0..=layers).for_each(|layer| segment(pass, layer)),
            KernelId::OutputForward | KernelId::OutputError | KernelId::OutputLayer => segment(pass, layers),
            KernelId::LayerForward => self.record_layers_forward(pass),
            KernelId::LayerBackward => self.record_layers_backward(pass),
            _ => segment(pass, 0),
        }
    }

    /// Runs one segment's dispatches of a kernel `repeats` times, in one
    /// submission, and waits for them. What the model has learnt is spoilt.
    pub fn run_kernel(&mut self, id: KernelId, repeats: u32) -> Result<(), EngineError> {
        self.model.steps = self.shape.config.segment;
        self.write_model();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            (0..repeats).for_each(|_| self.record_kernel(&mut pass, id));
        }
        self.open.queue.submit([encoder.finish()]);
        self.wait()
    }

    /// The kernels that this model's steps and segments are made of.
    pub fn kernels(&self) -> impl Iterator<Item = KernelId> {
        use KernelId::{Embed, EmbeddingUpdate, OutputError, Samples};
        let (splits, shared) = (self.splits, [Embed, OutputError, EmbeddingUpdate, Samples]);
        let is_used = move |&id: &KernelId| shared.contains(&id) || (id as usize >= PORTABLE) == splits;
        KernelId::ALL.into_iter().filter(is_used)
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
        {
            let pass = &mut encoder.begin_compute_pass(&Default::default());
            (0..self.groups.len()).for_each(|group| self.record_step(pass, step, group));
        }
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
    pub fn dispatches(&self) -> (usize, usize) {
        let (layers, steps) = (self.shape.config.layers(), self.shape.config.segment());
        let (step, backward) = if self.splits {
            (layers + 2, steps + layers - 1)
        } else {
            // A layer's sums from the output and from above, then its own steps.
            (2 * layers + 3, layers * (1 + 2 * steps - 1) + layers - 1)
        };
        // Errors of the output; those of all layers; embedding back and updated; samples; matrices updated.
        (self.groups.len() * step, 1 + backward + 2 + 1 + layers + 1)
    }

    fn wait(&self) -> Result<(), EngineError> {
        self.open.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| self.open.lost(e))?;
        self.open.check()
    }
}
