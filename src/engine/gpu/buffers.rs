//! A model's buffers in device memory: their sizes, creation, upload and download.

use std::ops::Range;
use std::sync::Arc;

use super::adapter::OpenDevice;
use super::constants::{QUAD, VEC4, WORD};
use super::read_back::ReadBack;
use super::uniforms::{ModelUniform, dispatch_params};
use crate::engine::EngineError;
use crate::model::Shape;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLE_SIZE;
use crate::numerics::wide::FACTORS;

/// The storage buffers of a model.
///
/// Shapes are in words of 32 bits; a plane holds one 8-bit limb of each value,
/// four values a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// `[3][256]`: sigmoid, tanh, exp2.
    Tables,
    /// `[32]`: the factors of Adam's step.
    Factors,
    /// `[2][segment][streams]`: input symbols, then targets.
    Symbols,
    /// `[256][embedding / 4]`.
    Embedding,
    /// `[matrices][rows / 16][inputs / 4][16 rows]`; a word holds four inputs of a row.
    ByInput,
    /// `[matrices][inputs / 16][rows / 4][16 inputs]`; a word holds four rows of an input.
    ByRow,
    /// `[matrices][rows]`.
    Biases,
    /// `[segment + 1][streams][record]`: a record holds the inputs of all matrices; a
    /// layer's own hidden states are those of the step before.
    Inputs,
    /// `[segment][streams][rows]` of a matrix, or `[segment][streams][units]`: the sums
    /// of a product for the next kernel.
    Sums,
    /// `[segment][streams][cells / 4][2][4]`: gates in pairs of 16 bits.
    Gates,
    /// `[segment + 1][streams][cells]`, then `[streams][cells]` errors.
    Cells,
    /// `[streams][cells]`: the factor of dropout for each hidden state, Q8.
    Shares,
    /// `[segment][streams][256]`.
    Weights,
    /// `[2 planes][segment][streams][cells + 64]`: gate errors, then output errors.
    Errors,
    /// `[record / 16 + 1][samples / 4][16]`: inputs, then the biases' constant; a word
    /// holds one value of four samples.
    InputSamples,
    /// `[2 planes][(4 * cells + 256) / 16][samples / 4][16]`; a word holds one error of four samples.
    ErrorSamples,
    /// `[segment][streams][embedding]`.
    EmbeddingErrors,
    /// Master weights in the layout's order.
    Masters,
    /// Second moments in the layout's order.
    Moments,
}

impl Buffer {
    /// All buffers.
    pub const ALL: [Buffer; 19] = [
        Buffer::Tables,
        Buffer::Factors,
        Buffer::Symbols,
        Buffer::Embedding,
        Buffer::ByInput,
        Buffer::ByRow,
        Buffer::Biases,
        Buffer::Inputs,
        Buffer::Sums,
        Buffer::Gates,
        Buffer::Cells,
        Buffer::Shares,
        Buffer::Weights,
        Buffer::Errors,
        Buffer::InputSamples,
        Buffer::ErrorSamples,
        Buffer::EmbeddingErrors,
        Buffer::Masters,
        Buffer::Moments,
    ];

    /// True if it holds the tables or learned parameters, false if it holds states of streams.
    fn is_shared(self) -> bool {
        use Buffer::{Biases, ByInput, ByRow, Embedding, Masters, Moments, Tables};
        matches!(self, Tables | Embedding | ByInput | ByRow | Biases | Masters | Moments)
    }

    /// Length in words. On devices that split sums no kernel in use binds
    /// [`Buffer::Sums`], so it is as small as a binding may be.
    pub fn words(self, shape: &Shape, splits: bool) -> usize {
        let config = &shape.config;
        let samples = config.streams() * config.segment();
        let slots = config.streams() * (config.segment() + 1);
        let matrices = &shape.layout.matrices;
        let weights: usize = matrices.iter().map(|m| m.rows * m.inputs).sum();
        match self {
            Buffer::Tables => 3 * TABLE_SIZE,
            Buffer::Factors => FACTORS,
            Buffer::Symbols => 2 * samples,
            Buffer::Embedding => shape.layout.embedding_len / WORD,
            Buffer::ByInput | Buffer::ByRow => weights / WORD,
            Buffer::Biases => matrices.iter().map(|m| m.rows).sum(),
            Buffer::Inputs => slots * record(shape) / WORD,
            Buffer::Sums if splits => QUAD,
            Buffer::Sums => samples * SYMBOLS.max(4 * config.units()),
            Buffer::Gates => samples * shape.cells() * 2,
            Buffer::Cells => (slots + config.streams()) * shape.cells(),
            Buffer::Shares => config.streams() * shape.cells(),
            Buffer::Weights => samples * SYMBOLS,
            Buffer::Errors => 2 * samples * error_sample_row(shape) / WORD,
            Buffer::InputSamples => samples.div_ceil(WORD) * input_sample_row(shape),
            Buffer::ErrorSamples => 2 * samples.div_ceil(WORD) * error_sample_row(shape),
            Buffer::EmbeddingErrors => samples * config.embedding(),
            Buffer::Masters | Buffer::Moments => shape.layout.total,
        }
    }
}

/// The number of values in a record of inputs.
pub fn record(shape: &Shape) -> usize {
    shape.layout.matrices.iter().map(|m| m.inputs).sum()
}

/// The number of words that four samples have in [`Buffer::InputSamples`].
pub fn input_sample_row(shape: &Shape) -> usize {
    record(shape) + VEC4
}

