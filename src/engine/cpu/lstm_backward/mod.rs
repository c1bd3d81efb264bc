//! Kernel `lstm_backward`: errors of the layers' gates, from the last step to the first.
//!
//! The error of a hidden state comes from the output, from the layer above at the same step and
//! from the same layer one step later; the sum of the three is rounded once.
//!
//! `cells.rs` is the arithmetic of a tile of cells, `pass.rs` the order of the work and what tasks
//! exchange. `src/engine/reference/lstm_backward.rs` is the definition in plain loops.

mod cells;
mod pass;

use std::ops::Range;

use super::columns::Columns;
use super::exchange::Exchange;
use super::partition::{Partition, PassSize, Subset};
use super::phases::Tasks;
use super::stream::Stream;
use super::weights::Weights;
use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::softmax::SYMBOLS;
use crate::simd::{AlignedBuffer, GROUP};
use pass::{ForwardRecord, Pass, Record, Task};

/// Steps that a layer is behind the layer above if different tasks compute them: it reads the
/// errors of this number of steps at a time.
const LAG: usize = GROUP;

/// Writes the gate errors of `layers` at each of `steps` steps for all `streams`. The errors of
/// the output and of the layer above are given.
pub fn lstm_backward(shape: &Shape, weights: &Weights, layers: Range<usize>, steps: usize, streams: &mut [Stream]) {
    /// The current step, the one after it, and the one after that, whose errors all tasks have read.
    const RING: usize = 3;
    let (units, rows) = (shape.config.units(), 4 * shape.config.units());
    let products = layers.len() * units * (SYMBOLS + 2 * rows);
    let (count, tiles) = (streams.len(), units / CELLS);
    let size = PassSize { layers: layers.clone(), streams: count, tiles, steps, lag: LAG, products };
    let partition = Partition::new(size);
    if !partition.has_single_layers() {
        // The weights of one layer are used for all steps before those of the next layer.
        return layers.rev().for_each(|layer| lstm_backward(shape, weights, layer..layer + 1, steps, streams));
    }
    // The tasks of a single layer wait for all errors at each step; those of several layers may be
    // many steps ahead of others.
    let (lag, slots) = if layers.len() > 1 { (LAG, steps) } else { (steps, RING) };
    let task = |subset: Subset| {
        let count = partition.streams[subset.group].len();
        let above = vec![[0; CELLS]; count * lag * partition.tiles[subset.block].len()];
        let errors = AlignedBuffer::zeros(if partition.is_independent() { 0 } else { count.max(GROUP) * rows });
        Task { subset, records: Vec::with_capacity(count), above, errors }
    };
    let mut tasks: Tasks<Task> = partition.subsets().map(task).collect();
    let mut forward = Vec::with_capacity(streams.len());
    for ((group, _), stream) in partition.grouped_streams().zip(streams) {
        let below = std::iter::once(layers.start * rows);
        let upper = if layers.end < shape.config.layers() { rows } else { 0 };
        let widths = below.chain(partition.column_widths(layers.len(), TILE)).chain(std::iter::once(upper));
        let mut gate_errors = Columns::split(&mut stream.gate_errors, shape.gates(), widths).skip(1);
        let mut cell_errors = &mut stream.cell_errors[layers.start * units..];
        let blocks = layers.clone().flat_map(|layer| (0..partition.tiles.len()).map(move |block| (layer, block)));
        for (layer, block) in blocks {
            let len = partition.tiles[block].len() * CELLS;
            let cell_errors = cell_errors.split_off_mut(..len).expect("an error for each cell");
            let gate_errors = gate_errors.next().expect("columns for all blocks");
            tasks[partition.subset_index(layer, group, block)].records.push(Record { gate_errors, cell_errors });
        }
        forward.push(ForwardRecord {
            gates: stream.gates.as_chunks().0,
            cells: stream.cells.as_chunks().0,
            shares: stream.shares.as_chunks().0,
            output_errors: &stream.output_errors,
            upper_errors: gate_errors.next().expect("columns of the layer above"),
        });
    }
    let exchanged = if partition.is_independent() { 0 } else { layers.end };
    let exchange = Exchange::new(partition, exchanged, slots);
    Pass { shape, weights, layers, steps, lag, forward, exchange }.run(tasks);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelConfig;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;
    use crate::numerics::fixed::{CELL_LIMIT, GATE_ONE};
    use crate::numerics::generator::random_within;
    use crate::pool::on_threads;

    /// Eleven tiles, which can't be split evenly; few steps, and enough steps to be split by layer;
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
                on_threads(threads, || work(&mut streams));
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
}
