//! Kernel `lstm_backward`: errors of one layer's gates, from the last step to the first.
//!
//! The error of a hidden state comes from the output, from the layer above at
//! the same step and from the same layer one step later; the sum is rounded once.

use super::simd::{GROUP, look_up, multiply_rows, vectorized};
use super::state::{Shape, Stream, Weights};
use super::tiles::{TASK, each_tile, parts};
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;
use rayon::prelude::*;

/// What a tile of 16 cells comes to.
#[derive(Clone, Copy)]
struct Errors {
    gates: [i16; TILE],
    cells: [i32; CELLS],
}

impl Default for Errors {
    fn default() -> Self {
        Errors { gates: [0; TILE], cells: [0; CELLS] }
    }
}

/// Writes the gate errors of `layer` at each of `steps` steps for all `streams`;
/// those of the layer above are there.
pub fn lstm_backward(shape: &Shape, weights: &Weights, layer: usize, steps: usize, streams: &mut [Stream]) {
    for stream in streams.iter_mut() {
        errors_from_above(shape, weights, layer, steps, stream);
    }
    for step in (0..steps).rev() {
        step_backward(shape, weights, layer, step, step + 1 == steps, streams);
    }
}

/// Sums over the output's errors and those of the layer above: no step waits for
/// another, so a weight that was loaded serves four of them.
fn errors_from_above(shape: &Shape, weights: &Weights, layer: usize, steps: usize, stream: &mut Stream) {
    let config = &shape.config;
    let (units, gates) = (config.units(), shape.gates());
    let rows = 4 * units;
    let above = layer + 1 < config.layers();
    let Stream { output_errors, gate_errors, hidden_errors, .. } = stream;
    let products = GROUP * units * (SYMBOLS + rows * usize::from(above));
    let groups = hidden_errors[..steps * units].par_chunks_mut(GROUP * units).with_min_len(TASK.div_ceil(products));
    groups.enumerate().for_each(|(group, sums)| {
        let (first, count) = (group * GROUP, sums.len() / units);
        let step = |m: usize| first + m.min(count - 1);
        let output: [&[i16]; GROUP] = std::array::from_fn(|m| &output_errors[step(m) * SYMBOLS..][..SYMBOLS]);
        let upper: [&[i16]; GROUP] = match above {
            true => std::array::from_fn(|m| &gate_errors[step(m) * gates + (layer + 1) * rows..][..rows]),
            false => output,
        };
        for cell in (0..units).step_by(CELLS) {
            let mut tile = [[0; CELLS]; GROUP];
            let output = weights.matrices[config.layers()].rows(layer * units + cell, output);
            let terms = match above {
                true => &[output, weights.matrices[layer + 1].rows(config.embedding() + cell, upper)][..],
                false => &[output],
            };
            multiply_rows(count, terms, &mut tile);
            for (sums, tile) in sums.chunks_exact_mut(units).zip(&tile) {
                sums[cell..][..CELLS].copy_from_slice(tile);
            }
        }
    });
}

/// One step; `last` says that no later one of this segment exists.
fn step_backward(shape: &Shape, weights: &Weights, layer: usize, step: usize, last: bool, streams: &mut [Stream]) {
    let config = &shape.config;
    let (units, gates) = (config.units(), shape.gates());
    let rows = 4 * units;
    let own = shape.layout.matrices[layer].inputs - units;
    let first_cell = |tile: usize| layer * units + tile * CELLS;

    let compute = |tile: usize, group: &[Stream], results: &mut [Errors]| {
        let mut sums = [[0; CELLS]; GROUP];
        if !last {
            let errors = parts(group, |s| &s.gate_errors[(step + 1) * gates + layer * rows..][..rows]);
            multiply_rows(group.len(), &[weights.matrices[layer].rows(own + tile * CELLS, errors)], &mut sums);
        }
        let cell = first_cell(tile);
        for ((stream, sums), result) in group.iter().zip(&mut sums).zip(results) {
            let above = &stream.hidden_errors[step * units + tile * CELLS..][..CELLS];
            sums.iter_mut().zip(above).for_each(|(sum, &above)| *sum = sum.wrapping_add(above));
            let cells =
                |slot: usize| stream.cells[slot * shape.cells() + cell..].first_chunk().expect("a tile of cells");
            let gates = stream.gates[step * gates + 4 * cell..].first_chunk().expect("a tile of gates");
            let shares = stream.shares[cell..].first_chunk().expect("a tile of shares");
            let later = if last { &[0; CELLS] } else { stream.cell_errors[cell..].first_chunk().expect("a tile") };
            let (before, now) = (cells(step), cells(step + 1));
            let limit = config.error_limit();
            vectorized(
                #[inline(always)]
                || cells_backward(limit, sums, gates, before, now, shares, later, result),
            );
        }
    };
    let store = |tile: usize, stream: &mut Stream, result: &Errors| {
        let cell = first_cell(tile);
        stream.gate_errors[step * gates + 4 * cell..][..TILE].copy_from_slice(&result.gates);
        stream.cell_errors[cell..][..CELLS].copy_from_slice(&result.cells);
    };
    each_tile(units / CELLS, CELLS * rows, streams, compute, store);
}

