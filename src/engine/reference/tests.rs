//! The CPU engine against the definitions: on shapes that fill no tile, for several layers, streams,
//! steps and threads, with operands anywhere in their range and at its ends only.

use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::transposed::Samples;
use crate::engine::cpu::weights::Weights;
use crate::engine::{INACTIVE, cpu, reference};
use crate::model::config::tests::small;
use crate::model::{ModelConfig, Shape};
use crate::numerics::fixed::*;
use crate::numerics::generator::{random_u64, random_within};
use crate::numerics::softmax::{SYMBOLS, WEIGHT_ONE};
use crate::numerics::wide::{AdamStep, BiasCorrection, LARGEST_MOMENT, LEAST_MOMENT};
use crate::pool::on_threads;

/// Everything that an operation reads or writes.
#[derive(Clone, PartialEq)]
struct State {
    masters: Vec<i32>,
    moments: Vec<u32>,
    weights: Weights,
    streams: Vec<Stream>,
}

/// A model, and the number of steps of a segment that are used.
struct Case {
    shape: Shape,
    steps: usize,
    adam: AdamStep,
}

/// Numbers drawn one after the other.
struct Draw {
    seed: u64,
    index: u64,
    extreme: bool,
}

impl Draw {
    fn below(&mut self, count: u64) -> u64 {
        self.index += 1;
        random_u64(self.seed, self.index) % count
    }

    fn within(&mut self, limit: i32) -> i32 {
        match (self.extreme, self.below(2)) {
            (true, 0) => limit,
            (true, _) => -limit,
            (false, _) => random_within(self.seed, self.index, limit as u32),
        }
    }

    fn fill<T>(&mut self, values: &mut [T], limit: i32, convert: impl Fn(i32) -> T) {
        values.iter_mut().for_each(|value| *value = convert(self.within(limit)));
    }

    fn stream(&mut self, shape: &Shape) -> Stream {
        let mut stream = Stream::new(shape);
        self.fill(&mut stream.activations, BYTE_LIMIT, |x| x as i8);
        self.fill(&mut stream.gates, GATE_ONE, |x| x as i16);
        for (n, gate) in stream.gates.iter_mut().enumerate() {
            let is_candidate = n / 16 % 4 == 2;
            *gate = if is_candidate { *gate } else { ((i32::from(*gate) + GATE_ONE) / 2) as i16 };
        }
        self.fill(&mut stream.cells, CELL_LIMIT, |x| x);
        for weights in stream.weights.chunks_exact_mut(SYMBOLS) {
            let half = (WEIGHT_ONE / 2) as i32;
            self.fill(weights, half, |x| (x + half) as u32);
            weights[self.below(256) as usize] = WEIGHT_ONE;
        }
        self.fill(&mut stream.output_errors, shape.config.error_limit(), |x| x as i16);
        self.fill(&mut stream.gate_errors, shape.config.error_limit(), |x| x as i16);
        self.fill(&mut stream.cell_errors, STATE_ERROR_LIMIT, |x| x);
        self.fill(&mut stream.embedding_errors, STATE_ERROR_LIMIT, |x| x);
        self.fill(&mut stream.shares, SHARE_ONE, |x| SHARE_ONE + x);
        stream.previous.iter_mut().for_each(|symbol| *symbol = self.below(256) as u8);
        stream.targets.iter_mut().for_each(|symbol| *symbol = self.below(u64::from(INACTIVE) + 1) as u16);
        stream
    }

    fn state(&mut self, shape: &Shape) -> State {
        let mut masters = vec![0; shape.layout.total];
        self.fill(&mut masters[..shape.layout.embedding_len], EMBEDDING_LIMIT, |x| x);
        for matrix in &shape.layout.matrices {
            for row in 0..matrix.rows {
                for input in 0..=matrix.inputs {
                    let limit = if input == matrix.inputs { BIAS_LIMIT } else { WEIGHT_LIMIT };
                    masters[matrix.index(row, input)] = self.within(limit);
                }
            }
        }
        let moments = (0..masters.len()).map(|_| match (self.below(8), self.extreme) {
            (0, _) => 0,
            (1, true) => LEAST_MOMENT,
            (_, true) => LARGEST_MOMENT,
            (_, false) => LEAST_MOMENT + self.below((LARGEST_MOMENT - LEAST_MOMENT).into()) as u32,
        });
        let moments = moments.collect();
        let streams = (0..shape.config.streams()).map(|_| self.stream(shape)).collect();
        State { weights: Weights::pack(shape, &masters), masters, moments, streams }
    }
}

/// Runs both implementations of an operation on the same states and compares all that they write.
fn compare(fast: impl Fn(&Case, &mut State) + Sync, definition: impl Fn(&Case, &mut State)) {
    for (seed, (streams, segment, steps, embedding, units, layers, error_fraction)) in (0..).zip([
        (1, 7, 7, 16, 16, 1, 8),
        (3, 9, 8, 16, 48, 2, 12),
        (9, 5, 5, 48, 80, 2, 12),
        (5, 4, 3, 16, 32, 3, 14),
        // Long enough for a layer to each thread.
        (2, 36, 35, 32, 80, 2, 13),
    ]) {
        let config = ModelConfig { streams, segment, embedding, units, layers, error_fraction, ..small() };
        config.validate().unwrap();
        let adam = BiasCorrection::default().advance(1 << 24, 1 << 20, 1 << 13, seed as u32);
        let case = Case { shape: Shape::new(&config), steps, adam };
        for extreme in [false, true] {
            let start = Draw { seed, index: 0, extreme }.state(&case.shape);
            let mut expected = start.clone();
            definition(&case, &mut expected);
            assert!(expected != start, "the definition changed nothing");
            for threads in [1, 2, 5] {
                let mut state = start.clone();
                on_threads(threads, || fast(&case, &mut state));
                assert!(state == expected, "{config:?}, extreme: {extreme}, {threads} threads");
            }
        }
    }
}

