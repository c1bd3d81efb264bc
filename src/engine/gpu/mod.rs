//! The GPU engine: WGSL kernels through wgpu, each equal to its twin in `cpu/`.

pub mod adapter;
pub mod dispatch;
pub mod image;
pub mod kernels;
mod read_back;
pub mod self_test;
mod steps;
pub mod timing;
mod uniforms;

use std::ops::Range;
use std::sync::Arc;

use self::adapter::OpenDevice;
use self::dispatch::Dispatch;
use self::image::{State, image, own_states, unpack_bytes, weights};
use self::kernels::{Buffer, KERNELS, Kernel, record};
use self::read_back::ReadBack;
use self::steps::{Group, groups, weight_bytes};
use self::uniforms::{ModelUniform, Place, places};
use super::cpu::state::{Stream, Weights};
use super::{EngineError, Replay, StreamStates};
use crate::model::Shape;
use crate::model::{ModelConfig, Parameters};
use crate::numerics::wide::AdamStep;

/// The forward weights, of which there are two sets.
const FORWARD_WEIGHTS: [Buffer; 4] = [Buffer::Embedding, Buffer::ByInput, Buffer::ByRow, Buffer::Biases];

/// The model in device memory.
pub struct GpuEngine {
    open: Arc<OpenDevice>,
    shape: Shape,
    model: ModelUniform,
    model_buffer: wgpu::Buffer,
    buffers: Vec<wgpu::Buffer>,
    /// The second set of forward weights.
    second: Vec<wgpu::Buffer>,
    /// One list for each of two sets of forward weights: while one predicts, the other is learnt.
    bind_groups: [Vec<wgpu::BindGroup>; 2],
    /// The set in use, 0 or 1.
    set: usize,
    /// Whether anything was learnt since the sets were made from the masters.
    learnt: bool,
    /// The same model with the streams of replay.
    replay: Option<Box<GpuEngine>>,
    /// Receives a segment's distributions.
    read_back: ReadBack,
    /// What the streams make for a decoder's steps; none for replay.
    groups: Vec<Group>,
    /// Between two places of one buffer.
    scratch: wgpu::Buffer,
    /// Whether it runs the kernels that split sums, see [`OpenDevice::splits`].
    splits: bool,
    /// Room for a step's dispatches.
    list: Vec<Dispatch>,
}

impl GpuEngine {
    /// A model with the given learnt state and streams at zero.
    pub fn new(open: Arc<OpenDevice>, config: &ModelConfig, parameters: &Parameters) -> Result<Self, EngineError> {
        let (shape, splits) = (Shape::new(config), open.splits());
        let state = State {
            masters: parameters.master.clone(),
            moments: parameters.moments.clone(),
            weights: Weights::pack(&shape, &parameters.master),
            streams: vec![Stream::new(&shape); config.streams()],
            sums: vec![0; sums_len(&shape, splits)],
        };
        let groups = groups(open.software, config.streams());
        let mut engine = Self::with_state(open.clone(), shape, &state, &groups, splits, None)?;
        if let Some(config) = config.replay() {
            let shape = Shape::new(&config);
            let weights = Weights { embedding: Vec::new(), matrices: Vec::new() };
            let streams = vec![Stream::new(&shape); config.streams()];
            let sums = vec![0; sums_len(&shape, splits)];
            let state = State { masters: Vec::new(), moments: Vec::new(), weights, streams, sums };
            engine.replay = Some(Box::new(Self::with_state(open, shape, &state, &[], splits, Some(&engine))?));
        }
        Ok(engine)
    }

