//! Kernel `lstm_forward`: the layers of an LSTM (Hochreiter and Schmidhuber 1997, with forget gates).
//!
//! `cells.rs` is the arithmetic of a tile of cells, `pass.rs` the order of the work and what tasks
//! exchange. `src/engine/reference/lstm_forward.rs` is the definition in plain loops.

mod cells;
mod pass;

use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use super::columns::Columns;
use super::exchange::Exchange;
use super::partition::{Partition, PassSize, Subset};
use super::phases::Tasks;
use super::stream::Stream;
use super::weights::Weights;
use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use pass::{Pass, Record, Task, WORD};

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
    let size = PassSize { layers: layers.clone(), streams: streams.len(), tiles, steps: steps.len(), lag: 1, products };
    let partition = Partition::new(size);
    let task = |subset: Subset| {
        let count = partition.streams[subset.group].len();
        let records = SmallVec::with_capacity(count * subset.layers.len());
        Task { subset, records, inputs: smallvec![0; count * inputs / WORD], excess: smallvec![0; count] }
    };
    let mut tasks: Tasks<Task> = partition.subsets().map(task).collect();
    let exchanged = if partition.is_independent() && layers.len() == all { 0 } else { all };
    let exchange = Exchange::new(partition, exchanged, steps.len() + 1);
    let mut pass = Pass { shape, weights, layers, steps, embeddings: SmallVec::new(), exchange };
    if exchanged > 0 {
        pass.write_initial_states(streams);
    }
    let (partition, mut embeddings) = (&pass.exchange.partition, SmallVec::with_capacity(streams.len()));
    for ((group, _), stream) in partition.grouped_streams().zip(streams) {
        let gates = Columns::split(&mut stream.gates, shape.gates(), partition.column_widths(all, TILE));
        let cells = Columns::split(&mut stream.cells, shape.cells(), partition.column_widths(all, CELLS));
        let widths = std::iter::once(layout.hidden(0)).chain(partition.column_widths(all, CELLS));
        let mut hidden = Columns::split(&mut stream.activations, layout.activations, widths);
        embeddings.extend(hidden.next());
        let mut shares = &stream.shares[..];
        for (index, ((gates, cells), hidden)) in gates.zip(cells).zip(hidden).enumerate() {
            let (layer, block) = (index / partition.tiles.len(), index % partition.tiles.len());
            let own = shares.split_off(..partition.tiles[block].len() * CELLS).expect("a share for each cell");
            if pass.layers.contains(&layer) {
                let task = &mut tasks[partition.subset_index(layer, group, block)];
                task.records.push(Record { gates, cells, hidden, shares: own });
            }
        }
    }
    pass.embeddings = embeddings;
    pass.run(tasks);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::embed::embed;
    use crate::model::ModelConfig;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;
    use crate::numerics::generator::{random_u64, random_within};
    use crate::pool::on_threads;

    /// Eleven tiles, which can't be split evenly; one, two and five streams, for which passes are
    /// split in all ways.
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
                on_threads(threads, || work(&mut streams));
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
}
