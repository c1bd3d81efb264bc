//! Kernel `weight_update`: gradient of one matrix, Adam, requantisation.

use super::adam_row::adam_row;
use super::lstm_forward::gather_inputs;
use super::simd::{GROUP, TileSums, multiply_panel, vectorized};
use super::state::{PackedMatrix, PackedTile, Shape, Stream};
use crate::model::layout::TILE;
use crate::numerics::fixed::{BIAS_LIMIT, MASTER_FRACTION};
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;
use crate::numerics::wide::AdamStep;
use rayon::prelude::*;

/// Updates masters and moments of matrix `index` (its part of the flat lists)
/// and its packed forward weights from a segment of `steps` steps.
#[allow(clippy::too_many_arguments)]
pub fn weight_update(
    shape: &Shape,
    index: usize,
    steps: usize,
    step: &AdamStep,
    streams: &[Stream],
    master: &mut [i32],
    moments: &mut [u32],
    packed: &mut PackedMatrix,
) {
    let tables = &*TABLES;
    let matrix = &shape.layout.matrices[index];
    let samples = (streams.len() * steps).next_multiple_of(2);
    let inputs = inputs_by_sample(shape, index, steps, streams, samples);
    let tile_len = matrix.tile_len();
    let tiles = master.par_chunks_mut(tile_len).zip(moments.par_chunks_mut(tile_len));
    let packed = packed
        .by_input
        .par_chunks_mut(matrix.inputs * TILE)
        .zip(packed.by_row.par_chunks_mut(matrix.inputs * TILE))
        .zip(packed.biases.par_chunks_mut(TILE));
    tiles.zip(packed).enumerate().for_each(|(tile, ((master, moments), ((by_input, by_row), biases)))| {
        let errors = errors_by_sample(shape, index, tile, steps, streams, samples);
        let limit = shape.config.weight_limit() << (MASTER_FRACTION - shape.config.weight_fraction());
        let rows = GROUP * TILE;
        let blocks = master.chunks_mut(rows).zip(moments.chunks_mut(rows)).zip(inputs.chunks(GROUP * samples));
        for (block, ((master, moments), inputs)) in blocks.enumerate() {
            let inputs: Vec<&[i16]> = inputs.chunks_exact(samples).collect();
            let mut gradients: TileSums = [[0; TILE]; GROUP];
            multiply_panel(&inputs, &errors, &mut gradients);
            let rows = master.chunks_exact_mut(TILE).zip(moments.chunks_exact_mut(TILE)).zip(&gradients);
            for (row, ((master, moments), gradients)) in rows.enumerate() {
                let limit = if block * GROUP + row == matrix.inputs { BIAS_LIMIT } else { limit };
                adam_row(tables, step, step.weight_floor, limit, gradients, master, moments);
            }
        }
        let mut packed = PackedTile { by_input, by_row, biases };
        vectorized(
            #[inline(always)]
            || packed.requantize(&shape.config, master),
        );
    });
}

/// `[inputs + 1][samples]`: what each weight was multiplied with; the last row
/// is the biases' constant input.
fn inputs_by_sample(shape: &Shape, index: usize, steps: usize, streams: &[Stream], samples: usize) -> Vec<i16> {
    let inputs = shape.layout.matrices[index].inputs;
    let mut by_sample = vec![0i16; (inputs + 1) * samples];
    let mut sample = 0;
    for stream in streams {
        for step in 0..steps {
            for (i, value) in gather_inputs(shape, index, step, stream).into_iter().enumerate() {
                by_sample[i * samples + sample] = value;
            }
            by_sample[inputs * samples + sample] = shape.config.activation_limit() as i16;
            sample += 1;
        }
    }
    by_sample
}

/// `[samples / 2][64][2]`: the errors of one tile of rows.
fn errors_by_sample(
    shape: &Shape,
    index: usize,
    tile: usize,
    steps: usize,
    streams: &[Stream],
    samples: usize,
) -> Vec<i16> {
    let output = index == shape.config.layers();
    let mut by_sample = vec![0i16; samples * TILE];
    let mut sample = 0;
    for stream in streams {
        for step in 0..steps {
            let errors = if output {
                &stream.output_errors[step * SYMBOLS + tile * TILE..][..TILE]
            } else {
                let layer = step * shape.gates() + index * 4 * shape.config.units();
                &stream.gate_errors[layer + tile * TILE..][..TILE]
            };
            let pair = &mut by_sample[sample / 2 * 2 * TILE..][..2 * TILE];
            for (n, &error) in errors.iter().enumerate() {
                pair[2 * n + sample % 2] = error;
            }
            sample += 1;
        }
    }
    by_sample
}
