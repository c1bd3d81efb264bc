//! The GPU engine: WGSL kernels through wgpu, each equal to the CPU engine in every bit.

pub mod adapter;
mod bindings;
pub mod buffers;
mod constants;
pub mod image;
pub mod kernels;
mod read_back;
pub mod schedule;
pub mod self_test;
pub mod setup;
mod steps;
pub mod timing;
mod uniforms;

use std::ops::Range;
use std::sync::Arc;

use self::adapter::OpenDevice;
use self::bindings::Bindings;
use self::buffers::{Buffer, Buffers, FORWARD_WEIGHTS, record};
use self::image::{State, image, own_states, unpack_bytes, weights};
use self::kernels::Family;
use self::read_back::ReadBack;
use self::schedule::{Dispatch, Schedule};
use self::steps::{groups, weight_bytes};
use self::uniforms::ModelUniform;
use super::{EngineError, Replay, StreamStates};
use crate::model::Shape;
use crate::model::{ModelConfig, Parameters};
use crate::numerics::fixed::SHARE_ONE;
use crate::numerics::tables::TABLES;
use crate::numerics::wide::AdamStep;

/// A model in device memory.
pub struct GpuEngine {
    open: Arc<OpenDevice>,
    shape: Shape,
    model: ModelUniform,
    buffers: Buffers,
    bindings: Bindings,
    /// The set of forward weights that predicts, 0 or 1; training updates the other one.
    set: usize,
    /// True if the sets may differ from the masters: the model was trained since they were packed.
    trained: bool,
    /// The model with the windows of replay as its streams.
    replay: Option<Box<GpuEngine>>,
    /// Receives a segment's distributions.
    read_back: ReadBack,
    /// The groups of streams in a decoder's steps; none for replay.
    groups: Vec<Range<usize>>,
    /// For each group, receives its distributions.
    step_read_backs: Vec<ReadBack>,
    /// The family of kernels that it runs besides [`Family::Every`].
    family: Family,
    /// A step's dispatches; kept so that a step allocates no memory for them.
    list: Vec<Dispatch>,
}

impl GpuEngine {
    /// Creates a model with the given parameters and the states of all streams at zero.
    pub fn new(open: Arc<OpenDevice>, config: &ModelConfig, parameters: &Parameters) -> Result<Self, EngineError> {
        let family = if open.splits() { Family::Split } else { Family::Portable };
        let groups = groups(open.software, config.streams());
        let mut engine = Self::allocate(open.clone(), Shape::new(config), groups, family, None)?;
        engine.buffers.write(Buffer::Tables, 0, 0, &TABLES.concatenated());
        engine.buffers.write(Buffer::Shares, 0, 0, &vec![SHARE_ONE; config.streams() * engine.shape.cells()]);
        if let Some(config) = config.replay() {
            let replay = Self::allocate(open, Shape::new(&config), Vec::new(), family, Some(&engine.buffers))?;
            engine.replay = Some(Box::new(replay));
        }
        engine.load(parameters)?;
        Ok(engine)
    }

    /// Creates a model whose buffers are zero, or shared with another model of the same parameters.
    fn allocate(
        open: Arc<OpenDevice>,
        shape: Shape,
        groups: Vec<Range<usize>>,
        family: Family,
        shared: Option<&Buffers>,
    ) -> Result<Self, EngineError> {
        let buffers = Buffers::new(&open, &shape, &groups, family == Family::Split, shared)?;
        let bindings = Bindings::new(&open, &buffers);
        let read_back = |samples: usize| ReadBack::new(&open.device, weight_bytes(0..samples).end);
        let engine = GpuEngine {
            model: ModelUniform::new(&shape),
            buffers,
            bindings,
            set: 0,
            trained: false,
            replay: None,
            read_back: read_back(shape.config.streams() * shape.config.segment()),
            step_read_backs: groups.iter().map(|group| read_back(group.len())).collect(),
            groups,
            family,
            list: Vec::new(),
            shape,
            open,
        };
        engine.buffers.write_model(&engine.model);
        engine.open.check()?;
        Ok(engine)
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.open.name
    }

