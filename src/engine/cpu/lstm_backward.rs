//! Kernel `lstm_backward`: errors of one layer's gates, from the last step to the first.
//!
//! The error of a hidden state comes from the output, from the layer above at
//! the same step and from the same layer one step later; the sum is rounded once.

use std::ops::Range;

use super::TASK;
use super::aligned::Aligned;
use super::columns::Columns;
use super::crew::{Board, in_phases, tiles_of_part};
use super::simd::{GROUP, look_up, multiply_rows, vectorized};
use super::state::{Shape, Stream, Weights};
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;
use rayon::prelude::*;

/// Errors of a word.
const WORD: usize = size_of::<u64>() / size_of::<i16>();

/// What the parts of a phase have in common: a phase is one step, the last one first.
struct Pass<'a> {
    shape: &'a Shape,
    weights: &'a Weights,
    layer: usize,
    steps: usize,
    /// `[streams]`
    known: Vec<Known<'a>>,
    /// `[2][streams][rows]`: errors of this step and the one after it; nothing where there is one
    /// part, which has all of them itself.
    board: Option<Board>,
}

/// What a stream's forward pass and the layers above left, in tiles.
struct Known<'a> {
    gates: &'a [[i16; TILE]],
    cells: &'a [[i32; CELLS]],
    hidden_errors: &'a [[i32; CELLS]],
    shares: &'a [[i32; CELLS]],
}

/// Some tiles of the layer.
struct Part<'a> {
    tiles: Range<usize>,
    /// `[streams]`
    records: Vec<Record<'a>>,
    /// `[streams][rows]` of the step after.
    errors: Aligned<u64>,
}

/// A stream's tiles.
struct Record<'a> {
    gate_errors: Columns<'a, i16>,
    cell_errors: &'a mut [i32],
}

/// Writes the gate errors of `layer` at each of `steps` steps for all `streams`;
/// those of the layer above are there.
pub fn lstm_backward(shape: &Shape, weights: &Weights, layer: usize, steps: usize, streams: &mut [Stream]) {
    streams.par_iter_mut().for_each(|stream| errors_from_above(shape, weights, layer, steps, stream));
    let (units, count) = (shape.config.units(), streams.len());
    let (tiles, rows) = (units / CELLS, 4 * units);
    let run = tiles_of_part(tiles, rows * units * count);
    let gathered = if run < tiles { count * rows / WORD } else { 0 };
    let part = |first: usize| Part {
        tiles: first..tiles.min(first + run),
        records: Vec::with_capacity(count),
        errors: Aligned::zeros(gathered),
    };
    let mut parts: Vec<Part> = (0..tiles).step_by(run).map(part).collect();
    let mut known = Vec::with_capacity(count);
    for stream in streams {
        let below = std::iter::once(layer * rows);
        let runs = below.chain(parts.iter().map(|part| part.tiles.len() * TILE));
        let gate_errors = Columns::cut(&mut stream.gate_errors, shape.gates(), runs).into_iter().skip(1);
        let cell_errors = stream.cell_errors[layer * units..][..units].chunks_mut(run * CELLS);
        for (part, (gate_errors, cell_errors)) in parts.iter_mut().zip(gate_errors.zip(cell_errors)) {
            part.records.push(Record { gate_errors, cell_errors });
        }
        known.push(Known {
            gates: stream.gates.as_chunks().0,
            cells: stream.cells.as_chunks().0,
            hidden_errors: stream.hidden_errors.as_chunks().0,
            shares: stream.shares.as_chunks().0,
        });
    }
    let board = (parts.len() > 1).then(|| Board::new(2 * gathered));
    let pass = Pass { shape, weights, layer, steps, known, board };
    in_phases(steps, parts, |phase, part| {
        let step = steps - 1 - phase;
        pass.gather(step, part);
        pass.backward(step, part);
    });
}

