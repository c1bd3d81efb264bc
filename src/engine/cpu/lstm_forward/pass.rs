//! The schedule of `lstm_forward`: which task computes what, and when.

use std::ops::Range;

use smallvec::SmallVec;

use super::cells::cells_forward;
use crate::engine::cpu::columns::Columns;
use crate::engine::cpu::exchange::{Exchange, HiddenTile, Row};
use crate::engine::cpu::partition::{Partition, Subset};
use crate::engine::cpu::phases::Tasks;
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::layout::TILE;
use crate::model::{Layout, Shape};
use crate::simd::{GROUP, NO_SUMS, excess, multiply_inputs, vectorized};

/// Activations in a word.
pub const WORD: usize = size_of::<u64>();

/// The values that all tasks share. A phase is one layer of one step.
pub struct Pass<'a> {
    pub shape: &'a Shape,
    pub weights: &'a Weights,
    pub layers: Range<usize>,
    pub steps: Range<usize>,
    /// `[streams]`
    pub embeddings: SmallVec<[Columns<'a, i8>; 1]>,
    /// Hidden states, from the slot of the first step on.
    pub exchange: Exchange<HiddenTile>,
}

/// Computes a subset: some tiles of some layers for some streams. Its lists have room in place for
/// one stream with two layers and up to 256 units, whose steps are too short to ask the system for
/// memory.
pub struct Task<'a> {
    pub subset: Subset,
    /// `[streams][layers]`
    pub records: SmallVec<[Record<'a>; 2]>,
    /// `[streams][inputs]` of the current layer, as words.
    pub inputs: SmallVec<[u64; 72]>,
    /// `[streams]`: the amount by which sums are too large, as weights are stored with 128 added.
    pub excess: SmallVec<[i32; 1]>,
}

/// A block of tiles of one layer in a stream's record.
pub struct Record<'a> {
    pub gates: Columns<'a, i16>,
    pub cells: Columns<'a, i32>,
    pub hidden: Columns<'a, i8>,
    pub shares: &'a [i32],
}

impl Pass<'_> {
    /// Runs all tasks.
    pub fn run(&self, tasks: Tasks<Task>) {
        let layers = self.layers.len();
        let waves = self.steps.len() + layers - 1;
        self.exchange.in_phases(waves * layers, tasks, |phase, task| {
            // A layer is one step behind the layer below, so that what it needs of other tasks was
            // not written by the phase just before.
            let (wave, above) = (phase / layers, phase % layers);
            let (layer, step) = (self.layers.start + above, (self.steps.start + wave).wrapping_sub(above));
            if task.subset.layers.contains(&layer) && self.steps.contains(&step) {
                self.gather_inputs(layer, step, task);
                self.forward(layer, step, task);
            }
        });
    }

    /// A stream's hidden states on the exchange.
    fn row(&self, layer: usize, slot: usize, group: usize, stream: usize) -> Row {
        Row { layer, slot: slot - self.steps.start, group, stream }
    }

    /// Writes the states that tasks read and this pass does not compute: those before its first
    /// step, and those of the layer below.
    pub fn write_initial_states(&self, streams: &[Stream]) {
        let Layout { activations, .. } = self.shape.layout;
        let before = self.layers.clone().map(|layer| (layer, self.steps.start));
        let below = self.layers.start.checked_sub(1).into_iter();
        let below = below.flat_map(|layer| (self.steps.start + 1..=self.steps.end).map(move |slot| (layer, slot)));
        for (layer, slot) in before.chain(below) {
            for ((group, m), stream) in self.exchange.partition.grouped_streams().zip(streams) {
                let states = &stream.activations[slot * activations + self.shape.layout.hidden(layer)..];
                for (block, tiles) in self.exchange.partition.tiles.iter().enumerate() {
                    for (own, &states) in states.as_chunks().0[tiles.clone()].iter().enumerate() {
                        self.exchange.write(self.row(layer, slot, group, m), block, own, states);
                    }
                }
            }
        }
    }

    /// Collects the inputs of a layer at a step.
    fn gather_inputs(&self, layer: usize, step: usize, task: &mut Task) {
        let (layout, Partition { streams, tiles, .. }) = (&self.shape.layout, &self.exchange.partition);
        let Task { subset, records, .. } = task;
        let width = layout.matrices[layer].inputs / WORD;
        for (m, (inputs, sum)) in task.inputs.chunks_exact_mut(width).zip(&mut task.excess).enumerate() {
            for run in layout.input_runs(layer) {
                let slot = step + 1 - run.delay;
                let inputs = bytemuck::cast_slice_mut(&mut inputs[run.input / WORD..][..run.len / WORD]);
                match run.activation.checked_sub(layout.hidden(0)).map(|cell| cell / self.shape.config.units()) {
                    None => {
                        let embedding = &self.embeddings[streams[subset.group].start + m];
                        inputs.copy_from_slice(embedding.row(slot));
                    }
                    Some(of) if tiles.len() == 1 && subset.layers.contains(&of) => {
                        let states = records[record_index(subset, m, of)].hidden.row(slot);
                        inputs.copy_from_slice(states);
                    }
                    Some(of) => self.exchange.read(self.row(of, slot, subset.group, m), inputs),
                }
            }
            *sum = excess(bytemuck::cast_slice(inputs));
        }
    }

    /// Computes a task's tiles of a layer from the inputs.
    fn forward(&self, layer: usize, step: usize, task: &mut Task) {
        let (matrix, packed) = (&self.shape.layout.matrices[layer], &self.weights.matrices[layer]);
        let Task { subset, records, inputs, excess } = task;
        let (inputs, tiles): (&[i8], _) = (bytemuck::cast_slice(inputs), &self.exchange.partition.tiles);
        let others_need_it = tiles.len() > 1 || layer + 1 < self.layers.end && !subset.layers.contains(&(layer + 1));
        for (own, tile) in tiles[subset.block].clone().enumerate() {
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
                    let Record { gates, cells, hidden, shares } = &mut records[record_index(subset, m, layer)];
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
                        self.exchange.write(self.row(layer, step + 1, subset.group, m), subset.block, own, *hidden);
                    }
                }
            }
        }
    }
}

/// The index of a stream's record of a layer in a task's list.
fn record_index(subset: &Subset, stream: usize, layer: usize) -> usize {
    stream * subset.layers.len() + layer - subset.layers.start
}
