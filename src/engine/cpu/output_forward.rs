//! Kernel `output_forward`: logits from all hidden states, and their softmax.

use super::simd::{GROUP, TileSums, look_up, multiply_panel, vectorized};
use super::state::{Shape, Stream, Weights};
use super::tiles::parts;
use crate::model::layout::TILE;
use crate::numerics::fixed::{PREACTIVATION_FRACTION, round_shift};
use crate::numerics::softmax::{SYMBOLS, exp2_between, exp2_index, exponent};
use crate::numerics::tables::TABLES;

/// Writes the softmax weights of `step` for up to four streams.
pub fn output_forward(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let matrix = &shape.layout.matrices[config.layers()];
    let packed = &weights.matrices[config.layers()];
    let hidden = (step + 1) * shape.layout.activations + config.embedding();
    let mut logits = [[0; SYMBOLS]; GROUP];
    {
        let inputs = parts(streams, |s| &s.activations[hidden..][..matrix.inputs]);
        let inputs = &inputs[..streams.len()];
        for tile in 0..SYMBOLS / TILE {
            let mut sums: TileSums = [[0; TILE]; GROUP];
            for sums in &mut sums {
                sums.copy_from_slice(&packed.biases[tile * TILE..][..TILE]);
            }
            let panel = &packed.by_input[tile * matrix.inputs * TILE..][..matrix.inputs * TILE];
            multiply_panel(inputs, panel, &mut sums);
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
            || softmax(logits, weights),
        );
    }
}

/// [`crate::numerics::softmax::softmax_weights`] with the table look-ups between two loops: see adam_row.
#[inline(always)]
fn softmax(logits: &[i32; SYMBOLS], weights: &mut [u32; SYMBOLS]) {
    let largest = logits.iter().copied().max().unwrap_or(0);
    let mut exponents = [0; SYMBOLS];
    for n in 0..SYMBOLS {
        exponents[n] = exponent(largest.wrapping_sub(logits[n]) as u32);
        weights[n] = exp2_index(exponents[n]) as u32;
    }
    look_up(&TABLES.exp2, weights);
    for n in 0..SYMBOLS {
        weights[n] = exp2_between(weights[n], exponents[n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_within;
    use crate::numerics::softmax::softmax_weights;

    #[test]
    fn softmax_is_that_of_numerics() {
        for (seed, limit) in [(1, 0), (2, 1 << 13), (3, 1 << 18), (4, 1 << 29)] {
            let logits = std::array::from_fn(|n| random_within(seed, n as u64, limit));
            let (mut weights, mut expected) = ([0; SYMBOLS], [0; SYMBOLS]);
            softmax(&logits, &mut weights);
            softmax_weights(&TABLES, &logits, &mut expected);
            assert_eq!(weights, expected);
        }
    }
}
