//! The CPU engine: integer loops in vectors, split over layers, streams and tiles.
//!
//! One file or folder for each kernel, with the kernel's name. The definitions of the kernels in
//! plain loops are in `src/engine/reference/`, the shaders in `shaders/`.
//!
//! | the rest | contents |
//! |---|---|
//! | `weights.rs`, `stream.rs`, `transposed.rs` | what the kernels work on |
//! | `training.rs`, `background.rs` | training, on another thread while the next segment is coded |
//! | `partition.rs` | how a pass through layers is split into tasks |
//! | `phases.rs`, `board.rs` | tasks of many short phases, and the words that they write for one another |
//! | `exchange.rs`, `columns.rs` | rows on the board, and columns of a record for each task |
//! | `adam_row.rs` | Adam, vectorised |
//!
//! An update comes a segment late, by the rule of the format: so one thread can train on a segment
//! while others predict and code the next one.

pub mod adam_row;
mod background;
mod board;
mod columns;
pub mod embed;
pub mod embedding_backward;
pub mod embedding_update;
mod exchange;
pub mod lstm_backward;
pub mod lstm_forward;
pub mod output_error;
pub mod output_forward;
mod partition;
mod phases;
pub mod stream;
mod training;
pub mod transposed;
pub mod weight_update;
pub mod weights;

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Replay, StreamStates};
use crate::model::layout::{CELLS, TILE};
use crate::model::{ModelConfig, Parameters, Shape};
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::AdamStep;
use crate::simd::{GROUP, TILE_INPUTS, TILE_ROWS};
use background::BackgroundTraining;
use stream::Stream;
use training::TrainingState;
use weights::Weights;

// The vector code multiplies tiles of the size in which the parameters are stored.
const _: () = assert!(TILE == TILE_ROWS && CELLS == TILE_INPUTS);

/// The number of multiplications that are worth a task of the thread pool: about a microsecond.
const TASK: usize = 1 << 18;

/// The model in main memory.
pub struct CpuEngine {
    shape: Arc<Shape>,
    /// The weights that predict the current segment.
    weights: Weights,
    /// Records of the current segment.
    streams: Vec<Stream>,
    /// Trains on the segment before.
    training: BackgroundTraining,
}

