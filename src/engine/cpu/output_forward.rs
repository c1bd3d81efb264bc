//! Kernel `output_forward`: logits from the hidden states of all layers, and their softmax.

use std::ops::Range;

use rayon::prelude::*;
use smallvec::SmallVec;

use super::TASK;
use super::stream::Stream;
use super::weights::Weights;
use crate::model::Shape;
use crate::model::layout::TILE;
use crate::numerics::softmax::{SYMBOLS, exp2_between, exp2_index, exponent};
use crate::numerics::tables::TABLES;
use crate::simd::{Aligned, GROUP, NO_SUMS, excess, look_up, multiply_inputs, vectorized};

/// The hidden states of one step of one stream, and the place for its softmax weights.
struct Sample<'a> {
    hidden: &'a [i8],
    weights: &'a mut [u32; SYMBOLS],
}

/// Writes the softmax weights of `steps` for all `streams`. No step depends on another, so each
/// weight is loaded once for four samples.
pub fn output_forward(shape: &Shape, weights: &Weights, steps: Range<usize>, streams: &mut [Stream]) {
    let activations = shape.layout.activations;
    let samples = streams.iter_mut().flat_map(|stream| {
        let records = stream.weights[steps.start * SYMBOLS..steps.end * SYMBOLS].as_chunks_mut().0.iter_mut();
        let hidden = stream.activations[(steps.start + 1) * activations..].chunks_exact(activations);
        hidden.zip(records).map(|(record, weights)| Sample { hidden: &record[shape.layout.hidden(0)..], weights })
    });
    let products = GROUP * shape.layout.matrices[shape.config.layers()].len();
    let mut samples: SmallVec<[Sample; GROUP]> = samples.collect();
    samples
        .par_chunks_mut(GROUP)
        .with_min_len(TASK.div_ceil(products))
        .for_each(|group| forward(shape, weights, group));
}

/// Writes the softmax weights of up to four samples.
fn forward(shape: &Shape, weights: &Weights, samples: &mut [Sample]) {
    let config = &shape.config;
    let matrix = &shape.layout.matrices[config.layers()];
    let packed = &weights.matrices[config.layers()];
    let mut logits = Aligned([[0; SYMBOLS]; GROUP]);
    let inputs: [&[i8]; GROUP] = std::array::from_fn(|m| samples.get(m).map_or(&[][..], |sample| sample.hidden));
    let inputs = &inputs[..samples.len()];
    let mut excesses = [0; GROUP];
    excesses.iter_mut().zip(inputs).for_each(|(sum, x)| *sum = excess(x));
    for tile in 0..SYMBOLS / TILE {
        let mut sums = NO_SUMS;
        let biases = &packed.biases[tile * TILE..][..TILE];
        for (sums, excess) in sums.iter_mut().zip(excesses) {
            sums.iter_mut().zip(biases).for_each(|(sum, &bias)| *sum = bias - excess);
        }
        let panel = &packed.by_input[tile * matrix.inputs * TILE..][..matrix.inputs * TILE];
        multiply_inputs(inputs, panel, &mut sums);
        for (logits, sums) in logits.iter_mut().zip(sums.iter()) {
            logits[tile * TILE..][..TILE].copy_from_slice(sums);
        }
    }
    for (sample, logits) in samples.iter_mut().zip(logits.iter()) {
        vectorized(
            #[inline(always)]
            || softmax(logits, sample.weights),
        );
    }
}

/// Like [`crate::numerics::softmax::softmax_weights`], with the table look-ups between two loops:
/// see `adam_row`.
#[inline(always)]
fn softmax(logits: &[i32; SYMBOLS], weights: &mut [u32; SYMBOLS]) {
    let largest = logits.iter().copied().max().unwrap_or(0);
    let mut exponents = Aligned([0; SYMBOLS]);
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
    fn softmax_equals_that_of_numerics() {
        for (seed, limit) in [(1, 0), (2, 1 << 13), (3, 1 << 18), (4, 1 << 29)] {
            let logits = std::array::from_fn(|n| random_within(seed, n as u64, limit));
            let (mut weights, mut expected) = ([0; SYMBOLS], [0; SYMBOLS]);
            softmax(&logits, &mut weights);
            softmax_weights(&TABLES, &logits, &mut expected);
            assert_eq!(weights, expected);
        }
    }
}
