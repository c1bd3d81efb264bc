//! Predicts audio samples from the samples before them, and learns from each.
//!
//! A cascade of filters, each of which predicts the error of those before it (after
//! Monkey's Audio and OptimFROG), trained by normalised least mean squares (Nagumo and
//! Noda 1967).

/// Fraction bits of a weight.
const WEIGHT_FRACTION: u32 = 20;
/// Largest magnitude of a weight: 64.
const WEIGHT_LIMIT: i64 = 64 << WEIGHT_FRACTION;
/// Largest magnitude of an input, an error or a prediction.
const LIMIT: i32 = (1 << 16) - 1;
/// Fraction bits of a step: a weight moves by step times input.
const STEP_FRACTION: u32 = 48;
/// Largest magnitude of a step.
const STEP_LIMIT: i64 = 1 << 42;
/// Added per input to the sum of squares by which a step is divided.
const LEAST_POWER: i64 = 64;

/// Inputs of the filter over the other channel.
const OTHER_TAPS: usize = 32;
/// Learning rate of the filter over the other channel: the part of an error that it corrects, Q16.
const OTHER_RATE: i64 = 524;
/// Inputs and learning rates (Q16) of the cascade.
const FILTERS: [(usize, i64); 3] = [(256, 2000), (32, 2600), (16, 5200)];
/// The prediction without any filter is 31/32 of the previous sample.
const LEAK: i32 = 31;

/// A linear filter over the latest inputs.
struct Filter {
    /// The latest last.
    inputs: Vec<i32>,
    /// Q20.
    weights: Vec<i32>,
    /// Sum of the inputs' squares.
    power: i64,
    /// Learning rate, Q16.
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

    /// Moves the weights towards the number that was predicted.
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

    /// Appends a number to the inputs and drops the oldest.
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

/// The filters of one channel.
struct Channel {
    /// Over the residuals of the channel before this one.
    other: Filter,
    filters: [Filter; FILTERS.len()],
    /// The last sample.
    last: i32,
}

impl Channel {
    fn new() -> Self {
        let filters = FILTERS.map(|(taps, rate)| Filter::new(taps, rate));
        Channel { other: Filter::new(OTHER_TAPS, OTHER_RATE), filters, last: 0 }
    }

    /// Returns the prediction without any filter.
    fn base(&self) -> i32 {
        (self.last * LEAK) >> 5
    }

    #[inline(always)]
    fn predict(&mut self) -> i32 {
        let filters = self.filters.iter_mut().map(Filter::predict).sum::<i32>();
        self.base() + self.other.predict() + filters
    }

    /// Learns the sample; returns its residual: the difference from the base.
    #[inline(always)]
    fn learn(&mut self, sample: i32) -> i32 {
        let residual = sample - self.base();
        self.other.learn(residual);
        let mut rest = residual - self.other.prediction;
        for filter in &mut self.filters {
            filter.learn(rest);
            filter.push(rest);
            rest -= filter.prediction;
        }
        self.last = sample;
        residual
    }
}

/// Predicts interleaved samples of several channels.
pub struct Predictor {
    channels: Vec<Channel>,
    /// The channel of the next sample.
    next: usize,
}

impl Predictor {
    /// Creates an untrained predictor for a given number of channels.
    pub fn new(channels: usize) -> Self {
        Predictor { channels: (0..channels).map(|_| Channel::new()).collect(), next: 0 }
    }

    /// Predicts the next sample, modulo 2^16.
    #[inline(always)]
    pub fn predict(&mut self) -> i16 {
        self.channels[self.next].predict() as i16
    }

    /// Learns the sample that was predicted.
    #[inline(always)]
    pub fn learn(&mut self, sample: i16) {
        let residual = self.channels[self.next].learn(sample.into());
        let after = (self.next + 1) % self.channels.len();
        if after != self.next {
            self.channels[after].other.push(residual);
        }
        self.next = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;

    #[test]
    fn extreme_samples_keep_weights_and_power_in_range() {
        for channels in 1..=3 {
            let mut predictor = Predictor::new(channels);
            for i in 0..20_000 {
                // The extreme farther from the prediction, or the minimum.
                let guess = predictor.predict();
                let far = if guess < 0 { i16::MAX } else { i16::MIN };
                predictor.learn(if random_u64(1, i) & 1 == 0 { far } else { i16::MIN });
            }
            for channel in &predictor.channels {
                for filter in channel.filters.iter().chain([&channel.other]) {
                    let power = filter.inputs.iter().map(|&x| i64::from(x) * i64::from(x)).sum::<i64>();
                    assert_eq!(filter.power, power);
                    assert!(filter.weights.iter().all(|&w| i64::from(w).abs() <= WEIGHT_LIMIT));
                }
            }
        }
    }

    #[test]
    fn correlations_within_and_between_channels_are_learned() {
        // Each channel resonates; the second one also contains the first one, delayed.
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