/// A tile of 16 cells of one stream.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn cells_backward(
    error_limit: i32,
    sums: &[i32; CELLS],
    gates: &[i16; TILE],
    before: &[i32; CELLS],
    now: &[i32; CELLS],
    shares: &[i32; CELLS],
    later: &[i32; CELLS],
    result: &mut Errors,
) {
    let product = |a: i32, b: i32| round_shift(a * b, GATE_FRACTION);
    // Table look-ups stand before the loop: see adam_row.
    let mut entries: [u32; CELLS] = [0; CELLS];
    for n in 0..CELLS {
        entries[n] = tanh_index(now[n] << 1) as u32;
    }
    look_up(&TABLES.tanh, &mut entries);
    for n in 0..CELLS {
        let gate = |q: usize| i32::from(gates[q * CELLS + n]);
        let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
        let tc = tanh_between(entries[n], now[n] << 1);
        let kept = bounded(round_shift(sums[n], WEIGHT_FRACTION), STATE_ERROR_LIMIT);
        let dh = bounded(round_shift(kept * shares[n], SHARE_FRACTION), STATE_ERROR_LIMIT);
        let dc = product(dh, product(o, GATE_ONE - product(tc, tc)));
        let dc = bounded(dc + later[n], STATE_ERROR_LIMIT);
        let di = product(dc, product(g, product(i, GATE_ONE - i)));
        let cf = round_shift(before[n] * product(f, GATE_ONE - f), GATE_FRACTION); // Q12
        let df = round_shift(dc * cf, CELL_FRACTION);
        let dg = product(dc, product(i, GATE_ONE - product(g, g)));
        let d_o = product(dh, product(tc, product(o, GATE_ONE - o)));
        result.cells[n] = product(dc, f);
        result.gates[n] = bounded(di, error_limit) as i16;
        result.gates[CELLS + n] = bounded(df, error_limit) as i16;
        result.gates[2 * CELLS + n] = bounded(dg, error_limit) as i16;
        result.gates[3 * CELLS + n] = bounded(d_o, error_limit) as i16;
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
            error_fraction in 8u32..=14,
            sum in prop_oneof![any::<i32>(), -1 << 22..1 << 22, Just(i32::MIN), Just(i32::MAX)],
            gates in (ends(0, GATE_ONE), ends(0, GATE_ONE), ends(-GATE_ONE, GATE_ONE), ends(0, GATE_ONE)),
            (before, now) in (ends(-CELL_LIMIT, CELL_LIMIT), ends(-CELL_LIMIT, CELL_LIMIT)),
            (later, share) in (ends(-STATE_ERROR_LIMIT, STATE_ERROR_LIMIT), ends(0, 2 * SHARE_ONE)),
        ) {
            let (i, f, g, o) = gates;
            let limit = 1 << error_fraction;
            let tile: [i16; TILE] = std::array::from_fn(|n| [i, f, g, o][n / CELLS] as i16);
            let mut errors = Errors::default();
            let (sums, before_all, now_all) = ([sum; CELLS], [before; CELLS], [now; CELLS]);
            cells_backward(limit, &sums, &tile, &before_all, &now_all, &[share; CELLS], &[later; CELLS], &mut errors);

            let (i, f, g, o) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o));
            let (before, later, limit) = (i64::from(before), i64::from(later), i64::from(limit));
            let t = i64::from(tanh(&TABLES, 2 * now));
            // Only this sum may wrap.
            let sum = i64::from((i64::from(sum) + (1 << 5)) as i32);
            let dh = sum.div_euclid(1 << 6).clamp(-65535, 65535);
            let dh = rounded(dh * i64::from(share), 8).clamp(-65535, 65535);
            let dc = product(dh, product(o, 16384 - product(t, t)));
            let dc = fits(dc + later).clamp(-65535, 65535);
            let di = product(dc, product(g, product(i, 16384 - i)));
            let df = rounded(dc * rounded(before * product(f, 16384 - f), 14), 12);
            let dg = product(dc, product(i, 16384 - product(g, g)));
            let d_o = product(dh, product(t, product(o, 16384 - o)));
            let exact = [di, df, dg, d_o].map(|e| e.clamp(-limit, limit));
            prop_assert_eq!([0, 1, 2, 3].map(|q| i64::from(errors.gates[q * CELLS])), exact);
            prop_assert_eq!(i64::from(errors.cells[0]), product(dc, f));
            prop_assert!(errors.cells[0].abs() <= STATE_ERROR_LIMIT);
        }
    }
}
