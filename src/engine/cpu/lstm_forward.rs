//! Kernel `lstm_forward`: an LSTM's layers (Hochreiter and Schmidhuber 1997, with forget gates).

use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use super::columns::Columns;
use super::crew::Parts;
use super::cut::{Cut, Share, Whole};
use super::exchange::{Exchange, Row};
use super::state::{Stream, Weights};
use crate::model::Layout;
use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{sigmoid_between, sigmoid_index, tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;
use crate::simd::aligned::OnLine;
use crate::simd::{GROUP, NO_SUMS, excess, look_up, multiply_inputs, vectorized};

/// Activations of a word.
const WORD: usize = size_of::<u64>();

/// What all parts have in common: a phase is one layer of one step.
struct Pass<'a> {
    shape: &'a Shape,
    weights: &'a Weights,
    layers: Range<usize>,
    steps: Range<usize>,
    /// `[streams]`
    embeddings: SmallVec<[Columns<'a, i8>; 1]>,
    /// Hidden states, from the slot of the first step on.
    exchange: Exchange,
}

/// Some tiles of some layers for some streams. In place are the lists of one stream, two layers
/// and up to 256 units, whose steps are too short to ask the system for memory.
struct Part<'a> {
    share: Share,
    /// `[streams][layers]`
    records: SmallVec<[Record<'a>; 2]>,
    /// `[streams][inputs]` of the layer at hand.
    inputs: SmallVec<[u64; 72]>,
    /// `[streams]`, what inputs add to sums, as weights have 128 added.
    excess: SmallVec<[i32; 1]>,
}

/// A stream's tiles of one layer.
struct Record<'a> {
    gates: Columns<'a, i16>,
    cells: Columns<'a, i32>,
    hidden: Columns<'a, i8>,
    shares: &'a [i32],
}

/// Computes gates, cells and hidden states of `layers` at each of `steps` for all `streams`,
/// whose symbols are embedded.
pub fn lstm_forward(
    shape: &Shape,
    weights: &Weights,
    layers: Range<usize>,
    steps: Range<usize>,
    streams: &mut [Stream],
) {
    let (layout, all, tiles) = (&shape.layout, shape.config.layers(), shape.config.units() / CELLS);
    let matrices = &layout.matrices[layers.clone()];
    let inputs = matrices.iter().map(|matrix| matrix.inputs).max().unwrap_or(0);
    let products = matrices.iter().map(|matrix| matrix.rows * matrix.inputs).sum();
    let cut =
        Cut::new(Whole { layers: layers.clone(), streams: streams.len(), tiles, steps: steps.len(), lag: 1, products });
    let part = |share: Share| {
        let count = cut.streams[share.group].len();
        let records = SmallVec::with_capacity(count * share.layers.len());
        Part { share, records, inputs: smallvec![0; count * inputs / WORD], excess: smallvec![0; count] }
    };
    let mut parts: Parts<Part> = cut.shares().map(part).collect();
    let exchanged = if cut.is_apart() && layers.len() == all { 0 } else { all };
    let exchange = Exchange::new(cut, exchanged, steps.len() + 1, CELLS / WORD);
    let mut pass = Pass { shape, weights, layers, steps, embeddings: SmallVec::new(), exchange };
    if exchanged > 0 {
        pass.begin(streams);
    }
    let (cut, mut embeddings) = (&pass.exchange.cut, SmallVec::with_capacity(streams.len()));
    for ((group, _), stream) in cut.groups().zip(streams) {
        let gates = Columns::cut(&mut stream.gates, shape.gates(), cut.columns(all, TILE));
        let cells = Columns::cut(&mut stream.cells, shape.cells(), cut.columns(all, CELLS));
        let columns = std::iter::once(layout.hidden(0)).chain(cut.columns(all, CELLS));
        let mut hidden = Columns::cut(&mut stream.activations, layout.activations, columns);
        embeddings.extend(hidden.next());
        let mut shares = &stream.shares[..];
        for (index, ((gates, cells), hidden)) in gates.zip(cells).zip(hidden).enumerate() {
            let (layer, run) = (index / cut.tiles.len(), index % cut.tiles.len());
            let own = shares.split_off(..cut.tiles[run].len() * CELLS).expect("a share for each cell");
            if pass.layers.contains(&layer) {
                parts[cut.part(layer, group, run)].records.push(Record { gates, cells, hidden, shares: own });
            }
        }
    }
    pass.embeddings = embeddings;
    let waves = pass.steps.len() + pass.layers.len() - 1;
    pass.exchange.in_phases(waves * pass.layers.len(), parts, |phase, part| {
        // A layer is a step behind the one below, so that what it needs of others was written
        // before what came last.
        let (wave, above) = (phase / pass.layers.len(), phase % pass.layers.len());
        let (layer, step) = (pass.layers.start + above, (pass.steps.start + wave).wrapping_sub(above));
        if part.share.layers.contains(&layer) && pass.steps.contains(&step) {
            pass.gather(layer, step, part);
            pass.forward(layer, step, part);
        }
    });
}

