//! What learns: masters, moments, and the forward weights and records of a segment.

use std::sync::Arc;

use super::samples::Samples;
use super::state::{Shape, Stream, Weights};
use super::{each_gang, each_group, embedding_backward, embedding_update, lstm_backward, output_error, weight_update};
use crate::numerics::wide::AdamStep;

/// Everything that learning from a segment reads and writes.
pub struct Learner {
    /// The model's shape.
    pub shape: Arc<Shape>,
    /// Master weights, Q24.
    pub master: Vec<i32>,
    /// Second moments, packed wide numbers.
    pub moments: Vec<u32>,
    /// What the segment was predicted with; after learning, what the next but one is.
    pub weights: Weights,
    /// Records of the segment.
    pub streams: Vec<Stream>,
    /// The segment's activations, transposed.
    pub samples: Samples,
}

impl Learner {
    /// Goes backward over a segment of `steps` steps, then updates every weight.
    pub fn learn(&mut self, steps: usize, adam: &AdamStep) {
        let Learner { shape, master, moments, weights, streams, samples } = self;
        let shape = &**shape;
        each_gang(weights, streams, |gang| {
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
        samples.gather(shape, steps, streams);
        let (mut master, mut moments) = (&mut master[..], &mut moments[..]);
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
    }
}
