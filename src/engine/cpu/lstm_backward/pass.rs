//! The schedule of `lstm_backward`: which task computes what, and when.

use std::ops::Range;

use super::cells::cells_backward;
use crate::engine::cpu::columns::Columns;
use crate::engine::cpu::exchange::{Exchange, GateErrorTile, Row};
use crate::engine::cpu::partition::Subset;
use crate::engine::cpu::phases::Tasks;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::softmax::SYMBOLS;
use crate::simd::{Aligned, AlignedBuffer, GROUP, multiply_rows, vectorized};

/// The values that all tasks share. A phase is one step of each layer.
pub struct Pass<'a> {
    pub shape: &'a Shape,
    pub weights: &'a Weights,
    pub layers: Range<usize>,
    pub steps: usize,
    /// Steps that a layer is behind the layer above; all steps if there is one layer.
    pub lag: usize,
    /// `[streams]`
    pub forward: Vec<ForwardRecord<'a>>,
    /// Gate errors.
    pub exchange: Exchange<GateErrorTile>,
}

/// The parts of a stream's record that the forward pass, the output and the layer above have written.
pub struct ForwardRecord<'a> {
    pub gates: &'a [[i16; TILE]],
    pub cells: &'a [[i32; CELLS]],
    pub shares: &'a [[i32; CELLS]],
    pub output_errors: &'a [i16],
    pub upper_errors: Columns<'a, i16>,
}

/// Computes a subset: some tiles of one layer for some streams.
pub struct Task<'a> {
    pub subset: Subset,
    /// `[streams]`
    pub records: Vec<Record<'a>>,
    /// `[streams][lag][tiles]`: sums over the errors of the output and the layer above.
    pub above: Vec<[i32; CELLS]>,
    /// `[streams][rows]` of the step after, or `[4 steps][rows]` of one stream's layer above.
    pub errors: AlignedBuffer<i16>,
}

/// A block of tiles of one layer in a stream's record.
pub struct Record<'a> {
    pub gate_errors: Columns<'a, i16>,
    pub cell_errors: &'a mut [i32],
}

impl<'a> Pass<'a> {
    /// Runs all tasks.
    pub fn run(&self, tasks: Tasks<Task>) {
        let phases = self.steps + self.lag * (self.layers.len() - 1);
        self.exchange.in_phases(phases, tasks, |phase, task| {
            let layer = task.subset.layers.start;
            let done = phase.wrapping_sub(self.lag * (self.layers.end - 1 - layer));
            if done < self.steps {
                if done.is_multiple_of(self.lag) {
                    self.sum_errors_from_above(layer, self.steps - done, task);
                }
                self.backward(layer, self.steps - 1 - done, task);
            }
        });
    }

    /// The forward records of a subset's streams.
    fn forward(&self, subset: &Subset) -> &[ForwardRecord<'a>] {
        &self.forward[self.exchange.partition.streams[subset.group].clone()]
    }

    /// The index in [`Task::above`] of the sums of the first tile.
    fn above_index(&self, subset: &Subset, stream: usize, step: usize) -> usize {
        (stream * self.lag + (self.steps - 1 - step) % self.lag) * self.exchange.partition.tiles[subset.block].len()
    }

    /// Computes the sums over the errors of the output and of the layer above, for the `lag` steps
    /// before `end`. None of them depends on another, so each weight is loaded once for four steps.
    fn sum_errors_from_above(&self, layer: usize, end: usize, task: &mut Task) {
        let config = &self.shape.config;
        let (units, rows, upper) = (config.units(), 4 * config.units(), layer + 1);
        let Task { subset, above, errors, .. } = task;
        let (group, start) = (subset.group, end.saturating_sub(self.lag));
        for (m, forward) in self.forward(subset).iter().enumerate() {
            for first in (start..end).step_by(GROUP) {
                let count = GROUP.min(end - first);
                let step = |i: usize| first + i.min(count - 1);
                if upper < self.layers.end {
                    for (slot, errors) in (first..end).zip(errors.chunks_exact_mut(rows)).take(count) {
                        self.exchange.read(Row { layer: upper, slot, group, stream: m }, errors);
                    }
                }
                let upper_errors: [&[i16]; GROUP] = std::array::from_fn(|i| match upper < self.layers.end {
                    true => &errors[i.min(count - 1) * rows..][..rows],
                    false => forward.upper_errors.row(step(i)),
                });
                let output_errors: [&[i16]; GROUP] =
                    std::array::from_fn(|i| &forward.output_errors[step(i) * SYMBOLS..][..SYMBOLS]);
                for (own, tile) in self.exchange.partition.tiles[subset.block].clone().enumerate() {
                    let mut sums = Aligned([[0; CELLS]; GROUP]);
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
                        above[self.above_index(subset, m, step) + own] = *sums;
                    }
                }
            }
        }
    }

    /// Computes a task's tiles at a step.
    fn backward(&self, layer: usize, step: usize, task: &mut Task) {
        let config = &self.shape.config;
        let (units, tiles) = (config.units(), config.units() / CELLS);
        let (rows, last) = (4 * units, step + 1 == self.steps);
        let matrix = &self.weights.matrices[layer];
        let own_states = self.shape.layout.matrices[layer].inputs - units;
        let Task { subset, records, above, errors } = task;
        let (group, forward, partition) = (subset.group, self.forward(subset), &self.exchange.partition);
        let is_whole = partition.tiles.len() == 1;
        let others_need_it = !is_whole || layer > self.layers.start;
        if !last && !is_whole {
            for (stream, errors) in errors.chunks_exact_mut(rows).take(forward.len()).enumerate() {
                self.exchange.read(Row { layer, slot: step + 1, group, stream }, errors);
            }
        }
        for (own, tile) in partition.tiles[subset.block].clone().enumerate() {
            for first in (0..forward.len()).step_by(GROUP) {
                let count = GROUP.min(forward.len() - first);
                let mut sums = Aligned([[0; CELLS]; GROUP]);
                if !last {
                    let after = |m: usize| match is_whole {
                        true => records[m].gate_errors.row(step + 1),
                        false => &errors[m * rows..][..rows],
                    };
                    let errors = std::array::from_fn(|m| after(first + m.min(count - 1)));
                    multiply_rows(count, &[matrix.rows(own_states + tile * CELLS, errors)], &mut sums);
                }
                for (m, sums) in (first..first + count).zip(sums.iter_mut()) {
                    let ForwardRecord { gates, cells, shares, .. } = &forward[m];
                    let above = &above[self.above_index(subset, m, step) + own];
                    sums.iter_mut().zip(above).for_each(|(sum, &above)| *sum = sum.wrapping_add(above));
                    let index = |slot: usize| (slot * config.layers() + layer) * tiles + tile;
                    let (gates, before, now) = (&gates[index(step)], &cells[index(step)], &cells[index(step + 1)]);
                    let (limit, shares) = (config.error_limit(), &shares[index(0)]);
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
                            // All tasks wrote step + 1, and before that they read step + 2.
                            self.exchange.clear(row(step + 2), subset.block, own);
                        }
                        self.exchange.write(row(step), subset.block, own, *errors);
                    }
                }
            }
        }
    }
}
