//! What learns: masters, moments, and the forward weights and records of a segment.

use std::sync::Arc;

use rayon::prelude::*;

use super::samples::Samples;
use super::state::{Stream, Weights};
use super::{each_group, embedding_backward, embedding_update, lstm_backward, output_error, weight_update};
use super::{forward, set_symbols};
use crate::engine::Replay;
use crate::model::Shape;
use crate::model::{ModelConfig, Parameters};
use crate::numerics::wide::AdamStep;
use crate::simd::aligned::Aligned;

/// Everything that learning reads and writes.
pub struct Learner {
    /// Master weights, Q24.
    pub master: Aligned<i32>,
    /// Second moments, packed wide numbers.
    pub moments: Aligned<u32>,
    /// What the segment was predicted with; after learning, what the next but one is.
    pub weights: Weights,
    /// Records of the segment.
    pub segment: Records,
    /// Records of windows that are learnt again.
    pub replay: Option<Records>,
}

/// A batch of streams, forward and backward.
pub struct Records {
    /// The model's shape with this batch's streams and steps.
    pub shape: Arc<Shape>,
    /// A record a stream.
    pub streams: Vec<Stream>,
    /// Their activations, transposed.
    samples: Samples,
}

impl Records {
    /// Streams at zero.
    pub fn new(config: &ModelConfig) -> Self {
        let shape = Arc::new(Shape::new(config));
        Records { streams: vec![Stream::new(&shape); config.streams()], samples: Samples::default(), shape }
    }
}

impl Learner {
    /// A learner with the given learnt state.
    pub fn new(config: &ModelConfig, parameters: &Parameters) -> Self {
        let segment = Records::new(config);
        Learner {
            master: Aligned::copy_of(&parameters.master),
            moments: Aligned::copy_of(&parameters.moments),
            weights: Weights::pack(&segment.shape, &parameters.master),
            segment,
            replay: config.replay().map(|config| Records::new(&config)),
        }
    }

    /// Learns from a segment of `steps` steps that was predicted.
    pub fn learn(&mut self, steps: usize, adam: &AdamStep) {
        let Learner { master, moments, weights, segment, .. } = self;
        backward(segment, weights, steps);
        update(segment, weights, master, moments, steps, adam);
    }

    /// Learns from windows of what is already coded.
    pub fn learn_again(&mut self, windows: &Replay, adam: &AdamStep) {
        let Learner { master, moments, weights, replay, .. } = self;
        let records = replay.as_mut().expect("the model has replay");
        let steps = records.shape.config.segment();
        set_symbols(&mut records.streams, &windows.previous, |stream| &mut stream.previous);
        set_symbols(&mut records.streams, &windows.targets, |stream| &mut stream.targets);
        records.streams.iter_mut().for_each(|stream| stream.reset(&records.shape));
        for (stream, shares) in records.streams.iter_mut().zip(windows.shares.chunks_exact(records.shape.cells())) {
            stream.shares.copy_from_slice(shares);
        }
        forward(&records.shape, weights, &mut records.streams, 0..steps);
        backward(records, weights, steps);
        update(records, weights, master, moments, steps, adam);
    }
}

/// All errors, from the last step to the first.
fn backward(records: &mut Records, weights: &Weights, steps: usize) {
    let Records { shape, streams, .. } = records;
    each_group(streams, |group| output_error::output_error(shape, steps, group));
    lstm_backward::lstm_backward(shape, weights, 0..shape.config.layers(), steps, streams);
    streams.par_iter_mut().for_each(|stream| embedding_backward::embedding_backward(shape, weights, steps, stream));
}

/// Every weight, once.
fn update(
    records: &mut Records,
    weights: &mut Weights,
    master: &mut [i32],
    moments: &mut [u32],
    steps: usize,
    adam: &AdamStep,
) {
    let Records { shape, streams, samples } = records;
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

    /// Eleven tiles, which make uneven parts; windows that go in gangs, a whole group of them and
    /// one more, or apart with a layer or half of one to a thread.
    #[test]
    fn threads_change_nothing() {
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
            let learnt = [1, 2, 3, 8, 16].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let mut learner = Learner::new(&config, &parameters);
                    (0..3).for_each(|_| learner.learn_again(&replay, &adam));
                    (learner.master, learner.moments, learner.weights, learner.replay.unwrap().streams)
                })
            });
            assert!(learnt.iter().all(|other| *other == learnt[0]) && *learnt[0].0 != parameters.master[..]);
        }
    }
}
