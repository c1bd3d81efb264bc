//! Kernel `lstm_forward`: one layer, one step (Hochreiter and Schmidhuber 1997, with forget gates).

use super::simd::{GROUP, TileSums, excess, look_up, multiply_inputs, vectorized};
use super::state::{Shape, Stream, Weights};
use super::tiles::{each_tile, parts};
use crate::model::layout::{CELLS, InputRun, TILE};
use crate::numerics::activation::{sigmoid_between, sigmoid_index, tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;

/// What a tile of 16 cells comes to.
#[derive(Clone, Copy)]
struct Cells {
    gates: [i16; TILE],
    cells: [i32; CELLS],
    hidden: [i8; CELLS],
}

impl Default for Cells {
    fn default() -> Self {
        Cells { gates: [0; TILE], cells: [0; CELLS], hidden: [0; CELLS] }
    }
}

/// Computes gates, cell and hidden state of `layer` at `step` for all `streams`.
pub fn lstm_forward(shape: &Shape, weights: &Weights, layer: usize, step: usize, streams: &mut [Stream]) {
    let config = &shape.config;
    let matrix = &shape.layout.matrices[layer];
    let packed = &weights.matrices[layer];
    let runs = shape.layout.input_runs(layer);
    let record = |run: &InputRun| (step + 1 - run.delay) * shape.layout.activations + run.activation;
    for stream in streams.iter_mut() {
        stream.excess = runs.iter().map(|run| excess(&stream.activations[record(run)..][..run.len])).sum();
    }
    let first_cell = |tile: usize| layer * config.units() + tile * CELLS;

    let compute = |tile: usize, group: &[Stream], results: &mut [Cells]| {
        let mut sums: TileSums = [[0; TILE]; GROUP];
        let biases = &packed.biases[tile * TILE..][..TILE];
        for (sums, stream) in sums.iter_mut().zip(group) {
            sums.iter_mut().zip(biases).for_each(|(sum, &bias)| *sum = bias - stream.excess);
        }
        let panel = &packed.by_input[tile * matrix.inputs * TILE..][..matrix.inputs * TILE];
        for run in runs {
            let inputs = parts(group, |s| &s.activations[record(run)..][..run.len]);
            multiply_inputs(&inputs[..group.len()], &panel[run.input * TILE..][..run.len * TILE], &mut sums);
        }
        let before = step * shape.cells() + first_cell(tile);
        for ((stream, sums), result) in group.iter().zip(&sums).zip(results) {
            let before = stream.cells[before..].first_chunk().expect("a tile of cells");
            let shares = stream.shares[first_cell(tile)..].first_chunk().expect("a tile of shares");
            vectorized(
                #[inline(always)]
                || cells_forward(sums, before, shares, result),
            );
        }
    };
    let store = |tile: usize, stream: &mut Stream, result: &Cells| {
        let first_cell = first_cell(tile);
        let hidden = (step + 1) * shape.layout.activations + config.embedding() + first_cell;
        stream.gates[step * shape.gates() + 4 * first_cell..][..TILE].copy_from_slice(&result.gates);
        stream.cells[(step + 1) * shape.cells() + first_cell..][..CELLS].copy_from_slice(&result.cells);
        stream.activations[hidden..][..CELLS].copy_from_slice(&result.hidden);
    };
    each_tile(matrix.rows / TILE, TILE * matrix.inputs, streams, compute, store);
}

/// A tile of 16 cells of one stream.
#[inline(always)]
fn cells_forward(x: &[i32; TILE], before: &[i32; CELLS], shares: &[i32; CELLS], result: &mut Cells) {
    // Table look-ups stand between the loops: see adam_row.
    let tables = &*TABLES;
    let mut entries = [0; TILE];
    for n in 0..TILE {
        entries[n] = sigmoid_index(x[n]) as u32;
    }
    // The output gates' entries move to the other gates', behind them come the candidates'.
    for n in 0..CELLS {
        entries[2 * CELLS + n] = entries[3 * CELLS + n];
        entries[3 * CELLS + n] = tanh_index(x[2 * CELLS + n]) as u32;
    }
    look_up(&tables.sigmoid, &mut entries[..3 * CELLS]);
    look_up(&tables.tanh, &mut entries[3 * CELLS..]);
    let mut tanh_entries = [0; CELLS];
    for n in 0..CELLS {
        let i = sigmoid_between(entries[n], x[n]);
        let f = sigmoid_between(entries[CELLS + n], x[CELLS + n]);
        let g = tanh_between(entries[3 * CELLS + n], x[2 * CELLS + n]);
        let o = sigmoid_between(entries[2 * CELLS + n], x[3 * CELLS + n]);
        let c = round_shift(f * before[n] + ((i * g) >> 2), GATE_FRACTION);
        result.cells[n] = bounded(c, CELL_LIMIT);
        tanh_entries[n] = tanh_index(result.cells[n] << 1) as u32;
        result.gates[n] = i as i16;
        result.gates[CELLS + n] = f as i16;
        result.gates[2 * CELLS + n] = g as i16;
        result.gates[3 * CELLS + n] = o as i16;
    }
    look_up(&tables.tanh, &mut tanh_entries);
    for (n, &entry) in tanh_entries.iter().enumerate() {
        let tc = tanh_between(entry, result.cells[n] << 1);
        let h = round_shift(i32::from(result.gates[3 * CELLS + n]) * tc, 2 * GATE_FRACTION - ACTIVATION_FRACTION);
        result.hidden[n] = bounded(round_shift(h * shares[n], SHARE_FRACTION), BYTE_LIMIT) as i8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::activation::{sigmoid, tanh};
    use proptest::prelude::*;

    /// Checks that a value fits 32 bits.
    fn fits(x: i64) -> i64 {
        assert!(i32::try_from(x).is_ok(), "{x} leaves 32 bits");
        x
    }

    fn rounded(x: i64, shift: u32) -> i64 {
        fits(x + (1 << shift) / 2).div_euclid(1 << shift)
    }

    fn any_sum() -> impl Strategy<Value = i32> {
        let most = (1 << 30) + (1 << 25);
        prop_oneof![-most..=most, -80_000..80_000, Just(most), Just(-most)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn cells_are_exact_and_stay_in_range(
            sums in proptest::collection::vec(any_sum(), 4),
            before in prop_oneof![-CELL_LIMIT..=CELL_LIMIT, Just(CELL_LIMIT), Just(-CELL_LIMIT)],
            share in prop_oneof![0..=2 * SHARE_ONE, Just(0), Just(SHARE_ONE), Just(2 * SHARE_ONE)],
        ) {
            let tile = std::array::from_fn(|n| sums[n / CELLS]);
            let mut result = Cells::default();
            cells_forward(&tile, &[before; CELLS], &[share; CELLS], &mut result);

            let (i, f, o) = (sigmoid(&TABLES, sums[0]), sigmoid(&TABLES, sums[1]), sigmoid(&TABLES, sums[3]));
            let g = tanh(&TABLES, sums[2]);
            prop_assert_eq!([0, 1, 2, 3].map(|q| i32::from(result.gates[q * CELLS])), [i, f, g, o]);
            let (i, f, g, o, before) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o), i64::from(before));
            prop_assert!([i, f, o].iter().all(|x| (0..=16384).contains(x)) && g.abs() <= 16384);
            let c = rounded(fits(f * before) + fits(i * g).div_euclid(4), 14).clamp(-65535, 65535);
            prop_assert_eq!(i64::from(result.cells[0]), c);
            let t = i64::from(tanh(&TABLES, (2 * c) as i32));
            let h = rounded(fits(o * t), 21) * i64::from(share);
            let h = rounded(fits(h), 8).clamp(-127, 127);
            prop_assert_eq!(i64::from(result.hidden[0]), h);
        }
    }
}