impl Pass<'_> {
    /// A stream's hidden states, where parts exchange them.
    fn row(&self, layer: usize, slot: usize, group: usize, stream: usize) -> Row {
        Row { layer, slot: slot - self.steps.start, group, stream }
    }

    /// Hands out states that this pass does not compute.
    fn begin(&self, streams: &[Stream]) {
        let Layout { activations, .. } = self.shape.layout;
        let before = self.layers.clone().map(|layer| (layer, self.steps.start));
        let below = self.layers.start.checked_sub(1).into_iter();
        let below = below.flat_map(|layer| (self.steps.start + 1..=self.steps.end).map(move |slot| (layer, slot)));
        for (layer, slot) in before.chain(below) {
            for ((group, m), stream) in self.exchange.cut.groups().zip(streams) {
                let states = &stream.activations[slot * activations + self.shape.layout.hidden(layer)..];
                for (run, tiles) in self.exchange.cut.tiles.iter().enumerate() {
                    for (own, &states) in states.as_chunks().0[tiles.clone()].iter().enumerate() {
                        self.write(self.row(layer, slot, group, m), run, own, states);
                    }
                }
            }
        }
    }

    fn write(&self, row: Row, run: usize, own: usize, states: [i8; CELLS]) {
        let words: [u64; CELLS / WORD] = bytemuck::cast(states);
        self.exchange.write(row, run, own, &words);
    }

    /// The inputs of a layer.
    fn gather(&self, layer: usize, step: usize, part: &mut Part) {
        let (layout, Cut { streams, tiles, .. }) = (&self.shape.layout, &self.exchange.cut);
        let Part { share, records, .. } = part;
        let width = layout.matrices[layer].inputs / WORD;
        for (m, (inputs, sum)) in part.inputs.chunks_exact_mut(width).zip(&mut part.excess).enumerate() {
            for run in layout.input_runs(layer) {
                let slot = step + 1 - run.delay;
                let inputs = &mut inputs[run.input / WORD..][..run.len / WORD];
                match run.activation.checked_sub(layout.hidden(0)).map(|cell| cell / self.shape.config.units()) {
                    None => {
                        let embedding = &self.embeddings[streams[share.group].start + m];
                        bytemuck::cast_slice_mut(inputs).copy_from_slice(embedding.row(slot));
                    }
                    Some(of) if tiles.len() == 1 && share.layers.contains(&of) => {
                        let states = records[record(share, m, of)].hidden.row(slot);
                        bytemuck::cast_slice_mut(inputs).copy_from_slice(states);
                    }
                    Some(of) => self.exchange.read(self.row(of, slot, share.group, m), inputs),
                }
            }
            *sum = excess(bytemuck::cast_slice(inputs));
        }
    }

    /// A part's tiles of a layer, from its inputs.
    fn forward(&self, layer: usize, step: usize, part: &mut Part) {
        let (matrix, packed) = (&self.shape.layout.matrices[layer], &self.weights.matrices[layer]);
        let Part { share, records, inputs, excess } = part;
        let (inputs, tiles): (&[i8], _) = (bytemuck::cast_slice(inputs), &self.exchange.cut.tiles);
        let others_need_it = tiles.len() > 1 || layer + 1 < self.layers.end && !share.layers.contains(&(layer + 1));
        for (own, tile) in tiles[share.run].clone().enumerate() {
            let biases = &packed.biases[tile * TILE..][..TILE];
            let panel = &packed.by_input[tile * matrix.inputs * TILE..][..matrix.inputs * TILE];
            for first in (0..excess.len()).step_by(GROUP) {
                let mut sums = NO_SUMS;
                for (sums, excess) in sums.iter_mut().zip(&excess[first..]) {
                    sums.iter_mut().zip(biases).for_each(|(sum, &bias)| *sum = bias - excess);
                }
                let count = GROUP.min(excess.len() - first);
                let row = |m: usize| &inputs[(first + m.min(count - 1)) * matrix.inputs..][..matrix.inputs];
                let rows: [&[i8]; GROUP] = std::array::from_fn(row);
                multiply_inputs(&rows[..count], panel, &mut sums);
                for (m, sums) in (first..first + count).zip(sums.iter()) {
                    let Record { gates, cells, hidden, shares } = &mut records[record(share, m, layer)];
                    let before = cells.row(step).as_chunks().0[own];
                    let cells = &mut cells.row_mut(step + 1).as_chunks_mut().0[own];
                    let gates = &mut gates.row_mut(step).as_chunks_mut().0[own];
                    let hidden = &mut hidden.row_mut(step + 1).as_chunks_mut().0[own];
                    let shares = &shares.as_chunks().0[own];
                    vectorized(
                        #[inline(always)]
                        || cells_forward(sums, &before, shares, gates, cells, hidden),
                    );
                    if others_need_it {
                        self.write(self.row(layer, step + 1, share.group, m), share.run, own, *hidden);
                    }
                }
            }
        }
    }
}

