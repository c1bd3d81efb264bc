//! Everything that training reads and writes, and the two updates of a segment.

use std::sync::Arc;

use rayon::prelude::*;

use super::stream::Stream;
use super::transposed::Samples;
use super::weights::Weights;
use super::{each_group, embedding_backward, embedding_update, lstm_backward, output_error, weight_update};
use super::{forward, set_symbols};
use crate::engine::Replay;
use crate::model::{ModelConfig, Parameters, Shape};
use crate::numerics::wide::AdamStep;
use crate::simd::AlignedBuffer;

/// Everything that training reads and writes.
pub struct TrainingState {
    /// Master weights, Q24.
    pub master: AlignedBuffer<i32>,
    /// Second moments, wide numbers.
    pub moments: AlignedBuffer<u32>,
    /// The weights that predicted the segment; after training, those for the next segment but one.
    pub weights: Weights,
    /// The segment.
    pub segment: Batch,
    /// The windows of replay.
    pub replay: Option<Batch>,
}

/// The records of all streams of a segment, or of all windows of replay.
pub struct Batch {
    /// The model's shape, with the streams and steps of this batch.
    pub shape: Arc<Shape>,
    /// One record for each stream.
    pub streams: Vec<Stream>,
    /// Their activations, transposed for the gradients.
    samples: Samples,
}

impl Batch {
    /// A batch with all states at zero.
    pub fn new(config: &ModelConfig) -> Self {
        let shape = Arc::new(Shape::new(config));
        Batch { streams: vec![Stream::new(&shape); config.streams()], samples: Samples::default(), shape }
    }
}

impl TrainingState {
    /// A training state with the given parameters.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Self {
        let segment = Batch::new(config);
        TrainingState {
            master: AlignedBuffer::copy_of(&parameters.master),
            moments: AlignedBuffer::copy_of(&parameters.moments),
            weights: Weights::pack(&segment.shape, &parameters.master),
            segment,
            replay: config.replay().map(|config| Batch::new(&config)),
        }
    }

    /// Trains on the segment, of which `steps` steps were predicted.
    pub fn train_segment(&mut self, steps: usize, adam: &AdamStep) {
        let TrainingState { master, moments, weights, segment, .. } = self;
        backward(segment, weights, steps);
        update(segment, weights, master, moments, steps, adam);
    }

    /// Trains on windows of what is already coded.
    pub fn train_replay(&mut self, windows: &Replay, adam: &AdamStep) {
        let TrainingState { master, moments, weights, replay, .. } = self;
        let batch = replay.as_mut().expect("the model has replay");
        let steps = batch.shape.config.segment();
        set_symbols(&mut batch.streams, &windows.previous, |stream| &mut stream.previous);
        set_symbols(&mut batch.streams, &windows.targets, |stream| &mut stream.targets);
        batch.streams.iter_mut().for_each(|stream| stream.reset(&batch.shape));
        for (stream, shares) in batch.streams.iter_mut().zip(windows.shares.chunks_exact(batch.shape.cells())) {
            stream.shares.copy_from_slice(shares);
        }
        forward(&batch.shape, weights, &mut batch.streams, 0..steps);
        backward(batch, weights, steps);
        update(batch, weights, master, moments, steps, adam);
    }
}

/// Computes all errors, from the last step to the first.
fn backward(batch: &mut Batch, weights: &Weights, steps: usize) {
    let Batch { shape, streams, .. } = batch;
    each_group(streams, |group| output_error::output_error(shape, steps, group));
    lstm_backward::lstm_backward(shape, weights, 0..shape.config.layers(), steps, streams);
    streams.par_iter_mut().for_each(|stream| embedding_backward::embedding_backward(shape, weights, steps, stream));
}

/// Updates every weight once.
fn update(
    batch: &mut Batch,
    weights: &mut Weights,
    master: &mut [i32],
    moments: &mut [u32],
    steps: usize,
    adam: &AdamStep,
) {
    let Batch { shape, streams, samples } = batch;
    samples.gather(shape, steps, streams);
    let (embedding, master) = master.split_at_mut(shape.layout.embedding_len);
    let (embedding_moments, moments) = moments.split_at_mut(embedding.len());
    let Weights { embedding: packed, matrices } = weights;
    embedding_update::embedding_update(shape, steps, adam, streams, embedding, embedding_moments, packed);
    weight_update::weight_update(shape, steps, adam, streams, samples, master, moments, matrices);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;
    use crate::numerics::fixed::SHARE_ONE;
    use crate::numerics::generator::{random_u64, random_within};
    use crate::numerics::wide::BiasCorrection;
    use crate::pool::on_threads;

    /// Eleven tiles, which can't be split evenly; windows in groups (a full group and one window
    /// more), or single ones with a layer or half of one for each thread.
    #[test]
    fn the_number_of_threads_changes_nothing() {
        let steps = 34;
        for (layers, windows) in [(2, 5), (3, 5), (2, 2), (3, 1)] {
            let config = ModelConfig { layers, units: 176, replay_streams: windows, replay_steps: steps, ..small() };
            let symbols = (windows * steps) as usize;
            let byte = |i: usize| random_u64(1, i as u64) as u8;
            let share = |i: usize| SHARE_ONE + random_within(2, i as u64, SHARE_ONE as u32);
            let replay = Replay {
                previous: (0..symbols).map(byte).collect(),
                targets: (1..=symbols).map(|i| byte(i).into()).collect(),
                shares: (0..windows as usize * config.units() * config.layers()).map(share).collect(),
            };
            let adam = BiasCorrection::default().advance(config.rate_start, 1 << 20, 1 << 13, 0);
            let parameters = initial_parameters(&config);
            let learned = [1, 2, 3, 8, 16].map(|threads| {
                on_threads(threads, || {
                    let mut state = TrainingState::new(&config, &parameters);
                    (0..3).for_each(|_| state.train_replay(&replay, &adam));
                    (state.master, state.moments, state.weights, state.replay.unwrap().streams)
                })
            });
            assert!(learned.iter().all(|other| *other == learned[0]) && *learned[0].0 != parameters.master[..]);
        }
    }
}
