//! Single kernels and steps, each waited for: for measurements.

use std::time::{Duration, Instant};

use super::buffers::Buffer;
use super::kernels::{ALL, Family, Kernel};
use super::steps::weight_bytes;
use super::{EngineError, GpuEngine};
use crate::model::Shape;

/// The times of the parts of a step on a device, each waited for before the next begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceStep {
    /// Upload of the symbols.
    pub upload: Duration,
    /// All kernels of the step.
    pub dispatches: Duration,
    /// Copy of the distributions to the host.
    pub read_back: Duration,
}

impl GpuEngine {
    /// Runs one segment's dispatches of a kernel `repeats` times, in one submission, and waits
    /// for them. Afterwards the model's parameters are meaningless.
    pub fn run_kernel(&mut self, kernel: &Kernel, repeats: u32) -> Result<(), EngineError> {
        self.set_whole_segment();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut schedule = self.schedule(Vec::new());
        (0..repeats).for_each(|_| (kernel.segment)(&mut schedule));
        self.run(&mut encoder, &schedule.list);
        self.open.queue.submit([encoder.finish()]);
        self.wait()
    }

    fn set_whole_segment(&mut self) {
        self.model.steps = self.shape.config.segment;
        self.buffers.write_model(&self.model);
    }

    /// The kernels in this model's steps and segments.
    pub fn kernels(&self) -> impl Iterator<Item = &'static Kernel> + use<> {
        let splits = self.family == Family::Split;
        ALL.into_iter().filter(move |kernel| kernel.is_used(splits))
    }

    /// The model's shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// True if the adapter is a software implementation.
    pub fn is_software(&self) -> bool {
        self.open.software
    }

    /// Predicts a step of all groups of streams as a decoder does, but waits for each part.
    pub async fn time_step(
        &mut self,
        step: usize,
        previous: &[u8],
        weights: &mut [u32],
    ) -> Result<DeviceStep, EngineError> {
        let streams = self.shape.config.streams();
        self.wait()?;
        let start = Instant::now();
        self.write_previous(step * streams, previous);
        self.open.queue.submit([]);
        self.wait()?;
        let uploaded = Instant::now();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut schedule = self.schedule(Vec::new());
        (0..self.groups.len()).for_each(|group| schedule.step(step, group));
        self.run(&mut encoder, &schedule.list);
        self.open.queue.submit([encoder.finish()]);
        self.wait()?;
        let computed = Instant::now();
        let encoder = self.open.device.create_command_encoder(&Default::default());
        let source = self.buffers.get(Buffer::Weights, 0);
        self.read_back.begin(&self.open, encoder, source, weight_bytes(step * streams..(step + 1) * streams));
        self.read_back.finish(&self.open, weights).await?;
        Ok(DeviceStep { upload: uploaded - start, dispatches: computed - uploaded, read_back: computed.elapsed() })
    }

    /// The number of dispatches of a step, and of training on a whole segment.
    pub fn dispatches(&mut self) -> (usize, usize) {
        self.set_whole_segment();
        let (mut step, mut training) = (self.schedule(Vec::new()), self.schedule(Vec::new()));
        (0..self.groups.len()).for_each(|group| step.step(0, group));
        training.training();
        (step.list.len(), training.list.len())
    }

    fn wait(&self) -> Result<(), EngineError> {
        self.open.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| self.open.lost(e))?;
        self.open.check()
    }
}
