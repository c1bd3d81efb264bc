//! Predicts samples of sound from those before them, and learns from each.
//!
//! Filters in a row, each for what those before it left (after Monkey's Audio and
//! OptimFROG), by normalised least mean squares (Nagumo and Noda 1967).

/// Fraction bits of a weight.
const WEIGHT_FRACTION: u32 = 20;
/// Largest magnitude of a weight: 64.
const WEIGHT_LIMIT: i64 = 64 << WEIGHT_FRACTION;
/// Largest magnitude of an input, an error or a prediction.
const LIMIT: i32 = (1 << 16) - 1;
/// Fraction bits of a step, which is an input's part of what a weight moves by.
const STEP_FRACTION: u32 = 48;
/// Largest magnitude of a step.
const STEP_LIMIT: i64 = 1 << 42;
/// What a tap adds to the sum of squares that steps are divided by.
const LEAST_POWER: i64 = 64;

/// Inputs of the filter for what the channel before has.
const HEARD: usize = 32;
/// Inputs of the filters in a row, and the part of an error that each makes up for, Q16.
const FILTERS: [(usize, i64); 3] = [(256, 2000), (32, 2600), (16, 5200)];
/// That part for the other channel's.
const HEARD_RATE: i64 = 524;
/// What is expected of a sample without any filter: 31/32 of the one before.
const LEAK: i32 = 31;

/// The last inputs times weights.
struct Filter {
    /// The latest last.
    inputs: Vec<i32>,
    weights: Vec<i32>,
    /// Sum of the inputs' squares.
    power: i64,
    rate: i64,
    prediction: i32,
}

impl Filter {
    fn new(taps: usize, rate: i64) -> Self {
        Filter { inputs: vec![0; taps], weights: vec![0; taps], power: 0, rate, prediction: 0 }
    }

    /// Predicts the next number.
    #[inline(always)]
    fn predict(&mut self) -> i32 {
        let products = self.inputs.iter().zip(&self.weights).map(|(&x, &w)| i64::from(x) * i64::from(w));
        let sum = products.sum::<i64>() >> WEIGHT_FRACTION;
        self.prediction = sum.clamp(-i64::from(LIMIT), i64::from(LIMIT)) as i32;
        self.prediction
    }

    /// Moves the weights towards what it was.
    #[inline(always)]
    fn learn(&mut self, number: i32) {
        let error = i64::from((number - self.prediction).clamp(-LIMIT, LIMIT));
        let power = self.power + LEAST_POWER * self.inputs.len() as i64;
        let step = (error * (self.rate << (STEP_FRACTION - 16)) / power).clamp(-STEP_LIMIT, STEP_LIMIT);
        for (w, &x) in self.weights.iter_mut().zip(&self.inputs) {
            let moved = i64::from(*w) + ((step * i64::from(x)) >> (STEP_FRACTION - WEIGHT_FRACTION));
            *w = moved.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
        }
    }

    /// Takes in the latest number.
    #[inline(always)]
    fn push(&mut self, number: i32) {
        let number = number.clamp(-LIMIT, LIMIT);
        let square = |x: i32| i64::from(x) * i64::from(x);
        self.power += square(number) - square(self.inputs[0]);
        self.inputs.rotate_left(1);
        if let Some(last) = self.inputs.last_mut() {
            *last = number;
        }
    }
}

/// One channel.
struct Channel {
    heard: Filter,
    filters: [Filter; FILTERS.len()],
    before: i32,
}

impl Channel {
    fn new() -> Self {
        let filters = FILTERS.map(|(taps, rate)| Filter::new(taps, rate));
        Channel { heard: Filter::new(HEARD, HEARD_RATE), filters, before: 0 }
    }

    /// What is expected without any filter.
    fn base(&self) -> i32 {
        (self.before * LEAK) >> 5
    }

    #[inline(always)]
    fn predict(&mut self) -> i32 {
        let filters = self.filters.iter_mut().map(Filter::predict).sum::<i32>();
        self.base() + self.heard.predict() + filters
    }

    /// Learns the sample; returns what it has that is not expected without any filter.
    #[inline(always)]
    fn learn(&mut self, sample: i32) -> i32 {
        let new = sample - self.base();
        self.heard.learn(new);
        let mut rest = new - self.heard.prediction;
        for filter in &mut self.filters {
            filter.learn(rest);
            filter.push(rest);
            rest -= filter.prediction;
        }
        self.before = sample;
        new
    }
}

/// All channels of a sound; samples come channel by channel.
pub struct Predictor {
    channels: Vec<Channel>,
    /// Whose sample is next.
    next: usize,
}

impl Predictor {
    /// A predictor that has heard nothing of so many channels.
    pub fn new(channels: usize) -> Self {
        Predictor { channels: (0..channels).map(|_| Channel::new()).collect(), next: 0 }
    }

    /// The next sample, modulo 2^16.
    #[inline(always)]
    pub fn predict(&mut self) -> i16 {
        self.channels[self.next].predict() as i16
    }

    /// Learns the sample that was predicted.
    #[inline(always)]
    pub fn learn(&mut self, sample: i16) {
        let new = self.channels[self.next].learn(sample.into());
        let after = (self.next + 1) % self.channels.len();
        if after != self.next {
            self.channels[after].heard.push(new);
        }
        self.next = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;

    #[test]
    fn extremes_stay_in_range() {
        for channels in 1..=3 {
            let mut predictor = Predictor::new(channels);
            for i in 0..20_000 {
                // The far end of what was predicted, or any end.
                let guess = predictor.predict();
                let far = if guess < 0 { i16::MAX } else { i16::MIN };
                predictor.learn(if random_u64(1, i) & 1 == 0 { far } else { i16::MIN });
            }
            for channel in &predictor.channels {
                for filter in channel.filters.iter().chain([&channel.heard]) {
                    let power = filter.inputs.iter().map(|&x| i64::from(x) * i64::from(x)).sum::<i64>();
                    assert_eq!(filter.power, power);
                    assert!(filter.weights.iter().all(|&w| i64::from(w).abs() <= WEIGHT_LIMIT));
                }
            }
        }
    }

    #[test]
    fn what_a_channel_takes_from_itself_and_the_other_is_learnt() {
        // Each channel rings, and the second one has what the first one had a moment ago besides.
        let mut predictor = Predictor::new(2);
        let (mut first, mut second) = ([0i32; 3], [0i32; 3]);
        let mut error = [0, 0];
        for i in 0..40_000u64 {
            let noise = |seed| (random_u64(seed, i) % 201) as i32 - 100;
            let ring = |x: [i32; 3]| (31 * x[0] - 17 * x[1]) / 20;
            let new = [ring(first) + noise(1), ring(second) + first[1] / 2 + noise(2) / 20];
            first = [new[0], first[0], first[1]];
            second = [new[1], second[0], second[1]];
            for (channel, &sample) in new.iter().enumerate() {
                let wrong = i32::from(predictor.predict()) - sample;
                error[channel] += if i >= 30_000 { wrong.unsigned_abs() } else { 0 };
                predictor.learn(sample as i16);
            }
        }
        assert!(error[0] / 10_000 < 65 && error[1] / 10_000 < 30, "{error:?}");
    }
}