    /// A model with every buffer as `state` has it, but for those of weights
    /// where it shares them with another; `splits` says which kernels it runs.
    fn with_state(
        open: Arc<OpenDevice>,
        shape: Shape,
        state: &State,
        groups: &[Range<usize>],
        splits: bool,
        shared: Option<&GpuEngine>,
    ) -> Result<Self, EngineError> {
        let device = &open.device;
        let limits = device.limits();
        let limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let words = |kind: Buffer| if kind == Buffer::Sums { state.sums.len() } else { kind.words(&shape) };
        let largest = Buffer::ALL.iter().map(|&kind| 4 * words(kind) as u64).max().unwrap_or(0);
        if largest > limit {
            return Err(EngineError::TooSmall { device: open.name.clone(), needed: largest, available: limit });
        }
        // Filled through the queue: mapping a buffer for which there was no memory would panic.
        let buffer = |label: &str, contents: &[u8], usage| {
            let size = contents.len() as u64;
            let usage = usage | wgpu::BufferUsages::COPY_DST;
            let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
            let buffer = device.create_buffer(&descriptor);
            open.queue.write_buffer(&buffer, 0, contents);
            buffer
        };
        let mut buffers = Vec::with_capacity(Buffer::ALL.len());
        let mut second = shared.map_or_else(Vec::new, |engine| engine.second.clone());
        for kind in Buffer::ALL {
            if let Some(engine) = shared.filter(|_| kind.is_learnt()) {
                buffers.push(engine.buffer(kind).clone());
                continue;
            }
            let contents = image(&shape, state, kind);
            debug_assert_eq!(contents.len(), words(kind), "{kind:?}");
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
            let make = || buffer(&format!("{kind:?}"), bytemuck::cast_slice(&contents), usage);
            buffers.push(make());
            if FORWARD_WEIGHTS.contains(&kind) {
                second.push(make());
            }
            open.check()?;
        }
        let model = ModelUniform::new(&shape);
        let model_buffer = buffer("model", bytemuck::bytes_of(&model), wgpu::BufferUsages::UNIFORM);
        let places = buffer("places", &places(&shape, groups), wgpu::BufferUsages::UNIFORM);
        let bind_group = |set: usize, kernel: &Kernel, layout: &wgpu::BindGroupLayout| {
            let place = wgpu::BufferBinding {
                buffer: &places,
                offset: 0,
                size: std::num::NonZeroU64::new(size_of::<Place>() as u64),
            };
            let of_kind = |kind: Buffer| match FORWARD_WEIGHTS.iter().position(|&weights| weights == kind) {
                Some(index) if set == 1 => &second[index],
                _ => &buffers[kind as usize],
            };
            let mut entries = vec![
                wgpu::BindGroupEntry { binding: 0, resource: model_buffer.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Buffer(place) },
            ];
            entries.extend(kernel.bindings.iter().enumerate().map(|(i, &(kind, _))| wgpu::BindGroupEntry {
                binding: 2 + i as u32,
                resource: of_kind(kind).as_entire_binding(),
            }));
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some(kernel.name), layout, entries: &entries })
        };
        let bind_groups =
            [0, 1].map(|set| KERNELS.iter().zip(&open.layouts).map(|(k, layout)| bind_group(set, k, layout)).collect());
        let read_back = ReadBack::new(device, buffers[Buffer::Weights as usize].size());
        let groups = groups.iter().map(|streams| Group::new(device, streams.clone())).collect();
        let scratch = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("scratch"),
            size: (shape.config.streams() * record(&shape).max(4 * shape.cells())) as u64,
            usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        open.check()?;
        let (set, learnt) = (0, false);
        Ok(GpuEngine {
            open,
            shape,
            model,
            model_buffer,
            buffers,
            second,
            bind_groups,
            set,
            learnt,
            replay: None,
            read_back,
            groups,
            scratch,
            splits,
            list: Vec::new(),
        })
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.open.name
    }

    fn buffer(&self, kind: Buffer) -> &wgpu::Buffer {
        &self.buffers[kind as usize]
    }

    /// See [`super::Engine::start_block`].
    pub async fn start_block(&mut self) -> Result<(), EngineError> {
        if self.learnt {
            let (master, moments) = self.parameters().await?;
            return self.load(&Parameters { master, moments, bias: Default::default() });
        }
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        encoder.clear_buffer(self.buffer(Buffer::Inputs), 0, None);
        encoder.clear_buffer(self.buffer(Buffer::Cells), 0, None);
        self.open.queue.submit([encoder.finish()]);
        Ok(())
    }

    /// See [`super::Engine::begin_segment`].
    pub fn begin_segment(&mut self, previous: &[u8]) {
        self.write_previous(0, previous);
        self.model.steps = (previous.len() / self.shape.config.streams()) as u32;
        self.write_model();
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut list = Vec::new();
        self.record_segment(&mut list);
        self.run(&mut encoder, &list);
        let weights = &self.buffers[Buffer::Weights as usize];
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
        let mut list = Vec::new();
        self.record_training(&mut list);
        self.run(&mut encoder, &list);
        self.carry(&mut encoder, steps);
        self.open.queue.submit([encoder.finish()]);
        if let (Some((windows, adam)), Some(replay)) = (replay, &mut self.replay) {
            replay.set = self.set;
            replay.learn_again(windows, &adam);
        }
        (self.set, self.learnt) = (1 - self.set, true);
        self.open.check()
    }

    /// Forward, backward and update over whole windows; own states of slot 0 are
    /// never written, so they stay zero.
    fn learn_again(&mut self, windows: &Replay, adam: &AdamStep) {
        let steps = self.shape.config.segment();
        self.write_previous(0, &windows.previous);
        self.write_targets(&windows.targets);
        self.open.queue.write_buffer(self.buffer(Buffer::Shares), 0, bytemuck::cast_slice(&windows.shares));
        self.set_segment(steps, adam);
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut list = Vec::new();
        self.record_segment(&mut list);
        self.record_training(&mut list);
        self.run(&mut encoder, &list);
        self.open.queue.submit([encoder.finish()]);
    }

    /// Copies the states after the last step to slot 0.
    fn carry(&self, encoder: &mut wgpu::CommandEncoder, steps: usize) {
        let config = &self.shape.config;
        let inputs = config.streams() * record(&self.shape); // a byte each
        let cells = config.streams() * self.shape.cells() * 4;
        self.copy_within(encoder, Buffer::Inputs, steps * inputs, inputs);
        self.copy_within(encoder, Buffer::Cells, steps * cells, cells);
    }

    /// Copies bytes to a buffer's start by way of another: WebGPU has no direct way.
    fn copy_within(&self, encoder: &mut wgpu::CommandEncoder, kind: Buffer, source: usize, len: usize) {
        let buffer = self.buffer(kind);
        encoder.copy_buffer_to_buffer(buffer, source as u64, &self.scratch, 0, len as u64);
        encoder.copy_buffer_to_buffer(&self.scratch, 0, buffer, 0, len as u64);
    }

    /// The symbols put in from a sample on.
    fn write_previous(&self, first: usize, previous: &[u8]) {
        self.write_symbols(first, previous.iter().map(|&s| u32::from(s)));
    }

    fn write_targets(&self, targets: &[u16]) {
        let config = &self.shape.config;
        self.write_symbols(config.segment() * config.streams(), targets.iter().map(|&t| u32::from(t)));
    }

    fn write_symbols(&self, first: usize, symbols: impl Iterator<Item = u32>) {
        let words: Vec<u32> = symbols.collect();
        self.open.queue.write_buffer(self.buffer(Buffer::Symbols), first as u64 * 4, bytemuck::cast_slice(&words));
    }

    fn set_segment(&mut self, steps: usize, adam: &AdamStep) {
        self.model.set_segment(steps, adam);
        self.write_model();
        self.open.queue.write_buffer(self.buffer(Buffer::Factors), 0, bytemuck::cast_slice(&adam.factors));
    }

    fn write_model(&self) {
        self.open.queue.write_buffer(&self.model_buffer, 0, bytemuck::bytes_of(&self.model));
    }

    /// Masters and moments.
    pub async fn parameters(&mut self) -> Result<(Vec<i32>, Vec<u32>), EngineError> {
        let masters = self.download(self.buffer(Buffer::Masters)).await?;
        let moments = self.download(self.buffer(Buffer::Moments)).await?;
        Ok((bytemuck::cast_slice(&masters).to_vec(), moments))
    }

    /// See [`super::Engine::load`].
    pub fn load(&mut self, parameters: &Parameters) -> Result<(), EngineError> {
        *self = Self::new(self.open.clone(), &self.shape.config, parameters)?;
        Ok(())
    }

    /// Masters that the present forward weights could come from, see [`Weights::unpack`].
    pub async fn forward_weights(&self) -> Result<Vec<i32>, EngineError> {
        let embedding = self.download(self.forward_buffer(Buffer::Embedding)).await?;
        let by_input = self.download(self.forward_buffer(Buffer::ByInput)).await?;
        let biases = self.download(self.forward_buffer(Buffer::Biases)).await?;
        Ok(weights(&self.shape, &embedding, &by_input, &biases).unpack(&self.shape))
    }

    /// Puts others in their place.
    pub fn set_forward_weights(&mut self, masters: &[i32]) {
        let weights = Weights::pack(&self.shape, masters);
        let state = State { masters: Vec::new(), moments: Vec::new(), weights, streams: Vec::new(), sums: Vec::new() };
        for kind in FORWARD_WEIGHTS {
            let words = image(&self.shape, &state, kind);
            self.open.queue.write_buffer(self.forward_buffer(kind), 0, bytemuck::cast_slice(&words));
        }
        self.learnt = true;
    }

    /// Forward weights of the set in use.
    fn forward_buffer(&self, kind: Buffer) -> &wgpu::Buffer {
        match FORWARD_WEIGHTS.iter().position(|&weights| weights == kind) {
            Some(index) if self.set == 1 => &self.second[index],
            _ => self.buffer(kind),
        }
    }

    /// Where the streams stand after a segment: own states of slot 0 of inputs, and slot 0 of cells.
    /// Predicting the next segment changes neither.
    pub async fn streams(&self) -> Result<StreamStates, EngineError> {
        let words = self.download(self.buffer(Buffer::Inputs)).await?;
        let records = unpack_bytes(&words[..self.shape.config.streams() * record(&self.shape) / 4]);
        let own =
            |record: &[i8]| own_states(&self.shape).flat_map(|states| record[states].to_vec()).collect::<Vec<_>>();
        let hidden = records.chunks_exact(record(&self.shape)).flat_map(own).collect();
        let cells = self.download(self.buffer(Buffer::Cells)).await?;
        let cells = &cells[..self.shape.config.streams() * self.shape.cells()];
        Ok(StreamStates { hidden, cells: bytemuck::cast_slice(cells).to_vec() })
    }

    /// Puts the streams there.
    pub fn set_streams(&mut self, states: &StreamStates) {
        let width = record(&self.shape);
        let mut records = vec![0; self.shape.config.streams() * width];
        let mut hidden = states.hidden.iter();
        for record in records.chunks_exact_mut(width) {
            for state in own_states(&self.shape).flatten() {
                record[state] = hidden.next().copied().unwrap_or(0);
            }
        }
        self.open.queue.write_buffer(self.buffer(Buffer::Inputs), 0, bytemuck::cast_slice(&records));
        self.open.queue.write_buffer(self.buffer(Buffer::Cells), 0, bytemuck::cast_slice(&states.cells));
    }

    /// The words of a whole buffer.
    async fn download(&self, buffer: &wgpu::Buffer) -> Result<Vec<u32>, EngineError> {
        let mut read_back = ReadBack::new(&self.open.device, buffer.size());
        let encoder = self.open.device.create_command_encoder(&Default::default());
        read_back.begin(&self.open, encoder, buffer, 0..buffer.size());
        let mut words = vec![0; buffer.size() as usize / 4];
        read_back.finish(&self.open, &mut words).await?;
        Ok(words)
    }
}

/// Length of [`Buffer::Sums`]: next to nothing where no kernel leaves sums for another.
fn sums_len(shape: &Shape, splits: bool) -> usize {
    if splits { 16 } else { Buffer::Sums.words(shape) }
}