/// The number of words that four samples have in a plane of [`Buffer::ErrorSamples`].
pub fn error_sample_row(shape: &Shape) -> usize {
    shape.gates() + SYMBOLS
}

/// The forward weights. There are two sets of them: one predicts while the other is updated.
pub const FORWARD_WEIGHTS: [Buffer; 4] = [Buffer::Embedding, Buffer::ByInput, Buffer::ByRow, Buffer::Biases];

/// The buffers of one model.
pub struct Buffers {
    open: Arc<OpenDevice>,
    /// In the order of [`Buffer::ALL`], with the first set of forward weights.
    storage: Vec<wgpu::Buffer>,
    /// The second set, in the order of [`FORWARD_WEIGHTS`].
    second: Vec<wgpu::Buffer>,
    /// The uniform `ModelUniform`.
    pub model: wgpu::Buffer,
    /// The uniforms `DispatchParams` of all dispatches.
    pub params: wgpu::Buffer,
    /// Holds one step's inputs or cells while they are copied within their buffer.
    scratch: wgpu::Buffer,
}

impl Buffers {
    /// Creates the buffers of a model, all zero but for the dispatch parameters. Tables
    /// and parameters are those of `shared`, if given.
    pub fn new(
        open: &Arc<OpenDevice>,
        shape: &Shape,
        groups: &[Range<usize>],
        splits: bool,
        shared: Option<&Buffers>,
    ) -> Result<Self, EngineError> {
        let bytes = |kind: Buffer| 4 * kind.words(shape, splits) as u64;
        let limits = open.device.limits();
        let available = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let needed = Buffer::ALL.into_iter().map(bytes).max().unwrap_or(0);
        if needed > available {
            return Err(open.too_small(needed, available));
        }
        // Not mapped at creation: mapping panics where there is no memory for the buffer.
        let create = |label: &str, size: u64, usage: wgpu::BufferUsages| {
            let usage = usage | wgpu::BufferUsages::COPY_DST;
            let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
            open.device.create_buffer(&descriptor)
        };
        let storage_usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let storage = |kind: Buffer| create(&format!("{kind:?}"), bytes(kind), storage_usage);
        let shared_or_new = |kind: Buffer| match shared {
            Some(shared) if kind.is_shared() => shared.get(kind, 0).clone(),
            _ => storage(kind),
        };
        let params = dispatch_params(shape, groups);
        let slot = shape.config.streams() * record(shape).max(4 * shape.cells());
        let buffers = Buffers {
            open: open.clone(),
            storage: Buffer::ALL.into_iter().map(shared_or_new).collect(),
            second: shared.map_or_else(|| FORWARD_WEIGHTS.map(storage).to_vec(), |shared| shared.second.clone()),
            model: create("model", size_of::<ModelUniform>() as u64, wgpu::BufferUsages::UNIFORM),
            params: create("params", params.len() as u64, wgpu::BufferUsages::UNIFORM),
            scratch: create("scratch", slot as u64, wgpu::BufferUsages::COPY_SRC),
        };
        open.check()?;
        open.queue.write_buffer(&buffers.params, 0, &params);
        Ok(buffers)
    }

    /// A storage buffer; of forward weights that of set 0 or 1.
    pub fn get(&self, kind: Buffer, set: usize) -> &wgpu::Buffer {
        match FORWARD_WEIGHTS.iter().position(|&weights| weights == kind) {
            Some(index) if set == 1 => &self.second[index],
            _ => &self.storage[kind as usize],
        }
    }

    /// Writes words from index `first` on, before anything that is submitted later.
    pub fn write<T: bytemuck::NoUninit>(&self, kind: Buffer, set: usize, first: usize, words: &[T]) {
        self.open.queue.write_buffer(self.get(kind, set), 4 * first as u64, bytemuck::cast_slice(words));
    }

    /// Writes the uniform `model`, before anything that is submitted later.
    pub fn write_model(&self, model: &ModelUniform) {
        self.open.queue.write_buffer(&self.model, 0, bytemuck::bytes_of(model));
    }

    /// Sets whole buffers to zero.
    pub fn clear(&self, kinds: &[Buffer]) {
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        kinds.iter().for_each(|&kind| encoder.clear_buffer(self.get(kind, 0), 0, None));
        self.open.queue.submit([encoder.finish()]);
    }

    /// Copies bytes to a buffer's start by way of another buffer: WebGPU cannot copy within one.
    pub fn copy_to_start(&self, encoder: &mut wgpu::CommandEncoder, kind: Buffer, bytes: Range<usize>) {
        let (buffer, len) = (self.get(kind, 0), bytes.len() as u64);
        encoder.copy_buffer_to_buffer(buffer, bytes.start as u64, &self.scratch, 0, len);
        encoder.copy_buffer_to_buffer(&self.scratch, 0, buffer, 0, len);
    }

    /// Reads a whole buffer.
    pub async fn download(&self, kind: Buffer, set: usize) -> Result<Vec<u32>, EngineError> {
        let buffer = self.get(kind, set);
        let mut read_back = ReadBack::new(&self.open.device, buffer.size());
        let encoder = self.open.device.create_command_encoder(&Default::default());
        read_back.begin(&self.open, encoder, buffer, 0..buffer.size());
        let mut words = vec![0; buffer.size() as usize / 4];
        read_back.finish(&self.open, &mut words).await?;
        Ok(words)
    }
}
