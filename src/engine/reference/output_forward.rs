//! Definition of `output_forward`: logits from the hidden states of all layers, and their softmax.

use std::ops::Range;

use super::forward_sums::forward_sum;
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::numerics::softmax::{SYMBOLS, softmax_weights};
use crate::numerics::tables::TABLES;

/// Writes the softmax weights (`weights`, `[steps][256]`, Q23 of the largest) of `steps` for all
/// `streams`.
pub fn output_forward(shape: &Shape, weights: &Weights, steps: Range<usize>, streams: &mut [Stream]) {
    let output = shape.config.layers();
    for stream in streams {
        for step in steps.clone() {
            // [256], Q13
            let logits = std::array::from_fn(|symbol| forward_sum(shape, weights, output, stream, step, symbol));
            let mut softmax = [0; SYMBOLS];
            softmax_weights(&TABLES, &logits, &mut softmax);
            stream.weights[step * SYMBOLS..][..SYMBOLS].copy_from_slice(&softmax);
        }
    }
}
