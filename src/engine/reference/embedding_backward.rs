//! Definition of `embedding_backward`: errors of the embedded symbols, from the gate errors of all layers.

use super::backward_sums::error_value;
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::numerics::fixed::{STATE_ERROR_LIMIT, WEIGHT_FRACTION, bounded, round_shift};

/// Writes the errors of the embedding (`embedding_errors`, `[steps][embedding]`) at each of `steps`
/// steps of a stream: sums of weights (`[4 units][inputs]`, Q6) times gate errors
/// (`[steps][layers][4 units]`), modulo 2^32.
pub fn embedding_backward(shape: &Shape, weights: &Weights, steps: usize, stream: &mut Stream) {
    let width = shape.config.embedding();
    for step in 0..steps {
        for j in 0..width {
            let mut sum = 0i32;
            for layer in 0..shape.config.layers() {
                for row in 0..4 * shape.config.units() {
                    // The embedding is the first of each layer's inputs.
                    let weight = weights.matrices[layer].weight(row, j);
                    sum = sum.wrapping_add(weight * error_value(shape, layer, stream, step, row));
                }
            }
            stream.embedding_errors[step * width + j] = bounded(round_shift(sum, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
        }
    }
}
