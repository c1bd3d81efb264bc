//! Kernel `lstm_backward`: errors of the layers' gates, from the last step to the first.
//!
//! The error of a hidden state comes from the output, from the layer above at
//! the same step and from the same layer one step later; the sum is rounded once.

use std::ops::Range;

use super::columns::Columns;
use super::crew::Parts;
use super::cut::{Cut, Share, Whole};
use super::exchange::{Exchange, Row};
use super::state::{Stream, Weights};
use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;
use crate::simd::aligned::{Aligned, OnLine};
use crate::simd::{GROUP, look_up, multiply_rows, vectorized};

/// Errors of a word.
const WORD: usize = size_of::<u64>() / size_of::<i16>();

/// Steps that a layer is behind the one above, whose errors it takes for as many at a time, where
/// layers are different parts'.
const LAG: usize = GROUP;

/// What all parts have in common: a phase is one step of each layer.
struct Pass<'a> {
    shape: &'a Shape,
    weights: &'a Weights,
    layers: Range<usize>,
    steps: usize,
    /// [`LAG`], or all steps where there is one layer.
    lag: usize,
    /// `[streams]`
    known: Vec<Known<'a>>,
    /// Gate errors.
    exchange: Exchange,
}

/// What a stream's forward pass, the output and the layer above the pass left.
struct Known<'a> {
    gates: &'a [[i16; TILE]],
    cells: &'a [[i32; CELLS]],
    shares: &'a [[i32; CELLS]],
    output_errors: &'a [i16],
    upper_errors: Columns<'a, i16>,
}

/// Some tiles of a layer for some streams.
struct Part<'a> {
    share: Share,
    /// `[streams]`
    records: Vec<Record<'a>>,
    /// `[streams][lag][tiles]`: sums over the errors of what is above.
    above: Vec<[i32; CELLS]>,
    /// `[streams][rows]` of the step after, or `[4 steps][rows]` of a stream's layer above.
    errors: Aligned<u64>,
}

/// A stream's tiles.
struct Record<'a> {
    gate_errors: Columns<'a, i16>,
    cell_errors: &'a mut [i32],
}

/// Writes the gate errors of `layers` at each of `steps` steps for all `streams`;
/// those of the layer above them are there.
pub fn lstm_backward(shape: &Shape, weights: &Weights, layers: Range<usize>, steps: usize, streams: &mut [Stream]) {
    /// The step at hand, the one after, and the one after that, whose errors all have read.
    const RING: usize = 3;
    let (units, rows) = (shape.config.units(), 4 * shape.config.units());
    let products = layers.len() * units * (SYMBOLS + 2 * rows);
    let (count, tiles) = (streams.len(), units / CELLS);
    let cut = Cut::new(Whole { layers: layers.clone(), streams: count, tiles, steps, lag: LAG, products });
    if !cut.is_by_layer() {
        // The weights of one layer are used for all steps before those of the next.
        return layers.rev().for_each(|layer| lstm_backward(shape, weights, layer..layer + 1, steps, streams));
    }
    // A layer alone waits for all its errors at each step; else nothing keeps one from running ahead.
    let (lag, slots) = if layers.len() > 1 { (LAG, steps) } else { (steps, RING) };
    let part = |share: Share| {
        let count = cut.streams[share.group].len();
        let above = vec![[0; CELLS]; count * lag * cut.tiles[share.run].len()];
        let errors = Aligned::zeros(if cut.is_apart() { 0 } else { count.max(GROUP) * rows / WORD });
        Part { share, records: Vec::with_capacity(count), above, errors }
    };
    let mut parts: Parts<Part> = cut.shares().map(part).collect();
    let mut known = Vec::with_capacity(streams.len());
    for ((group, _), stream) in cut.groups().zip(streams) {
        let below = std::iter::once(layers.start * rows);
        let upper = if layers.end < shape.config.layers() { rows } else { 0 };
        let columns = below.chain(cut.columns(layers.len(), TILE)).chain(std::iter::once(upper));
        let mut gate_errors = Columns::cut(&mut stream.gate_errors, shape.gates(), columns).skip(1);
        let mut cell_errors = &mut stream.cell_errors[layers.start * units..];
        for (layer, run) in layers.clone().flat_map(|layer| (0..cut.tiles.len()).map(move |run| (layer, run))) {
            let cell_errors = cell_errors.split_off_mut(..cut.tiles[run].len() * CELLS).expect("one for each cell");
            let gate_errors = gate_errors.next().expect("columns for all parts");
            parts[cut.part(layer, group, run)].records.push(Record { gate_errors, cell_errors });
        }
        known.push(Known {
            gates: stream.gates.as_chunks().0,
            cells: stream.cells.as_chunks().0,
            shares: stream.shares.as_chunks().0,
            output_errors: &stream.output_errors,
            upper_errors: gate_errors.next().expect("columns of the layer above"),
        });
    }
    let exchanged = if cut.is_apart() { 0 } else { layers.end };
    let exchange = Exchange::new(cut, exchanged, slots, TILE / WORD);
    let pass = Pass { shape, weights, layers, steps, lag, known, exchange };
    let phases = steps + lag * (pass.layers.len() - 1);
    pass.exchange.in_phases(phases, parts, |phase, part| {
        let layer = part.share.layers.start;
        let done = phase.wrapping_sub(lag * (pass.layers.end - 1 - layer));
        if done < steps {
            if done % lag == 0 {
                pass.errors_from_above(layer, steps - done, part);
            }
            pass.backward(layer, steps - 1 - done, part);
        }
    });
}