impl Pass<'_> {
    /// Where the board has a row's error.
    fn place(&self, step: usize, stream: usize, row: usize) -> usize {
        ((step % 2 * self.known.len() + stream) * 4 * self.shape.config.units() + row) / WORD
    }

    /// The errors of the step after, of which other parts have made some.
    fn gather(&self, step: usize, part: &mut Part) {
        if let Some(board) = self.board.as_ref().filter(|_| step + 1 < self.steps) {
            board.read(self.place(step + 1, 0, 0), &mut part.errors);
        }
    }

    /// A part's tiles at a step.
    fn backward(&self, step: usize, part: &mut Part) {
        let config = &self.shape.config;
        let (units, tiles) = (config.units(), config.units() / CELLS);
        let (rows, last) = (4 * units, step + 1 == self.steps);
        let matrix = &self.weights.matrices[self.layer];
        let own_states = self.shape.layout.matrices[self.layer].inputs - units;
        for (own, tile) in part.tiles.clone().enumerate() {
            for first in (0..self.known.len()).step_by(GROUP) {
                let count = GROUP.min(self.known.len() - first);
                let mut sums = [[0; CELLS]; GROUP];
                if !last {
                    let after = |m: usize| match self.board {
                        Some(_) => &bytemuck::cast_slice(&part.errors)[(first + m) * rows..][..rows],
                        None => part.records[first + m].gate_errors.row(step + 1),
                    };
                    let errors = std::array::from_fn(|m| after(m.min(count - 1)));
                    multiply_rows(count, &[matrix.rows(own_states + tile * CELLS, errors)], &mut sums);
                }
                for (m, sums) in (first..first + count).zip(&mut sums) {
                    let Known { gates, cells, hidden_errors, shares } = &self.known[m];
                    let above = &hidden_errors[step * tiles + tile];
                    sums.iter_mut().zip(above).for_each(|(sum, &above)| *sum = sum.wrapping_add(above));
                    // Of one slot, or step, of all layers.
                    let of = |slot: usize| (slot * config.layers() + self.layer) * tiles + tile;
                    let (gates, before, now) = (&gates[of(step)], &cells[of(step)], &cells[of(step + 1)]);
                    let (limit, shares) = (config.error_limit(), &shares[of(0)]);
                    let Record { gate_errors, cell_errors } = &mut part.records[m];
                    let errors = &mut gate_errors.row_mut(step).as_chunks_mut().0[own];
                    let cell_errors = &mut cell_errors.as_chunks_mut().0[own];
                    if last {
                        cell_errors.fill(0);
                    }
                    vectorized(
                        #[inline(always)]
                        || cells_backward(limit, sums, gates, before, now, shares, cell_errors, errors),
                    );
                    if let Some(board) = &self.board {
                        let words: [u64; TILE / WORD] = bytemuck::cast(*errors);
                        board.write(self.place(step, m, tile * TILE), &words);
                    }
                }
            }
        }
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

/// A tile of 16 cells of one stream; `later` are the cells' errors at the step after, then at this one.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn cells_backward(
    error_limit: i32,
    sums: &[i32; CELLS],
    gates: &[i16; TILE],
    before: &[i32; CELLS],
    now: &[i32; CELLS],
    shares: &[i32; CELLS],
    later: &mut [i32; CELLS],
    errors: &mut [i16; TILE],
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
        later[n] = product(dc, f);
        errors[n] = bounded(di, error_limit) as i16;
        errors[CELLS + n] = bounded(df, error_limit) as i16;
        errors[2 * CELLS + n] = bounded(dg, error_limit) as i16;
        errors[3 * CELLS + n] = bounded(d_o, error_limit) as i16;
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
            let (mut cells, mut errors) = ([later; CELLS], [0; TILE]);
            let (sums, before_all, now_all) = ([sum; CELLS], [before; CELLS], [now; CELLS]);
            cells_backward(limit, &sums, &tile, &before_all, &now_all, &[share; CELLS], &mut cells, &mut errors);

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
            prop_assert_eq!([0, 1, 2, 3].map(|q| i64::from(errors[q * CELLS])), exact);
            prop_assert_eq!(i64::from(cells[0]), product(dc, f));
            prop_assert!(cells[0].abs() <= STATE_ERROR_LIMIT);
        }
    }
}
