//! Kernel `lstm_forward`: one layer, one step (Hochreiter and Schmidhuber 1997, with forget gates).

use super::simd::{GROUP, TileSums, multiply_panel, vectorized};
use super::state::{Shape, Stream, Weights};
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{sigmoid_between, sigmoid_index, tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;

/// Computes gates, cell and hidden state of `layer` at `step` for up to four streams.
pub fn lstm_forward(shape: &Shape, weights: &Weights, layer: usize, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let matrix = &shape.layout.matrices[layer];
    let packed = &weights.matrices[layer];
    let inputs: Vec<Vec<i16>> = streams.iter().map(|s| gather_inputs(shape, layer, step, s)).collect();
    let inputs: Vec<&[i16]> = inputs.iter().map(Vec::as_slice).collect();

    for tile in 0..matrix.rows / TILE {
        let mut sums: TileSums = [[0; TILE]; GROUP];
        for sums in &mut sums[..inputs.len()] {
            sums.copy_from_slice(&packed.biases[tile * TILE..][..TILE]);
        }
        multiply_panel(&inputs, &packed.by_input[tile * matrix.inputs * TILE..][..matrix.inputs * TILE], &mut sums);
        let first_cell = layer * config.units() + tile * CELLS;
        for (stream, sums) in streams.iter_mut().zip(&sums) {
            let gates =
                stream.gates[step * shape.gates() + 4 * first_cell..].first_chunk_mut().expect("a tile of gates");
            let (before, now) = stream.cells.split_at_mut((step + 1) * shape.cells());
            let before = before[step * shape.cells() + first_cell..].first_chunk().expect("a tile of cells");
            let now = now[first_cell..].first_chunk_mut().expect("a tile of cells");
            let hidden = (step + 1) * shape.layout.activations + config.embedding() + first_cell;
            let hidden = stream.activations[hidden..].first_chunk_mut().expect("a tile of hidden states");
            let (shift, fraction) = (config.product_fraction(), config.activation_fraction());
            let limit = config.activation_limit();
            vectorized(
                #[inline(always)]
                || cells_forward(shift, fraction, limit, sums, gates, before, now, hidden),
            );
        }
    }
}

/// The inputs of a layer, side by side.
pub fn gather_inputs(shape: &Shape, layer: usize, step: usize, stream: &Stream) -> Vec<i16> {
    let mut inputs = Vec::with_capacity(shape.layout.matrices[layer].inputs);
    for run in shape.layout.input_runs(layer) {
        let record = (step + 1 - run.delay) * shape.layout.activations;
        inputs.extend_from_slice(&stream.activations[record + run.activation..][..run.len]);
    }
    inputs
}

/// A tile of 16 cells of one stream.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn cells_forward(
    product_fraction: u32,
    activation_fraction: u32,
    activation_limit: i32,
    sums: &[i32; TILE],
    gates: &mut [i16; TILE],
    before: &[i32; CELLS],
    now: &mut [i32; CELLS],
    hidden: &mut [i16; CELLS],
) {
    // Table look-ups stand between the loops: see adam_row.
    let tables = &*TABLES;
    let shift = product_fraction - PREACTIVATION_FRACTION;
    let (mut x, mut entries) = ([0; TILE], [0; TILE]);
    for n in 0..TILE {
        x[n] = round_shift(sums[n], shift);
    }
    for n in 0..CELLS {
        entries[n] = tables.sigmoid[sigmoid_index(x[n])];
        entries[CELLS + n] = tables.sigmoid[sigmoid_index(x[CELLS + n])];
        entries[2 * CELLS + n] = tables.tanh[tanh_index(x[2 * CELLS + n])];
        entries[3 * CELLS + n] = tables.sigmoid[sigmoid_index(x[3 * CELLS + n])];
    }
    for n in 0..CELLS {
        let i = sigmoid_between(entries[n], x[n]);
        let f = sigmoid_between(entries[CELLS + n], x[CELLS + n]);
        let g = tanh_between(entries[2 * CELLS + n], x[2 * CELLS + n]);
        let o = sigmoid_between(entries[3 * CELLS + n], x[3 * CELLS + n]);
        let c = round_shift(f * before[n] + ((i * g) >> 2), GATE_FRACTION);
        now[n] = bounded(c, CELL_LIMIT);
        gates[n] = i as i16;
        gates[CELLS + n] = f as i16;
        gates[2 * CELLS + n] = g as i16;
        gates[3 * CELLS + n] = o as i16;
    }
    let tanh_entries: [u32; CELLS] = std::array::from_fn(|n| tables.tanh[tanh_index(now[n] << 1)]);
    for n in 0..CELLS {
        let tc = tanh_between(tanh_entries[n], now[n] << 1);
        let h = round_shift(i32::from(gates[3 * CELLS + n]) * tc, 2 * GATE_FRACTION - activation_fraction);
        hidden[n] = bounded(h, activation_limit) as i16;
    }
}
