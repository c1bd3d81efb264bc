//! Kernel `embedding_backward`: errors of the embedded symbols, from the gate errors of all layers.

use rayon::prelude::*;

use super::TASK;
use super::stream::Stream;
use super::weights::Weights;
use crate::model::Shape;
use crate::model::layout::CELLS;
use crate::numerics::fixed::{STATE_ERROR_LIMIT, WEIGHT_FRACTION, bounded, round_shift};
use crate::simd::{Aligned, GROUP, multiply_rows};

/// The most layers of a legal model.
const MAX_LAYERS: usize = 8;

/// Writes the errors of the embedding at each of `steps` steps, four of them at a time.
pub fn embedding_backward(shape: &Shape, weights: &Weights, steps: usize, stream: &mut Stream) {
    let config = &shape.config;
    let (width, rows) = (config.embedding(), 4 * config.units());
    let Stream { gate_errors, embedding_errors, .. } = stream;
    let products = GROUP * width * rows * config.layers();
    let groups = embedding_errors[..steps * width].par_chunks_mut(GROUP * width).with_min_len(TASK.div_ceil(products));
    groups.enumerate().for_each(|(group, errors)| {
        let count = errors.len() / width;
        for first in (0..width).step_by(CELLS) {
            let mut sums = Aligned([[0; CELLS]; GROUP]);
            let term = |layer: usize| {
                let step = |m: usize| (group * GROUP + m.min(count - 1)) * shape.gates() + layer * rows;
                weights.matrices[layer].rows(first, std::array::from_fn(|m| &gate_errors[step(m)..][..rows]))
            };
            let mut terms = [term(0); MAX_LAYERS];
            (1..config.layers()).for_each(|layer| terms[layer] = term(layer));
            multiply_rows(count, &terms[..config.layers()], &mut sums);
            for (errors, sums) in errors.chunks_exact_mut(width).zip(sums.iter()) {
                for (error, &sum) in errors[first..].iter_mut().zip(sums) {
                    *error = bounded(round_shift(sum, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
                }
            }
        }
    });
}
