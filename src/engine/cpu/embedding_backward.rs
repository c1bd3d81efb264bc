//! Kernel `embedding_backward`: errors of the embedded symbols, from all layers.

use super::simd::{GROUP, multiply_rows};
use super::state::{Shape, Stream, Weights};
use super::tiles::parts;
use crate::model::layout::CELLS;
use crate::numerics::fixed::{STATE_ERROR_LIMIT, bounded, round_shift};

/// A configuration has no more.
const MAX_LAYERS: usize = 8;

/// Writes the errors of the embedding at `step` for up to four streams.
pub fn embedding_backward(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let (width, rows) = (config.embedding(), 4 * config.units());
    for first in (0..width).step_by(CELLS) {
        let mut sums = [[0; CELLS]; GROUP];
        let term = |layer: usize| {
            let errors = step * shape.gates() + layer * rows;
            weights.matrices[layer].rows(first, parts(streams, |s| &s.gate_errors[errors..][..rows]))
        };
        let mut terms = [term(0); MAX_LAYERS];
        (1..config.layers()).for_each(|layer| terms[layer] = term(layer));
        multiply_rows(streams.len(), &terms[..config.layers()], &mut sums);
        for (stream, sums) in streams.iter_mut().zip(&sums) {
            let errors = &mut stream.embedding_errors[step * width + first..][..CELLS];
            for (error, &sum) in errors.iter_mut().zip(sums) {
                *error = bounded(round_shift(sum, config.weight_fraction()), STATE_ERROR_LIMIT);
            }
        }
    }
}
