//! Kernel `weight_update`: gradients of all matrices, Adam, rounding to forward weights.

use super::adam_row::adam_row;
use super::board::Board;
use super::phases::in_phases;
use super::stream::Stream;
use super::transposed::Samples;
use super::weights::{PackedMatrix, PackedTile};
use crate::model::Shape;
use crate::model::layout::TILE;
use crate::numerics::fixed::{BIAS_LIMIT, WEIGHT_LIMIT};
use crate::numerics::wide::AdamStep;
use crate::simd::{AlignedBuffer, GROUP, NO_SUMS, multiply_samples, vectorized};

/// The values that all tasks share.
struct Update<'a> {
    shape: &'a Shape,
    steps: usize,
    adam: &'a AdamStep,
    streams: &'a [Stream],
    samples: &'a Samples,
}

/// Consecutive inputs of a tile; the biases count as one more input, the last one.
struct UpdateTask<'a> {
    matrix: usize,
    tile: usize,
    first: usize,
    /// `[inputs][64]`
    master: &'a mut [i32],
    /// `[inputs][64]`
    moments: &'a mut [u32],
    packed: PackedTile<'a>,
}

/// Updates master weights (Q24) and second moments of all matrices, one matrix after the other,
/// and the packed forward weights, from a segment of `steps` steps whose `samples` were gathered
/// from `streams`.
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
    let most = inputs_of_task(all);
    let mut tasks = Vec::new();
    for ((index, matrix), packed) in shape.layout.matrices.iter().enumerate().zip(weights) {
        let run = matrix.inputs.div_ceil(matrix.inputs.div_ceil(most)).next_multiple_of(GROUP);
        for (tile, mut packed) in packed.tiles(matrix.inputs).into_iter().enumerate() {
            for first in (0..matrix.inputs).step_by(run) {
                let end = if first + run < matrix.inputs { first + run } else { matrix.inputs + 1 };
                let len = (end - first) * TILE;
                let (own, rest) = packed.split_at(run.min(matrix.inputs - first));
                packed = rest;
                tasks.push(UpdateTask {
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
    in_phases(1, tasks.into(), &Board::default(), |_, task| update.apply(task));
}

/// The most inputs of a task, of `all` inputs of all tiles. There are several tasks for each
/// thread, because some threads may start late.
fn inputs_of_task(all: usize) -> usize {
    /// With fewer inputs, the errors would be gathered too often.
    const LEAST: usize = 64;
    const TASKS: usize = 4;
    match rayon::current_num_threads() {
        1 => all,
        threads => (all / (TASKS * threads)).max(LEAST),
    }
}

impl Update<'_> {
    fn apply(&self, task: &mut UpdateTask) {
        let Update { shape, adam, samples, .. } = self;
        let biases = shape.layout.matrices[task.matrix].inputs;
        let mut errors = AlignedBuffer::zeros(samples.count * TILE);
        samples.errors(shape, task.matrix, task.tile, self.steps, self.streams, &mut errors);
        let rows = GROUP * TILE;
        // A few inputs at a time, so that they stay in the first-level cache from gradient to rounding.
        for (block, (master, moments)) in task.master.chunks_mut(rows).zip(task.moments.chunks_mut(rows)).enumerate() {
            let first = task.first + block * GROUP;
            let count = master.len() / TILE;
            let mut gradients = NO_SUMS;
            let inputs: [&[i16]; GROUP] = std::array::from_fn(|i| samples.input(shape, task.matrix, first + i));
            multiply_samples(&inputs[..count], &errors, &mut gradients);
            let limit = if first == biases { BIAS_LIMIT } else { WEIGHT_LIMIT };
            let gradients = &gradients.as_flattened()[..count * TILE];
            adam_row(adam, adam.weight_floor, limit, gradients, master, moments);
            let packed = &mut task.packed;
            vectorized(
                #[inline(always)]
                || packed.requantize(block * GROUP, master),
            );
        }
    }
}
