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
            (product_fraction, activation_fraction) in (13u32..=21, 7u32..=11),
        ) {
            let limit = (1 << activation_fraction) - 1;
            let tile = std::array::from_fn(|n| sums[n / CELLS]);
            let (mut gates, mut now, mut hidden) = ([0; TILE], [0; CELLS], [0; CELLS]);
            let (shift, fraction) = (product_fraction, activation_fraction);
            cells_forward(shift, fraction, limit, &tile, &mut gates, &[before; CELLS], &mut now, &mut hidden);

            let z = |q: usize| rounded(sums[q].into(), product_fraction - 13) as i32;
            let (i, f, o) = (sigmoid(&TABLES, z(0)), sigmoid(&TABLES, z(1)), sigmoid(&TABLES, z(3)));
            let g = tanh(&TABLES, z(2));
            prop_assert_eq!([0, 1, 2, 3].map(|q| i32::from(gates[q * CELLS])), [i, f, g, o]);
            let (i, f, g, o, before) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o), i64::from(before));
            prop_assert!([i, f, o].iter().all(|x| (0..=16384).contains(x)) && g.abs() <= 16384);
            let c = rounded(fits(f * before) + fits(i * g).div_euclid(4), 14).clamp(-65535, 65535);
            prop_assert_eq!(i64::from(now[0]), c);
            let t = i64::from(tanh(&TABLES, (2 * c) as i32));
            let h = rounded(fits(o * t), 28 - activation_fraction).clamp((-limit).into(), limit.into());
            prop_assert_eq!(i64::from(hidden[0]), h);
        }
    }
}
