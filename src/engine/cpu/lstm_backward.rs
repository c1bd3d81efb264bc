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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::activation::tanh;
    use proptest::prelude::*;

    /// Checks that a value fits 32 bits.
    fn fits(x: i64) -> i64 {
        assert!(i32::try_from(x).is_ok(), "{x} leaves 32 bits");
        x
    }

    fn rounded(x: i64, shift: u32) -> i64 {
        fits(fits(x) + (1 << shift) / 2).div_euclid(1 << shift)
    }

    fn product(a: i64, b: i64) -> i64 {
        rounded(a * b, 14)
    }

    /// Anywhere within a range, and often at its ends.
    fn ends(low: i32, high: i32) -> impl Strategy<Value = i32> {
        prop_oneof![2 => low..=high, 1 => Just(low), 1 => Just(high)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16384))]

        #[test]
        fn gate_errors_are_exact_and_no_step_leaves_32_bits(
            (weight_fraction, error_fraction) in (6u32..=10, 8u32..=14),
            sum in prop_oneof![any::<i32>(), -1 << 22..1 << 22, Just(i32::MIN), Just(i32::MAX)],
            gates in (ends(0, GATE_ONE), ends(0, GATE_ONE), ends(-GATE_ONE, GATE_ONE), ends(0, GATE_ONE)),
            (before, now) in (ends(-CELL_LIMIT, CELL_LIMIT), ends(-CELL_LIMIT, CELL_LIMIT)),
            later in ends(-STATE_ERROR_LIMIT, STATE_ERROR_LIMIT),
        ) {
            let (i, f, g, o) = gates;
            let limit = 1 << error_fraction;
            let tile: [i16; TILE] = std::array::from_fn(|n| [i, f, g, o][n / CELLS] as i16);
            let (mut cell_errors, mut errors) = ([later; CELLS], [0; TILE]);
            let (sums, before_all, now_all) = ([sum; CELLS], [before; CELLS], [now; CELLS]);
            cells_backward(weight_fraction, limit, &sums, &tile, &before_all, &now_all, &mut cell_errors, &mut errors);

            let (i, f, g, o) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o));
            let (before, later, limit) = (i64::from(before), i64::from(later), i64::from(limit));
            let t = i64::from(tanh(&TABLES, 2 * now));
            // Only this sum may wrap.
            let sum = i64::from((i64::from(sum) + (1 << (weight_fraction - 1))) as i32);
            let dh = sum.div_euclid(1 << weight_fraction).clamp(-65535, 65535);
            let dc = product(dh, product(o, 16384 - product(t, t)));
            let dc = fits(dc + later).clamp(-65535, 65535);
            let di = product(dc, product(g, product(i, 16384 - i)));
            let df = rounded(dc * rounded(before * product(f, 16384 - f), 14), 12);
            let dg = product(dc, product(i, 16384 - product(g, g)));
            let d_o = product(dh, product(t, product(o, 16384 - o)));
            let exact = [di, df, dg, d_o].map(|e| e.clamp(-limit, limit));
            prop_assert_eq!([0, 1, 2, 3].map(|q| i64::from(errors[q * CELLS])), exact);
            prop_assert_eq!(i64::from(cell_errors[0]), product(dc, f));
            prop_assert!(cell_errors[0].abs() <= STATE_ERROR_LIMIT);
        }
    }
}