/// Where a part has a stream's record of a layer.
fn record(share: &Share, stream: usize, layer: usize) -> usize {
    stream * share.layers.len() + layer - share.layers.start
}

/// A tile of 16 cells of one stream.
#[inline(always)]
fn cells_forward(
    x: &[i32; TILE],
    before: &[i32; CELLS],
    shares: &[i32; CELLS],
    gates: &mut [i16; TILE],
    cells: &mut [i32; CELLS],
    hidden: &mut [i8; CELLS],
) {
    // Table look-ups stand between the loops: see adam_row.
    let tables = &*TABLES;
    let mut entries = OnLine([0; TILE]);
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
    let mut tanh_entries = OnLine([0; CELLS]);
    for n in 0..CELLS {
        let i = sigmoid_between(entries[n], x[n]);
        let f = sigmoid_between(entries[CELLS + n], x[CELLS + n]);
        let g = tanh_between(entries[3 * CELLS + n], x[2 * CELLS + n]);
        let o = sigmoid_between(entries[2 * CELLS + n], x[3 * CELLS + n]);
        let c = round_shift(f * before[n] + ((i * g) >> 2), GATE_FRACTION);
        cells[n] = bounded(c, CELL_LIMIT);
        tanh_entries[n] = tanh_index(cells[n] << 1) as u32;
        gates[n] = i as i16;
        gates[CELLS + n] = f as i16;
        gates[2 * CELLS + n] = g as i16;
        gates[3 * CELLS + n] = o as i16;
    }
    look_up(&tables.tanh, &mut *tanh_entries);
    for (n, &entry) in tanh_entries.iter().enumerate() {
        let tc = tanh_between(entry, cells[n] << 1);
        let h = round_shift(i32::from(gates[3 * CELLS + n]) * tc, 2 * GATE_FRACTION - ACTIVATION_FRACTION);
        hidden[n] = bounded(round_shift(h * shares[n], SHARE_FRACTION), BYTE_LIMIT) as i8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::embed::embed;
    use crate::model::ModelConfig;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;
    use crate::numerics::activation::{sigmoid, tanh};
    use crate::numerics::generator::{random_u64, random_within};
    use proptest::prelude::*;

    /// Eleven tiles, which make uneven parts; one, two and five streams, which are cut in all ways.
    #[test]
    fn steps_layers_and_threads_make_no_difference() {
        for streams in [1, 2, 5] {
            let config = ModelConfig { layers: 2, units: 176, streams, segment: 9, ..small() };
            let (shape, layers, steps) = (Shape::new(&config), config.layers(), config.segment());
            let weights = Weights::pack(&shape, &initial_parameters(&config).master);
            let mut streams = vec![Stream::new(&shape); config.streams()];
            for (m, stream) in streams.iter_mut().enumerate() {
                let draw = |i: usize| random_within(m as u64, i as u64, 100);
                stream.activations.iter_mut().enumerate().for_each(|(i, x)| *x = draw(i) as i8);
                stream.cells.iter_mut().enumerate().for_each(|(i, x)| *x = 100 * draw(i));
                stream.previous.iter_mut().enumerate().for_each(|(i, x)| *x = random_u64(m as u64, i as u64) as u8);
            }
            (0..steps).for_each(|step| embed(&shape, &weights, step, &mut streams));
            let run = |threads: usize, work: &(dyn Fn(&mut [Stream]) + Sync)| {
                let mut streams = streams.clone();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| work(&mut streams));
                streams
            };
            let whole = |streams: &mut [Stream]| lstm_forward(&shape, &weights, 0..layers, 0..steps, streams);
            let expected = run(1, &whole);
            for threads in [1, 2, 3, 8, 16] {
                assert!(run(threads, &whole) == expected, "{threads} threads");
                let by_step = run(threads, &|streams| {
                    (0..steps).for_each(|t| lstm_forward(&shape, &weights, 0..layers, t..t + 1, streams));
                });
                assert!(by_step == expected, "step by step, {threads} threads");
                let by_layer = run(threads, &|streams| {
                    (0..layers).for_each(|l| lstm_forward(&shape, &weights, l..l + 1, 0..steps, streams));
                });
                assert!(by_layer == expected, "layer by layer, {threads} threads");
            }
        }
    }

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
            let (mut gates, mut cells, mut hidden) = ([0; TILE], [0; CELLS], [0; CELLS]);
            cells_forward(&tile, &[before; CELLS], &[share; CELLS], &mut gates, &mut cells, &mut hidden);

            let (i, f, o) = (sigmoid(&TABLES, sums[0]), sigmoid(&TABLES, sums[1]), sigmoid(&TABLES, sums[3]));
            let g = tanh(&TABLES, sums[2]);
            prop_assert_eq!([0, 1, 2, 3].map(|q| i32::from(gates[q * CELLS])), [i, f, g, o]);
            let (i, f, g, o, before) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o), i64::from(before));
            prop_assert!([i, f, o].iter().all(|x| (0..=16384).contains(x)) && g.abs() <= 16384);
            let c = rounded(fits(f * before) + fits(i * g).div_euclid(4), 14).clamp(-65535, 65535);
            prop_assert_eq!(i64::from(cells[0]), c);
            let t = i64::from(tanh(&TABLES, (2 * c) as i32));
            let h = rounded(fits(o * t), 21) * i64::from(share);
            let h = rounded(fits(h), 8).clamp(-127, 127);
            prop_assert_eq!(i64::from(hidden[0]), h);
        }
    }
}