impl<'a> Pass<'a> {
    /// The streams of a part.
    fn known(&self, share: &Share) -> &[Known<'a>] {
        &self.known[self.exchange.cut.streams[share.group].clone()]
    }

    /// Where a part has the sums of its first tile.
    fn place(&self, share: &Share, stream: usize, step: usize) -> usize {
        (stream * self.lag + (self.steps - 1 - step) % self.lag) * self.exchange.cut.tiles[share.run].len()
    }

    /// Sums over the errors of the output and of the layer above, for as many steps before `end`
    /// as a layer is behind: none waits for another, so a weight that was loaded serves four.
    fn errors_from_above(&self, layer: usize, end: usize, part: &mut Part) {
        let config = &self.shape.config;
        let (units, rows, upper) = (config.units(), 4 * config.units(), layer + 1);
        let Part { share, above, errors, .. } = part;
        let (group, start) = (share.group, end.saturating_sub(self.lag));
        for (m, known) in self.known(share).iter().enumerate() {
            for first in (start..end).step_by(GROUP) {
                let count = GROUP.min(end - first);
                let step = |i: usize| first + i.min(count - 1);
                if upper < self.layers.end {
                    for (slot, errors) in (first..end).zip(errors.chunks_exact_mut(rows / WORD)).take(count) {
                        self.exchange.read(Row { layer: upper, slot, group, stream: m }, errors);
                    }
                }
                let upper_errors: [&[i16]; GROUP] = std::array::from_fn(|i| match upper < self.layers.end {
                    true => &bytemuck::cast_slice(errors)[i.min(count - 1) * rows..][..rows],
                    false => known.upper_errors.row(step(i)),
                });
                let output_errors: [&[i16]; GROUP] =
                    std::array::from_fn(|i| &known.output_errors[step(i) * SYMBOLS..][..SYMBOLS]);
                for (own, tile) in self.exchange.cut.tiles[share.run].clone().enumerate() {
                    let mut sums = OnLine([[0; CELLS]; GROUP]);
                    let first_input = layer * units + tile * CELLS;
                    let output = self.weights.matrices[config.layers()].rows(first_input, output_errors);
                    let terms = match upper < config.layers() {
                        true => {
                            let first_input = config.embedding() + tile * CELLS;
                            &[output, self.weights.matrices[upper].rows(first_input, upper_errors)][..]
                        }
                        false => &[output],
                    };
                    multiply_rows(count, terms, &mut sums);
                    for (step, sums) in (first..).zip(&sums[..count]) {
                        above[self.place(share, m, step) + own] = *sums;
                    }
                }
            }
        }
    }