    /// See [`super::Engine::start_block`].
    pub async fn start_block(&mut self) -> Result<(), EngineError> {
        if self.trained {
            let (master, moments) = self.parameters().await?;
            return self.load(&Parameters { master, moments, bias: Default::default() });
        }
        self.clear_streams();
        Ok(())
    }

    /// Sets the states of all streams to zero.
    fn clear_streams(&self) {
        self.buffers.clear(&[Buffer::Inputs, Buffer::Cells]);
    }

    /// See [`super::Engine::begin_segment`].
    pub fn begin_segment(&mut self, previous: &[u8]) {
        self.write_previous(0, previous);
        self.model.steps = (previous.len() / self.shape.config.streams()) as u32;
        self.buffers.write_model(&self.model);
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut schedule = self.schedule(Vec::new());
        schedule.segment();
        self.run(&mut encoder, &schedule.list);
        let weights = self.buffers.get(Buffer::Weights, 0);
        self.read_back.begin(&self.open, encoder, weights, weight_bytes(0..previous.len()));
    }

    /// See [`super::Engine::finish_segment`].
    pub async fn finish_segment(&mut self, weights: &mut [u32]) -> Result<(), EngineError> {
        self.read_back.finish(&self.open, weights).await
    }

    /// See [`super::Engine::train`].
    pub fn train(
        &mut self,
        targets: &[u16],
        adam: &AdamStep,
        replay: Option<(&Replay, AdamStep)>,
    ) -> Result<(), EngineError> {
        let steps = targets.len() / self.shape.config.streams();
        self.write_targets(targets);
        self.set_segment(steps, adam);
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut schedule = self.schedule(Vec::new());
        schedule.training();
        self.run(&mut encoder, &schedule.list);
        self.carry(&mut encoder, steps);
        self.open.queue.submit([encoder.finish()]);
        if let (Some((windows, adam)), Some(replay)) = (replay, &mut self.replay) {
            replay.set = self.set;
            replay.train_on_windows(windows, &adam);
        }
        (self.set, self.trained) = (1 - self.set, true);
        self.open.check()
    }

    /// Predicts whole windows and trains on them. No kernel writes the hidden and cell states
    /// before the first step, so they stay zero.
    fn train_on_windows(&mut self, windows: &Replay, adam: &AdamStep) {
        let steps = self.shape.config.segment();
        self.write_previous(0, &windows.previous);
        self.write_targets(&windows.targets);
        self.buffers.write(Buffer::Shares, 0, 0, &windows.shares);
        self.set_segment(steps, adam);
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut schedule = self.schedule(Vec::new());
        schedule.segment();
        schedule.training();
        self.run(&mut encoder, &schedule.list);
        self.open.queue.submit([encoder.finish()]);
    }

    /// Copies the states after the last step to slot 0, before the first step of the next segment.
    fn carry(&self, encoder: &mut wgpu::CommandEncoder, steps: usize) {
        let streams = self.shape.config.streams();
        let inputs = streams * record(&self.shape); // a byte each
        let cells = streams * self.shape.cells() * 4;
        self.buffers.copy_to_start(encoder, Buffer::Inputs, steps * inputs..(steps + 1) * inputs);
        self.buffers.copy_to_start(encoder, Buffer::Cells, steps * cells..(steps + 1) * cells);
    }

