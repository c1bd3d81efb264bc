//! The CPU engine: plain integer loops, split over layers, streams and tiles.
//!
//! While one segment is predicted and coded, another thread learns from the
//! segment before: so the update comes a segment late, by the format's rule.
//!
//! One file a kernel; each has a WGSL twin of the same name in shaders/.

pub mod adam_row;
pub mod backward_sums;
mod columns;
mod crew;
mod cut;
pub mod embed;
pub mod embedding_backward;
pub mod embedding_update;
mod exchange;
pub mod forward_sums;
mod learner;
mod lesson;
pub mod lstm_backward;
pub mod lstm_forward;
pub mod output_error;
pub mod output_forward;
pub mod samples;
pub mod state;
pub mod weight_update;

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Replay, StreamStates};
use crate::model::Shape;
use crate::model::{ModelConfig, Parameters};
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::AdamStep;
use crate::simd::GROUP;
use learner::Learner;
use lesson::Lesson;
use state::{Stream, Weights};

/// Products that are worth a task of the thread pool: about a microsecond.
const TASK: usize = 1 << 18;

/// The model in main memory.
pub struct CpuEngine {
    shape: Arc<Shape>,
    /// What the present segment is predicted with.
    weights: Weights,
    /// Records of the present segment.
    streams: Vec<Stream>,
    /// What learns from the segment before.
    lesson: Lesson,
}

impl CpuEngine {
    /// A model with the given learnt state and streams at zero.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Self {
        let learner = Learner::new(config, parameters);
        let (shape, streams) = (learner.segment.shape.clone(), learner.segment.streams.clone());
        CpuEngine { shape, weights: learner.weights.clone(), streams, lesson: Lesson::learnt(learner) }
    }

    /// See [`super::Engine::start_block`].
    pub fn start_block(&mut self) {
        let learner = self.lesson.wait();
        learner.weights = Weights::pack(&self.shape, &learner.master);
        self.weights = learner.weights.clone();
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
        let learner = self.lesson.wait();
        for (next, stream) in learner.segment.streams.iter_mut().zip(&self.streams) {
            next.carry(&self.shape, stream, steps);
        }
        std::mem::swap(&mut self.weights, &mut learner.weights);
        std::mem::swap(&mut self.streams, &mut learner.segment.streams);
        let replay = replay.map(|(windows, adam)| (windows.clone(), adam));
        self.lesson.start(move |learner| {
            learner.learn(steps, &adam);
            if let Some((windows, adam)) = replay {
                learner.learn_again(&windows, &adam);
            }
        });
    }

    /// Masters and moments.
    pub fn parameters(&mut self) -> (Vec<i32>, Vec<u32>) {
        let learner = self.lesson.wait();
        (learner.master.to_vec(), learner.moments.to_vec())
    }

    /// See [`super::Engine::load`].
    pub fn load(&mut self, parameters: &Parameters) {
        let learner = self.lesson.wait();
        learner.master.copy_from_slice(&parameters.master);
        learner.moments.copy_from_slice(&parameters.moments);
        self.start_block();
    }

    /// Masters that the present forward weights could come from, see [`Weights::unpack`].
    pub fn forward_weights(&self) -> Vec<i32> {
        self.weights.unpack(&self.shape)
    }

    /// Puts others in their place.
    pub fn set_forward_weights(&mut self, masters: &[i32]) {
        self.weights = Weights::pack(&self.shape, masters);
    }

    /// Where the streams stand after a segment; predicting the next one changes nothing of it.
    pub fn streams(&self) -> StreamStates {
        let (hidden, cells) = (self.hidden(), self.shape.cells());
        StreamStates {
            hidden: self.streams.iter().flat_map(|s| &s.activations[hidden.clone()]).copied().collect(),
            cells: self.streams.iter().flat_map(|s| &s.cells[..cells]).copied().collect(),
        }
    }

    /// Puts the streams there.
    pub fn set_streams(&mut self, states: &StreamStates) {
        let (hidden, cells) = (self.hidden(), self.shape.cells());
        let records = states.hidden.chunks_exact(cells).zip(states.cells.chunks_exact(cells));
        for (stream, (record, state)) in self.streams.iter_mut().zip(records) {
            stream.activations[hidden.clone()].copy_from_slice(record);
            stream.cells[..cells].copy_from_slice(state);
        }
    }

    /// The hidden states in a record of activations.
    fn hidden(&self) -> Range<usize> {
        self.shape.layout.hidden(0)..self.shape.layout.activations
    }
}

/// Spreads `[steps][streams]` symbols over the streams.
fn set_symbols<T: Copy>(streams: &mut [Stream], symbols: &[T], part: impl Fn(&mut Stream) -> &mut Vec<T>) {
    for (step, symbols) in symbols.chunks_exact(streams.len()).enumerate() {
        for (stream, &symbol) in streams.iter_mut().zip(symbols) {
            part(stream)[step] = symbol;
        }
    }
}

/// The model's output at each of `steps`, whose symbols are set.
fn forward(shape: &Shape, weights: &Weights, streams: &mut [Stream], steps: Range<usize>) {
    steps.clone().for_each(|step| embed::embed(shape, weights, step, streams));
    lstm_forward::lstm_forward(shape, weights, 0..shape.config.layers(), steps.clone(), streams);
    output_forward::output_forward(shape, weights, steps, streams);
}

/// Groups of up to four streams, split over threads.
fn each_group(streams: &mut [Stream], work: impl Fn(&mut [Stream]) + Send + Sync) {
    match streams.len() {
        0..=GROUP => work(streams),
        _ => streams.par_chunks_mut(GROUP).for_each(work),
    }
}