    /// A part's tiles at a step.
    fn backward(&self, layer: usize, step: usize, part: &mut Part) {
        let config = &self.shape.config;
        let (units, tiles) = (config.units(), config.units() / CELLS);
        let (rows, last) = (4 * units, step + 1 == self.steps);
        let matrix = &self.weights.matrices[layer];
        let own_states = self.shape.layout.matrices[layer].inputs - units;
        let Part { share, records, above, errors } = part;
        let (group, known, cut) = (share.group, self.known(share), &self.exchange.cut);
        let is_whole = cut.tiles.len() == 1;
        let others_need_it = !is_whole || layer > self.layers.start;
        if !last && !is_whole {
            for (stream, errors) in errors.chunks_exact_mut(rows / WORD).take(known.len()).enumerate() {
                self.exchange.read(Row { layer, slot: step + 1, group, stream }, errors);
            }
        }
        for (own, tile) in cut.tiles[share.run].clone().enumerate() {
            for first in (0..known.len()).step_by(GROUP) {
                let count = GROUP.min(known.len() - first);
                let mut sums = OnLine([[0; CELLS]; GROUP]);
                if !last {
                    let after = |m: usize| match is_whole {
                        true => records[m].gate_errors.row(step + 1),
                        false => &bytemuck::cast_slice(errors)[m * rows..][..rows],
                    };
                    let errors = std::array::from_fn(|m| after(first + m.min(count - 1)));
                    multiply_rows(count, &[matrix.rows(own_states + tile * CELLS, errors)], &mut sums);
                }
                for (m, sums) in (first..first + count).zip(sums.iter_mut()) {
                    let Known { gates, cells, shares, .. } = &known[m];
                    let above = &above[self.place(share, m, step) + own];
                    sums.iter_mut().zip(above).for_each(|(sum, &above)| *sum = sum.wrapping_add(above));
                    // Of one slot, or step, of all layers.
                    let of = |slot: usize| (slot * config.layers() + layer) * tiles + tile;
                    let (gates, before, now) = (&gates[of(step)], &cells[of(step)], &cells[of(step + 1)]);
                    let (limit, shares) = (config.error_limit(), &shares[of(0)]);
                    let Record { gate_errors, cell_errors } = &mut records[m];
                    let errors = &mut gate_errors.row_mut(step).as_chunks_mut().0[own];
                    let cell_errors = &mut cell_errors.as_chunks_mut().0[own];
                    if last {
                        cell_errors.fill(0);
                    }
                    vectorized(
                        #[inline(always)]
                        || cells_backward(limit, sums, gates, before, now, shares, cell_errors, errors),
                    );
                    if others_need_it {
                        let row = |slot: usize| Row { layer, slot, group, stream: m };
                        if self.layers.len() == 1 {
                            // Who wrote the step after, and all did, had read the one after that.
                            self.exchange.clear(row(step + 2), share.run, own);
                        }
                        let words: [u64; TILE / WORD] = bytemuck::cast(*errors);
                        self.exchange.write(row(step), share.run, own, &words);
                    }
                }
            }
        }
    }
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
    let mut entries = OnLine([0u32; CELLS]);
    for n in 0..CELLS {
        entries[n] = tanh_index(now[n] << 1) as u32;
    }
    look_up(&TABLES.tanh, &mut *entries);
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
    use crate::model::ModelConfig;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;
    use crate::numerics::activation::tanh;
    use crate::numerics::generator::random_within;
    use proptest::prelude::*;

    /// Eleven tiles, which make uneven parts, few steps and enough to be cut by layer, in
    /// segments that are not full.
    #[test]
    fn layers_and_threads_make_no_difference() {
        for (layers, streams, steps) in [1, 2, 3].into_iter().flat_map(|layers| {
            [1, 2, 5].into_iter().flat_map(move |streams| [1, 2, 3, 4, 5, 35, 65].map(|steps| (layers, streams, steps)))
        }) {
            let config = ModelConfig { layers, units: 176, streams, segment: 66, ..small() };
            let (shape, layers) = (Shape::new(&config), config.layers());
            let weights = Weights::pack(&shape, &initial_parameters(&config).master);
            let mut streams = vec![Stream::new(&shape); config.streams()];
            for (m, stream) in streams.iter_mut().enumerate() {
                let draw = |i: usize, limit: i32| random_within(m as u64, i as u64, limit as u32);
                stream.gates.iter_mut().enumerate().for_each(|(i, x)| *x = draw(i, GATE_ONE).abs() as i16);
                stream.cells.iter_mut().enumerate().for_each(|(i, x)| *x = draw(i, CELL_LIMIT));
                stream.output_errors.iter_mut().enumerate().for_each(|(i, x)| *x = draw(i, 1000) as i16);
                stream.gate_errors.iter_mut().enumerate().for_each(|(i, x)| *x = draw(i, 1000) as i16);
            }
            let run = |threads: usize, work: &(dyn Fn(&mut [Stream]) + Sync)| {
                let mut streams = streams.clone();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| work(&mut streams));
                streams
            };
            let whole = |streams: &mut [Stream]| lstm_backward(&shape, &weights, 0..layers, steps, streams);
            let expected = run(1, &whole);
            assert!(expected != streams);
            for threads in [2, 3, 8, 16] {
                assert!(run(threads, &whole) == expected, "{config:?}, {steps} steps, {threads} threads");
                let by_layer = run(threads, &|streams| {
                    (0..layers).rev().for_each(|l| lstm_backward(&shape, &weights, l..l + 1, steps, streams));
                });
                assert!(by_layer == expected, "layer by layer, {config:?}, {steps} steps, {threads} threads");
            }
        }
    }

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
