//! The CPU engine: plain integer loops, split over streams and tiles with rayon.
//!
//! One file a kernel; each has a WGSL twin of the same name in shaders/.

pub mod adam_row;
pub mod aligned;
pub mod backward_sums;
pub mod embed;
pub mod embedding_backward;
pub mod embedding_update;
pub mod forward_sums;
pub mod lstm_backward;
pub mod lstm_forward;
pub mod output_error;
pub mod output_forward;
pub mod samples;
pub(crate) mod simd;
pub mod state;
mod tiles;
pub mod weight_update;

use rayon::prelude::*;

use crate::model::{ModelConfig, Parameters};
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::AdamStep;
use samples::Samples;
use simd::GROUP;
use state::{Shape, Stream, Weights};

/// The model in main memory.
pub struct CpuEngine {
    shape: Shape,
    master: Vec<i32>,
    moments: Vec<u32>,
    weights: Weights,
    streams: Vec<Stream>,
    samples: Samples,
}

impl CpuEngine {
    /// A model with the given learnt state and streams at zero.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Self {
        let shape = Shape::new(config);
        CpuEngine {
            master: parameters.master.clone(),
            moments: parameters.moments.clone(),
            weights: Weights::pack(&shape, &parameters.master),
            streams: vec![Stream::new(&shape); config.streams()],
            samples: Samples::default(),
            shape,
        }
    }

    /// See [`super::Engine::reset_streams`].
    pub fn reset_streams(&mut self) {
        for stream in &mut self.streams {
            stream.activations.fill(0);
            stream.cells.fill(0);
        }
    }

    /// See [`super::Engine::predict`].
    pub fn predict(&mut self, step: usize, previous: &[u8], weights: &mut [u32]) {
        for (stream, &symbol) in self.streams.iter_mut().zip(previous) {
            stream.previous[step] = symbol;
        }
        self.forward(step..step + 1);
        self.copy_weights(step, weights);
    }

    /// See [`super::Engine::begin_segment`].
    pub fn begin_segment(&mut self, previous: &[u8]) {
        let count = self.streams.len();
        for (step, previous) in previous.chunks_exact(count).enumerate() {
            for (stream, &symbol) in self.streams.iter_mut().zip(previous) {
                stream.previous[step] = symbol;
            }
        }
        self.forward(0..previous.len() / count);
    }

    /// See [`super::Engine::finish_segment`].
    pub fn finish_segment(&self, weights: &mut [u32]) {
        for (step, weights) in weights.chunks_exact_mut(self.streams.len() * SYMBOLS).enumerate() {
            self.copy_weights(step, weights);
        }
    }

    fn forward(&mut self, steps: std::ops::Range<usize>) {
        let (shape, weights, gang) = (&self.shape, &self.weights, self.gang());
        self.streams.par_chunks_mut(gang).for_each(|gang| {
            for step in steps.clone() {
                embed::embed(shape, weights, step, gang);
                for layer in 0..shape.config.layers() {
                    lstm_forward::lstm_forward(shape, weights, layer, step, gang);
                }
                each_group(gang, |group| output_forward::output_forward(shape, weights, step, group));
            }
        });
    }

    /// Streams that go through the model together, threads sharing the work of
    /// each layer: all of them, unless there are groups for every thread and
    /// the weights fit a core's own cache. Then threads need not wait for each other.
    fn gang(&self) -> usize {
        const CACHE: usize = 1 << 20;
        let weights: usize = self.weights.matrices.iter().map(|matrix| size_of_val(&matrix.by_input[..])).sum();
        let groups = self.streams.len().div_ceil(GROUP);
        if weights <= CACHE && groups >= rayon::current_num_threads() { GROUP } else { self.streams.len() }
    }

    fn copy_weights(&self, step: usize, weights: &mut [u32]) {
        for (stream, weights) in self.streams.iter().zip(weights.chunks_exact_mut(SYMBOLS)) {
            weights.copy_from_slice(&stream.weights[step * SYMBOLS..][..SYMBOLS]);
        }
    }

    /// See [`super::Engine::train`].
    pub fn train(&mut self, targets: &[u16], adam: &AdamStep) {
        let count = self.streams.len();
        let steps = targets.len() / count;
        for (step, targets) in targets.chunks_exact(count).enumerate() {
            for (stream, &target) in self.streams.iter_mut().zip(targets) {
                stream.targets[step] = target;
            }
        }
        let gang = self.gang();
        let (shape, weights) = (&self.shape, &mut self.weights);
        self.streams.par_chunks_mut(gang).for_each(|gang| {
            each_group(gang, |group| output_error::output_error(shape, steps, group));
            for step in (0..steps).rev() {
                for layer in (0..shape.config.layers()).rev() {
                    lstm_backward::lstm_backward(shape, weights, layer, step, step + 1 == steps, gang);
                }
            }
            each_group(gang, |group| {
                (0..steps).for_each(|step| embedding_backward::embedding_backward(shape, weights, step, group));
            });
        });
        self.samples.gather(shape, steps, &self.streams);
        let (streams, samples) = (&self.streams, &self.samples);
        let (mut master, mut moments) = (&mut self.master[..], &mut self.moments[..]);
        let mut take = |len: usize| {
            let (m, rest) = std::mem::take(&mut master).split_at_mut(len);
            master = rest;
            let (v, rest) = std::mem::take(&mut moments).split_at_mut(len);
            moments = rest;
            (m, v)
        };
        let (m, v) = take(shape.layout.embedding_len);
        embedding_update::embedding_update(shape, steps, adam, streams, m, v, &mut weights.embedding);
        for (index, matrix) in shape.layout.matrices.iter().enumerate() {
            let (m, v) = take(matrix.len());
            let packed = &mut weights.matrices[index];
            weight_update::weight_update(shape, index, steps, adam, streams, samples, m, v, packed);
        }
        self.streams.par_iter_mut().for_each(|stream| stream.carry(shape, steps));
    }

    /// Masters and moments.
    pub fn parameters(&self) -> (Vec<i32>, Vec<u32>) {
        (self.master.clone(), self.moments.clone())
    }

    /// See [`super::Engine::load`].
    pub fn load(&mut self, parameters: &Parameters) {
        self.master.copy_from_slice(&parameters.master);
        self.moments.copy_from_slice(&parameters.moments);
        self.weights = Weights::pack(&self.shape, &parameters.master);
    }
}

/// Groups of up to four streams, split over threads.
fn each_group(streams: &mut [Stream], work: impl Fn(&mut [Stream]) + Send + Sync) {
    match streams.len() {
        0..=GROUP => work(streams),
        _ => streams.par_chunks_mut(GROUP).for_each(work),
    }
}