#[test]
fn embed_equals_its_definition() {
    compare(
        |case, s| (0..case.steps).for_each(|t| cpu::embed::embed(&case.shape, &s.weights, t, &mut s.streams)),
        |case, s| (0..case.steps).for_each(|t| reference::embed::embed(&case.shape, &s.weights, t, &mut s.streams)),
    );
}

#[test]
fn lstm_forward_equals_its_definition() {
    use {cpu::lstm_forward::lstm_forward as fast, reference::lstm_forward::lstm_forward as definition};
    compare(
        |Case { shape, steps, .. }, s| fast(shape, &s.weights, 0..shape.config.layers(), 0..*steps, &mut s.streams),
        |Case { shape, steps, .. }, s| {
            definition(shape, &s.weights, 0..shape.config.layers(), 0..*steps, &mut s.streams);
        },
    );
    // A step of the highest layer alone.
    compare(
        |Case { shape, .. }, s| {
            let layers = shape.config.layers();
            fast(shape, &s.weights, layers - 1..layers, 1..2, &mut s.streams);
        },
        |Case { shape, .. }, s| {
            let layers = shape.config.layers();
            definition(shape, &s.weights, layers - 1..layers, 1..2, &mut s.streams);
        },
    );
}

#[test]
fn output_forward_equals_its_definition() {
    use {cpu::output_forward::output_forward as fast, reference::output_forward::output_forward as definition};
    compare(
        |case, s| fast(&case.shape, &s.weights, 1..case.steps, &mut s.streams),
        |case, s| definition(&case.shape, &s.weights, 1..case.steps, &mut s.streams),
    );
}

#[test]
fn output_error_equals_its_definition() {
    use {cpu::output_error::output_error as fast, reference::output_error::output_error as definition};
    compare(
        |case, s| fast(&case.shape, case.steps, &mut s.streams),
        |case, s| definition(&case.shape, case.steps, &mut s.streams),
    );
}

#[test]
fn lstm_backward_equals_its_definition() {
    use {cpu::lstm_backward::lstm_backward as fast, reference::lstm_backward::lstm_backward as definition};
    compare(
        |Case { shape, steps, .. }, s| fast(shape, &s.weights, 0..shape.config.layers(), *steps, &mut s.streams),
        |Case { shape, steps, .. }, s| {
            definition(shape, &s.weights, 0..shape.config.layers(), *steps, &mut s.streams);
        },
    );
    // The lowest layer alone, with the given errors of the layer above.
    compare(
        |case, s| fast(&case.shape, &s.weights, 0..1, case.steps, &mut s.streams),
        |case, s| definition(&case.shape, &s.weights, 0..1, case.steps, &mut s.streams),
    );
}

#[test]
fn embedding_backward_equals_its_definition() {
    use cpu::embedding_backward::embedding_backward as fast;
    use reference::embedding_backward::embedding_backward as definition;
    compare(
        |Case { shape, steps, .. }, s| s.streams.iter_mut().for_each(|x| fast(shape, &s.weights, *steps, x)),
        |Case { shape, steps, .. }, s| s.streams.iter_mut().for_each(|x| definition(shape, &s.weights, *steps, x)),
    );
}

#[test]
fn embedding_update_equals_its_definition() {
    use {
        cpu::embedding_update::embedding_update as fast, reference::embedding_update::embedding_update as definition,
    };
    compare(
        |Case { shape, steps, adam }, s| {
            let len = shape.layout.embedding_len;
            let (masters, moments) = (&mut s.masters[..len], &mut s.moments[..len]);
            fast(shape, *steps, adam, &s.streams, masters, moments, &mut s.weights.embedding);
        },
        |Case { shape, steps, adam }, s| {
            let len = shape.layout.embedding_len;
            let (masters, moments) = (&mut s.masters[..len], &mut s.moments[..len]);
            definition(shape, *steps, adam, &s.streams, masters, moments, &mut s.weights.embedding);
        },
    );
}

#[test]
fn weight_update_equals_its_definition() {
    use {cpu::weight_update::weight_update as fast, reference::weight_update::weight_update as definition};
    compare(
        |Case { shape, steps, adam }, s| {
            let mut samples = Samples::default();
            samples.gather(shape, *steps, &s.streams);
            let first = shape.layout.embedding_len;
            let (masters, moments) = (&mut s.masters[first..], &mut s.moments[first..]);
            fast(shape, *steps, adam, &s.streams, &samples, masters, moments, &mut s.weights.matrices);
        },
        |Case { shape, steps, adam }, s| {
            let first = shape.layout.embedding_len;
            let (masters, moments) = (&mut s.masters[first..], &mut s.moments[first..]);
            definition(shape, *steps, adam, &s.streams, masters, moments, &mut s.weights.matrices);
        },
    );
}
