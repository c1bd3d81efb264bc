//! Kernel `embedding_backward`: errors of the embedded symbols, from all layers.

use super::simd::{GROUP, multiply_rows};
use super::state::{Shape, Stream, Weights};
use super::tiles::parts;
use crate::model::layout::CELLS;
use crate::numerics::fixed::{STATE_ERROR_LIMIT, bounded, round_shift};

/// Writes the errors of the embedding at `step` for up to four streams.
pub fn embedding_backward(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let (width, rows) = (config.embedding(), 4 * config.units());
    for first in (0..width).step_by(CELLS) {
        let mut sums = [[0; CELLS]; GROUP];
        for layer in 0..config.layers() {
            let errors = step * shape.gates() + layer * rows;
            let errors = parts(streams, |s| &s.gate_errors[errors..][..rows]);
            let inputs = shape.layout.matrices[layer].inputs;
            let by_row = &weights.matrices[layer].by_row;
            multiply_rows(&errors[..streams.len()], by_row, inputs, first, &mut sums[..streams.len()]);
        }
        for (stream, sums) in streams.iter_mut().zip(&sums) {
            let errors = &mut stream.embedding_errors[step * width + first..][..CELLS];
            for (error, &sum) in errors.iter_mut().zip(sums) {
                *error = bounded(round_shift(sum, config.weight_fraction()), STATE_ERROR_LIMIT);
            }
        }
    }
}