impl CpuEngine {
    /// A model with the given parameters, and streams at zero.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Self {
        let state = TrainingState::new(config, parameters);
        let (shape, streams) = (state.segment.shape.clone(), state.segment.streams.clone());
        CpuEngine { shape, weights: state.weights.clone(), streams, training: BackgroundTraining::idle(state) }
    }

    /// See [`super::Engine::start_block`].
    pub fn start_block(&mut self) {
        let training = self.training.wait();
        training.weights = Weights::pack(&self.shape, &training.master);
        self.weights = training.weights.clone();
        self.streams.iter_mut().for_each(|stream| stream.reset(&self.shape));
    }

    /// See [`super::Engine::begin_step`]; all streams are one group.
    pub fn begin_step(&mut self, step: usize, previous: &[u8]) {
        for (stream, &symbol) in self.streams.iter_mut().zip(previous) {
            stream.previous[step] = symbol;
        }
        forward(&self.shape, &self.weights, &mut self.streams, step..step + 1);
    }

    /// See [`super::Engine::finish_step`].
    pub fn finish_step(&self, step: usize, weights: &mut [u32]) {
        self.copy_weights(step, weights);
    }

    /// See [`super::Engine::begin_segment`].
    pub fn begin_segment(&mut self, previous: &[u8]) {
        let count = self.streams.len();
        set_symbols(&mut self.streams, previous, |stream| &mut stream.previous);
        forward(&self.shape, &self.weights, &mut self.streams, 0..previous.len() / count);
    }

    /// See [`super::Engine::finish_segment`].
    pub fn finish_segment(&self, weights: &mut [u32]) {
        for (step, weights) in weights.chunks_exact_mut(self.streams.len() * SYMBOLS).enumerate() {
            self.copy_weights(step, weights);
        }
    }

    fn copy_weights(&self, step: usize, weights: &mut [u32]) {
        for (stream, weights) in self.streams.iter().zip(weights.chunks_exact_mut(SYMBOLS)) {
            weights.copy_from_slice(&stream.weights[step * SYMBOLS..][..SYMBOLS]);
        }
    }

    /// See [`super::Engine::train`].
    pub fn train(&mut self, targets: &[u16], adam: AdamStep, replay: Option<(&Replay, AdamStep)>) {
        let steps = targets.len() / self.streams.len();
        set_symbols(&mut self.streams, targets, |stream| &mut stream.targets);
        let training = self.training.wait();
        for (next, stream) in training.segment.streams.iter_mut().zip(&self.streams) {
            next.carry(&self.shape, stream, steps);
        }
        std::mem::swap(&mut self.weights, &mut training.weights);
        std::mem::swap(&mut self.streams, &mut training.segment.streams);
        let replay = replay.map(|(windows, adam)| (windows.clone(), adam));
        self.training.start(move |training| {
            training.train_segment(steps, &adam);
            if let Some((windows, adam)) = replay {
                training.train_replay(&windows, &adam);
            }
        });
    }

    /// Returns the master weights and second moments.
    pub fn parameters(&mut self) -> (Vec<i32>, Vec<u32>) {
        let training = self.training.wait();
        (training.master.to_vec(), training.moments.to_vec())
    }

    /// See [`super::Engine::load`].
    pub fn load(&mut self, parameters: &Parameters) {
        let training = self.training.wait();
        training.master.copy_from_slice(&parameters.master);
        training.moments.copy_from_slice(&parameters.moments);
        self.start_block();
    }

    /// Returns master weights that round to the current forward weights, see [`Weights::unpack`].
    pub fn forward_weights(&self) -> Vec<i32> {
        self.weights.unpack(&self.shape)
    }

    /// Replaces the forward weights by rounded `masters`.
    pub fn set_forward_weights(&mut self, masters: &[i32]) {
        self.weights = Weights::pack(&self.shape, masters);
    }

    /// Returns the state of the streams after a segment. Predicting the next segment does not change it.
    pub fn streams(&self) -> StreamStates {
        let (hidden, cells) = (self.hidden(), self.shape.cells());
        StreamStates {
            hidden: self.streams.iter().flat_map(|s| &s.activations[hidden.clone()]).copied().collect(),
            cells: self.streams.iter().flat_map(|s| &s.cells[..cells]).copied().collect(),
        }
    }

    /// Replaces the state of the streams.
    pub fn set_streams(&mut self, states: &StreamStates) {
        let (hidden, cells) = (self.hidden(), self.shape.cells());
        let records = states.hidden.chunks_exact(cells).zip(states.cells.chunks_exact(cells));
        for (stream, (record, state)) in self.streams.iter_mut().zip(records) {
            stream.activations[hidden.clone()].copy_from_slice(record);
            stream.cells[..cells].copy_from_slice(state);
        }
    }

    /// The range of the hidden states in a record of activations.
    fn hidden(&self) -> Range<usize> {
        self.shape.layout.hidden(0)..self.shape.layout.activations
    }
}

/// Distributes `[steps][streams]` symbols to the streams.
fn set_symbols<T: Copy>(streams: &mut [Stream], symbols: &[T], list: impl Fn(&mut Stream) -> &mut Vec<T>) {
    for (step, symbols) in symbols.chunks_exact(streams.len()).enumerate() {
        for (stream, &symbol) in streams.iter_mut().zip(symbols) {
            list(stream)[step] = symbol;
        }
    }
}

/// Runs the forward pass at each of `steps`, whose input symbols are set.
fn forward(shape: &Shape, weights: &Weights, streams: &mut [Stream], steps: Range<usize>) {
    steps.clone().for_each(|step| embed::embed(shape, weights, step, streams));
    lstm_forward::lstm_forward(shape, weights, 0..shape.config.layers(), steps.clone(), streams);
    output_forward::output_forward(shape, weights, steps, streams);
}

/// Calls `work` for groups of up to four streams, on all threads.
fn each_group(streams: &mut [Stream], work: impl Fn(&mut [Stream]) + Send + Sync) {
    match streams.len() {
        0..=GROUP => work(streams),
        _ => streams.par_chunks_mut(GROUP).for_each(work),
    }
}