    /// A schedule of the current segment that adds to `list`, which it clears.
    fn schedule(&self, mut list: Vec<Dispatch>) -> Schedule<'_> {
        list.clear();
        let steps = self.model.steps as usize;
        let (family, software) = (self.family, self.open.software);
        Schedule { shape: &self.shape, steps, groups: &self.groups, family, software, list }
    }

    /// Records a pass of dispatches, each after the one before.
    fn run(&self, encoder: &mut wgpu::CommandEncoder, list: &[Dispatch]) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for &Dispatch { kernel, params, workgroups: [x, y, z] } in list {
            pass.set_pipeline(self.open.pipeline(kernel));
            pass.set_bind_group(0, self.bindings.get(kernel, self.set), &[params]);
            pass.dispatch_workgroups(x, y, z);
        }
    }

    /// Writes input symbols from a sample on.
    fn write_previous(&self, first: usize, previous: &[u8]) {
        let words: Vec<u32> = previous.iter().map(|&symbol| symbol.into()).collect();
        self.buffers.write(Buffer::Symbols, 0, first, &words);
    }

    fn write_targets(&self, targets: &[u16]) {
        let words: Vec<u32> = targets.iter().map(|&target| target.into()).collect();
        let first = self.shape.config.segment() * self.shape.config.streams();
        self.buffers.write(Buffer::Symbols, 0, first, &words);
    }

    fn set_segment(&mut self, steps: usize, adam: &AdamStep) {
        self.model.set_segment(steps, adam);
        self.buffers.write_model(&self.model);
        self.buffers.write(Buffer::Factors, 0, 0, &adam.factors);
    }

    /// Returns masters and second moments.
    pub async fn parameters(&mut self) -> Result<(Vec<i32>, Vec<u32>), EngineError> {
        let masters = self.buffers.download(Buffer::Masters, 0).await?;
        let moments = self.buffers.download(Buffer::Moments, 0).await?;
        Ok((bytemuck::cast_slice(&masters).to_vec(), moments))
    }

    /// See [`super::Engine::load`].
    pub fn load(&mut self, parameters: &Parameters) -> Result<(), EngineError> {
        let state = State::learned(&self.shape, &parameters.master, &parameters.moments);
        self.buffers.write(Buffer::Masters, 0, 0, &state.masters);
        self.buffers.write(Buffer::Moments, 0, 0, &state.moments);
        for kind in FORWARD_WEIGHTS {
            let words = image(&self.shape, &state, kind);
            [0, 1].into_iter().for_each(|set| self.buffers.write(kind, set, 0, &words));
        }
        (self.set, self.trained) = (0, false);
        self.clear_streams();
        self.open.check()
    }

    /// Masters that pack to the present forward weights, see
    /// [`Weights::unpack`](super::cpu::weights::Weights::unpack).
    pub async fn forward_weights(&self) -> Result<Vec<i32>, EngineError> {
        let embedding = self.contents(Buffer::Embedding).await?;
        let by_input = self.contents(Buffer::ByInput).await?;
        let biases = self.contents(Buffer::Biases).await?;
        Ok(weights(&self.shape, &embedding, &by_input, &biases).unpack(&self.shape))
    }

    /// Replaces the forward weights that predict by those that `masters` pack to.
    pub fn set_forward_weights(&mut self, masters: &[i32]) {
        let state = State::learned(&self.shape, masters, &[]);
        for kind in FORWARD_WEIGHTS {
            self.buffers.write(kind, self.set, 0, &image(&self.shape, &state, kind));
        }
        self.trained = true;
    }

    /// Returns the states of the streams after a segment: a layer's own hidden states and the
    /// cell states of slot 0. The prediction of the next segment changes neither.
    pub async fn streams(&self) -> Result<StreamStates, EngineError> {
        let words = self.contents(Buffer::Inputs).await?;
        let records = unpack_bytes(&words[..self.shape.config.streams() * record(&self.shape) / 4]);
        let own =
            |record: &[i8]| own_states(&self.shape).flat_map(|states| record[states].to_vec()).collect::<Vec<_>>();
        let hidden = records.chunks_exact(record(&self.shape)).flat_map(own).collect();
        let cells = self.contents(Buffer::Cells).await?;
        let cells = &cells[..self.shape.config.streams() * self.shape.cells()];
        Ok(StreamStates { hidden, cells: bytemuck::cast_slice(cells).to_vec() })
    }

    /// Replaces the states of the streams.
    pub fn set_streams(&mut self, states: &StreamStates) {
        let width = record(&self.shape);
        let mut records = vec![0; self.shape.config.streams() * width];
        let mut hidden = states.hidden.iter();
        for record in records.chunks_exact_mut(width) {
            for state in own_states(&self.shape).flatten() {
                record[state] = hidden.next().copied().unwrap_or(0);
            }
        }
        self.buffers.write(Buffer::Inputs, 0, 0, bytemuck::cast_slice::<i8, u32>(&records));
        self.buffers.write(Buffer::Cells, 0, 0, &states.cells);
    }

    /// Returns the words of a buffer; of forward weights the set that predicts.
    pub async fn contents(&self, kind: Buffer) -> Result<Vec<u32>, EngineError> {
        self.buffers.download(kind, self.set).await
    }
}
