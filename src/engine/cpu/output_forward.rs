//! Kernel `output_forward`: logits from all hidden states, and their softmax.

use super::simd::{GROUP, TileSums, multiply_panel, vectorized};
use super::state::{Shape, Stream, Weights};
use crate::model::layout::TILE;
use crate::numerics::fixed::{PREACTIVATION_FRACTION, round_shift};
use crate::numerics::softmax::{SYMBOLS, softmax_weights};
use crate::numerics::tables::TABLES;

/// Writes the softmax weights of `step` for up to four streams.
pub fn output_forward(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let matrix = &shape.layout.matrices[config.layers()];
    let packed = &weights.matrices[config.layers()];
    let hidden = (step + 1) * shape.layout.activations + config.embedding();
    let mut logits = [[0; SYMBOLS]; GROUP];
    {
        let inputs: Vec<&[i16]> = streams.iter().map(|s| &s.activations[hidden..][..matrix.inputs]).collect();
        for tile in 0..SYMBOLS / TILE {
            let mut sums: TileSums = [[0; TILE]; GROUP];
            for sums in &mut sums {
                sums.copy_from_slice(&packed.biases[tile * TILE..][..TILE]);
            }
            let panel = &packed.by_input[tile * matrix.inputs * TILE..][..matrix.inputs * TILE];
            multiply_panel(&inputs, panel, &mut sums);
            let shift = config.product_fraction() - PREACTIVATION_FRACTION;
            for (logits, sums) in logits.iter_mut().zip(&sums) {
                for (logit, &sum) in logits[tile * TILE..].iter_mut().zip(sums) {
                    *logit = round_shift(sum, shift);
                }
            }
        }
    }
    for (stream, logits) in streams.iter_mut().zip(&logits) {
        let weights = &mut stream.weights[step * SYMBOLS..][..SYMBOLS];
        let weights: &mut [u32; SYMBOLS] = weights.try_into().expect("256 weights a step");
        vectorized(
            #[inline(always)]
            || softmax_weights(&TABLES, logits, weights),
        );
    }
}
