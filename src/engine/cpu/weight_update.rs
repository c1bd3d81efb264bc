//! Kernel `weight_update`: gradients of all matrices, Adam, requantisation.

use super::adam_row::adam_row;
use super::crew::{Board, in_phases};
use super::samples::Samples;
use super::state::{PackedMatrix, PackedTile, Stream};
use crate::model::Shape;
use crate::model::layout::TILE;
use crate::numerics::fixed::{BIAS_LIMIT, WEIGHT_LIMIT};
use crate::numerics::wide::AdamStep;
use crate::simd::aligned::Aligned;
use crate::simd::{GROUP, NO_SUMS, multiply_samples, vectorized};

/// What all parts have in common.
struct Update<'a> {
    shape: &'a Shape,
    steps: usize,
    adam: &'a AdamStep,
    streams: &'a [Stream],
    samples: &'a Samples,
}

/// Some inputs of a tile; its biases count as one more input, the last one.
struct Part<'a> {
    matrix: usize,
    tile: usize,
    first: usize,
    /// `[inputs][64]`
    master: &'a mut [i32],
    /// `[inputs][64]`
    moments: &'a mut [u32],
    packed: PackedTile<'a>,
}

/// Updates masters and moments of all matrices, which lie side by side, and their packed
/// forward weights from a segment of `steps` steps, whose `samples` were gathered from `streams`.
#[allow(clippy::too_many_arguments)]
pub fn weight_update(
    shape: &Shape,
    steps: usize,
    adam: &AdamStep,
    streams: &[Stream],
    samples: &Samples,
    mut master: &mut [i32],
    mut moments: &mut [u32],
    weights: &mut [PackedMatrix],
) {
    let all: usize = shape.layout.matrices.iter().map(|matrix| matrix.rows / TILE * matrix.inputs).sum();
    let most = inputs_of_part(all);
    let mut parts = Vec::new();
    for ((index, matrix), packed) in shape.layout.matrices.iter().enumerate().zip(weights) {
        let run = matrix.inputs.div_ceil(matrix.inputs.div_ceil(most)).next_multiple_of(GROUP);
        for (tile, mut packed) in packed.tiles(matrix.inputs).into_iter().enumerate() {
            for first in (0..matrix.inputs).step_by(run) {
                let end = if first + run < matrix.inputs { first + run } else { matrix.inputs + 1 };
                let len = (end - first) * TILE;
                let (own, rest) = packed.split_at(run.min(matrix.inputs - first));
                packed = rest;
                parts.push(Part {
                    matrix: index,
                    tile,
                    first,
                    master: master.split_off_mut(..len).expect("masters of all matrices"),
                    moments: moments.split_off_mut(..len).expect("moments of all matrices"),
                    packed: own,
                });
            }
        }
    }
    let update = Update { shape, steps, adam, streams, samples };
    in_phases(1, parts.into(), &Board::new(0), |_, part| update.apply(part));
}

/// Most inputs of a part, of so many of all tiles: a thread gets some parts, as others may come late.
fn inputs_of_part(all: usize) -> usize {
    /// Fewer would have the errors gathered too often.
    const LEAST: usize = 64;
    const PARTS: usize = 4;
    match rayon::current_num_threads() {
        1 => all,
        threads => (all / (PARTS * threads)).max(LEAST),
    }
}

impl Update<'_> {
    fn apply(&self, part: &mut Part) {
        let Update { shape, adam, samples, .. } = self;
        let biases = shape.layout.matrices[part.matrix].inputs;
        let mut errors = Aligned::zeros(samples.count * TILE);
        samples.errors(shape, part.matrix, part.tile, self.steps, self.streams, &mut errors);
        let rows = GROUP * TILE;
        // A few inputs at a time: from gradient to forward weights they stay in the nearest cache.
        for (block, (master, moments)) in part.master.chunks_mut(rows).zip(part.moments.chunks_mut(rows)).enumerate() {
            let first = part.first + block * GROUP;
            let count = master.len() / TILE;
            let mut gradients = NO_SUMS;
            let inputs: [&[i16]; GROUP] = std::array::from_fn(|i| samples.input(shape, part.matrix, first + i));
            multiply_samples(&inputs[..count], &errors, &mut gradients);
            let limit = if first == biases { BIAS_LIMIT } else { WEIGHT_LIMIT };
            let gradients = &gradients.as_flattened()[..count * TILE];
            adam_row(adam, adam.weight_floor, limit, gradients, master, moments);
            let packed = &mut part.packed;
            vectorized(
                #[inline(always)]
                || packed.requantize(block * GROUP, master),
            );
        }
    }
}
