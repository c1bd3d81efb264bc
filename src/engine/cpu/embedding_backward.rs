//! Kernel `embedding_backward`: errors of the embedded symbols, from all layers.

use super::simd::multiply_rows;
use super::state::{Shape, Stream, Weights};
use crate::numerics::fixed::{STATE_ERROR_LIMIT, bounded, round_shift};

/// Writes the errors of the embedding at `step` for up to four streams.
pub fn embedding_backward(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let (width, rows) = (config.embedding(), 4 * config.units());
    let mut sums = vec![0i32; width * streams.len()];
    let mut groups: Vec<&mut [i32]> = sums.chunks_exact_mut(width).collect();
    for layer in 0..config.layers() {
        let errors = step * shape.gates() + layer * rows;
        let errors: Vec<&[i16]> = streams.iter().map(|s| &s.gate_errors[errors..][..rows]).collect();
        let inputs = shape.layout.matrices[layer].inputs;
        multiply_rows(&errors, &weights.matrices[layer].by_row, inputs, 0, &mut groups);
    }
    for (stream, sums) in streams.iter_mut().zip(sums.chunks_exact(width)) {
        let errors = &mut stream.embedding_errors[step * width..][..width];
        for (error, &sum) in errors.iter_mut().zip(sums) {
            *error = bounded(round_shift(sum, config.weight_fraction()), STATE_ERROR_LIMIT);
        }
    }
}
