//! Kernel `weight_update`: gradient of one matrix, Adam, requantisation.

use super::adam_row::adam_row;
use super::aligned::Aligned;
use super::crew::in_phases;
use super::samples::Samples;
use super::simd::{GROUP, TileSums, multiply_samples, vectorized};
use super::state::{PackedMatrix, PackedTile, Shape, Stream};
use crate::model::layout::TILE;
use crate::numerics::fixed::{BIAS_LIMIT, WEIGHT_LIMIT};
use crate::numerics::wide::AdamStep;

/// Updates masters and moments of matrix `index` (its part of the flat lists)
/// and its packed forward weights from a segment of `steps` steps, whose
/// `samples` were gathered from `streams`.
#[allow(clippy::too_many_arguments)]
pub fn weight_update(
    shape: &Shape,
    index: usize,
    steps: usize,
    step: &AdamStep,
    streams: &[Stream],
    samples: &Samples,
    master: &mut [i32],
    moments: &mut [u32],
    packed: &mut PackedMatrix,
) {
    let matrix = &shape.layout.matrices[index];
    let tile_len = matrix.tile_len();
    let update = |tile: usize, master: &mut [i32], moments: &mut [u32], packed: &mut PackedTile| {
        let mut errors = Aligned::zeros(samples.count * TILE);
        samples.errors(shape, index, tile, steps, streams, &mut errors);
        let rows = GROUP * TILE;
        // A few inputs at a time: from gradient to forward weights they stay in the nearest cache.
        for (block, (master, moments)) in master.chunks_mut(rows).zip(moments.chunks_mut(rows)).enumerate() {
            let first = block * GROUP;
            let count = master.len() / TILE;
            let mut gradients: TileSums = [[0; TILE]; GROUP];
            let inputs: [&[i16]; GROUP] = std::array::from_fn(|i| samples.input(shape, index, first + i));
            multiply_samples(&inputs[..count], &errors, &mut gradients);
            let limit = if first == matrix.inputs { BIAS_LIMIT } else { WEIGHT_LIMIT };
            let gradients = &gradients.as_flattened()[..count * TILE];
            adam_row(step, step.weight_floor, limit, gradients, master, moments);
            vectorized(
                #[inline(always)]
                || packed.requantize(first, master),
            );
        }
    };
    let tiles = master.chunks_mut(tile_len).zip(moments.chunks_mut(tile_len)).zip(packed.tiles(matrix.inputs));
    in_phases(1, tiles.enumerate().collect(), |_, (tile, ((master, moments), packed))| {
        update(*tile, master, moments, packed);
    });
}
