//! Kernel `lstm_backward`: errors of one layer's gates at one step.
//!
//! The error of a hidden state comes from the output, from the layer above at
//! the same step and from the same layer one step later; the sum is rounded once.

use super::simd::{multiply_rows, vectorized};
use super::state::{Shape, Stream, Weights};
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;

/// Writes the gate errors of `layer` at `step` for up to four streams;
/// `last` says that no later step of this segment exists.
pub fn lstm_backward(shape: &Shape, weights: &Weights, layer: usize, step: usize, last: bool, streams: &mut [Stream]) {
    let config = &shape.config;
    let units = config.units();
    let rows = 4 * units;
    let mut sums = vec![0i32; units * streams.len()];
    {
        let mut sums: Vec<&mut [i32]> = sums.chunks_exact_mut(units).collect();
        let mut add = |errors: Vec<&[i16]>, matrix: usize, first: usize| {
            let inputs = shape.layout.matrices[matrix].inputs;
            multiply_rows(&errors, &weights.matrices[matrix].by_row, inputs, first, &mut sums);
        };
        add(
            streams.iter().map(|s| &s.output_errors[step * SYMBOLS..][..SYMBOLS]).collect(),
            config.layers(),
            layer * units,
        );
        if layer + 1 < config.layers() {
            let above = step * shape.gates() + (layer + 1) * rows;
            add(streams.iter().map(|s| &s.gate_errors[above..][..rows]).collect(), layer + 1, config.embedding());
        }
        if !last {
            let later = (step + 1) * shape.gates() + layer * rows;
            let own = shape.layout.matrices[layer].inputs - units;
            add(streams.iter().map(|s| &s.gate_errors[later..][..rows]).collect(), layer, own);
        }
    }
    for (stream, sums) in streams.iter_mut().zip(sums.chunks_exact(units)) {
        let first_cell = layer * units;
        let gates = &stream.gates[step * shape.gates() + 4 * first_cell..][..rows];
        let before = &stream.cells[step * shape.cells() + first_cell..][..units];
        let now = &stream.cells[(step + 1) * shape.cells() + first_cell..][..units];
        let errors = &mut stream.gate_errors[step * shape.gates() + 4 * first_cell..][..rows];
        let cell_errors = &mut stream.cell_errors[first_cell..][..units];
        if last {
            cell_errors.fill(0);
        }
        let (shift, limit) = (config.weight_fraction(), config.error_limit());
        vectorized(
            #[inline(always)]
            || cells_backward(shift, limit, sums, gates, before, now, cell_errors, errors),
        );
    }
}

/// All cells of one layer of one stream.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn cells_backward(
    weight_fraction: u32,
    error_limit: i32,
    sums: &[i32],
    gates: &[i16],
    before: &[i32],
    now: &[i32],
    cell_errors: &mut [i32],
    errors: &mut [i16],
) {
    let tables = &*TABLES;
    let product = |a: i32, b: i32| round_shift(a * b, GATE_FRACTION);
    for tile in 0..sums.len() / CELLS {
        let gates = &gates[tile * TILE..][..TILE];
        let errors = &mut errors[tile * TILE..][..TILE];
        let cells = tile * CELLS..(tile + 1) * CELLS;
        let (sums, before, now) = (&sums[cells.clone()], &before[cells.clone()], &now[cells.clone()]);
        let cell_errors = &mut cell_errors[cells];
        // Table look-ups stand before the loop: see adam_row.
        let entries: [u32; CELLS] = std::array::from_fn(|n| tables.tanh[tanh_index(now[n] << 1)]);
        for n in 0..CELLS {
            let gate = |q: usize| i32::from(gates[q * CELLS + n]);
            let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
            let tc = tanh_between(entries[n], now[n] << 1);
            let dh = bounded(round_shift(sums[n], weight_fraction), STATE_ERROR_LIMIT);
            let dc = product(dh, product(o, GATE_ONE - product(tc, tc)));
            let dc = bounded(dc + cell_errors[n], STATE_ERROR_LIMIT);
            let di = product(dc, product(g, product(i, GATE_ONE - i)));
            let cf = round_shift(before[n] * product(f, GATE_ONE - f), GATE_FRACTION); // Q12
            let df = round_shift(dc * cf, CELL_FRACTION);
            let dg = product(dc, product(i, GATE_ONE - product(g, g)));
            let d_o = product(dh, product(tc, product(o, GATE_ONE - o)));
            cell_errors[n] = product(dc, f);
            errors[n] = bounded(di, error_limit) as i16;
            errors[CELLS + n] = bounded(df, error_limit) as i16;
            errors[2 * CELLS + n] = bounded(dg, error_limit) as i16;
            errors[3 * CELLS + n] = bounded(d_o, error_limit) as i16;
        }
    }
}
