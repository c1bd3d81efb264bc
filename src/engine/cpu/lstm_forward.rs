//! Kernel `lstm_forward`: one layer, one step (Hochreiter and Schmidhuber 1997, with forget gates).

use super::simd::{GROUP, TileSums, multiply_panel, vectorized};
use super::state::{Shape, Stream, Weights};
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{sigmoid, tanh};
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
            let gates = &mut stream.gates[step * shape.gates() + 4 * first_cell..][..TILE];
            let (before, now) = stream.cells.split_at_mut((step + 1) * shape.cells());
            let before = &before[step * shape.cells() + first_cell..][..CELLS];
            let now = &mut now[first_cell..][..CELLS];
            let hidden = (step + 1) * shape.layout.activations + config.embedding() + first_cell;
            let hidden = &mut stream.activations[hidden..][..CELLS];
            let (shift, fraction) = (config.product_fraction(), config.activation_fraction());
            let limit = config.activation_limit();
            vectorized(|| cells_forward(shift, fraction, limit, sums, gates, before, now, hidden));
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
    gates: &mut [i16],
    before: &[i32],
    now: &mut [i32],
    hidden: &mut [i16],
) {
    let tables = &*TABLES;
    let shift = product_fraction - PREACTIVATION_FRACTION;
    for cell in 0..CELLS {
        let preactivation = |gate: usize| round_shift(sums[gate * CELLS + cell], shift);
        let i = sigmoid(tables, preactivation(0));
        let f = sigmoid(tables, preactivation(1));
        let g = tanh(tables, preactivation(2));
        let o = sigmoid(tables, preactivation(3));
        let c = round_shift(f * before[cell] + ((i * g) >> 2), GATE_FRACTION);
        let c = bounded(c, CELL_LIMIT);
        let tc = tanh(tables, c << 1);
        let h = round_shift(o * tc, 2 * GATE_FRACTION - activation_fraction);
        gates[cell] = i as i16;
        gates[CELLS + cell] = f as i16;
        gates[2 * CELLS + cell] = g as i16;
        gates[3 * CELLS + cell] = o as i16;
        now[cell] = c;
        hidden[cell] = bounded(h, activation_limit) as i16;
    }
}
