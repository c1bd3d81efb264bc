//! Histograms of prediction errors, and the distribution of the next byte that they give.

use super::CHANNELS;
use super::filter::PREDICTION_FRACTION;
use crate::numerics::softmax::SYMBOLS;
use crate::state::Visitor;

/// The number of histograms per channel, by energy.
const BUCKETS: usize = 64;
/// Bins per histogram: errors from -256 to 256 in the resolution of a prediction (Q2).
const BINS: usize = 512 << PREDICTION_FRACTION;
/// A byte is counted in the bins at distances below this, with a count that falls linearly.
const WIDTH: usize = 8;
/// The count in a byte's own bin is `WEIGHT * WIDTH`.
const WEIGHT: u32 = 16;
/// The number of bytes after which the counts of a histogram are halved.
const MOST_BYTES: u16 = 4096;

/// Histograms by channel and energy.
#[derive(Clone)]
pub struct Residuals {
    /// `[channels][buckets][bins]`.
    counts: Vec<u32>,
    /// `[channels][buckets]`: bytes counted since a histogram was halved, and half of those before.
    bytes: Vec<u16>,
}

/// The distribution of a byte.
#[derive(Clone)]
pub struct Distribution {
    /// Index of the histogram that gives it.
    histogram: usize,
    /// Bin of byte 0 in the histogram.
    zero: usize,
    /// Sum of the counts below each node of the byte's tree; node 1 is the root.
    sums: [u32; 2 * SYMBOLS],
}

/// Returns the bucket of an energy, in steps of a quarter of log2: 0 for 0, at most 63.
#[inline(always)]
pub fn bucket(energy: u32) -> usize {
    let energy = energy.min(1 << 20) + 4;
    let whole = energy.ilog2();
    ((whole << 2 | energy >> (whole - 2) & 3) as usize - 8).min(BUCKETS - 1)
}

/// Returns the initial count of a bin: it halves every 24 bins.
fn start(bin: usize) -> u32 {
    (256 >> (bin.abs_diff(BINS / 2) / 24).min(8)).max(1)
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution { histogram: 0, zero: BINS / 2, sums: [0; 2 * SYMBOLS] }
    }
}

impl Distribution {
    /// Returns the probability that the bit below a node is 1, Q16, 1..=65535.
    #[inline(always)]
    pub fn probability(&self, node: usize) -> u32 {
        let p = (u64::from(self.sums[2 * node + 1]) << 16) / u64::from(self.sums[node]).max(1);
        (p as u32).clamp(1, 65535)
    }
}

impl Residuals {
    /// Creates histograms with their initial counts.
    pub fn new() -> Self {
        let histograms = CHANNELS * BUCKETS;
        let one: Vec<u32> = (0..BINS).map(start).collect();
        Residuals { counts: one.repeat(histograms), bytes: vec![0; histograms] }
    }

    /// Makes the distribution of the next byte around its prediction (Q2).
    #[inline(always)]
    pub fn predict(&self, channel: usize, energy: u32, prediction: usize, to: &mut Distribution) {
        to.histogram = channel * BUCKETS + bucket(energy);
        to.zero = BINS / 2 - prediction;
        let counts = &self.counts[to.histogram * BINS..][..BINS];
        for (byte, sum) in to.sums[SYMBOLS..].iter_mut().enumerate() {
            *sum = counts[to.zero + (byte << PREDICTION_FRACTION)];
        }
        for node in (1..SYMBOLS).rev() {
            to.sums[node] = to.sums[2 * node] + to.sums[2 * node + 1];
        }
    }

    /// Learns a byte that was predicted.
    #[inline(always)]
    pub fn learn(&mut self, predicted: &Distribution, byte: u8) {
        self.count(predicted, byte);
        self.age(predicted.histogram);
    }

    /// Learns bytes that were predicted at once.
    pub fn learn_all<'a, I: Iterator<Item = (&'a Distribution, u8)>>(&mut self, bytes: impl Fn() -> I) {
        bytes().for_each(|(predicted, byte)| self.count(predicted, byte));
        bytes().for_each(|(predicted, _)| self.age(predicted.histogram));
    }

    /// Counts a byte.
    #[inline(always)]
    fn count(&mut self, predicted: &Distribution, byte: u8) {
        let counts = &mut self.counts[predicted.histogram * BINS..][..BINS];
        let bin = predicted.zero + (usize::from(byte) << PREDICTION_FRACTION);
        let first = bin.saturating_sub(WIDTH - 1);
        for (i, count) in counts[first..BINS.min(bin + WIDTH)].iter_mut().enumerate() {
            *count += WEIGHT * (WIDTH - (first + i).abs_diff(bin)) as u32;
        }
        self.bytes[predicted.histogram] += 1;
    }

    /// Halves the counts of a histogram that has counted many bytes.
    #[inline(always)]
    fn age(&mut self, histogram: usize) {
        let bytes = &mut self.bytes[histogram];
        if *bytes >= MOST_BYTES {
            *bytes /= 2;
            self.counts[histogram * BINS..][..BINS].iter_mut().for_each(|count| *count -= *count / 2);
        }
    }

    /// Visits all histograms.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(&mut self.counts);
        visitor.u16s(&mut self.bytes);
        // No bin can exceed this in training.
        let most = 2 * u32::from(MOST_BYTES) * WEIGHT * WIDTH as u32;
        self.counts.iter_mut().for_each(|count| *count = (*count).clamp(1, most));
        self.bytes.iter_mut().for_each(|bytes| *bytes = (*bytes).min(MOST_BYTES - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;

    #[test]
    fn probabilities_follow_from_the_counts() {
        let (mut residuals, mut distribution) = (Residuals::new(), Distribution::default());
        for i in 0..2000 {
            let random = random_u64(4, i);
            residuals.predict(1, 9, (random & 1023) as usize, &mut distribution);
            residuals.learn(&distribution, ((random & 1023) / 4).saturating_add(random >> 10 & 7).min(255) as u8);
        }
        for prediction in [0, 1, 500, 1023] {
            residuals.predict(1, 9, prediction, &mut distribution);
            let histogram = &residuals.counts[(BUCKETS + bucket(9)) * BINS..][..BINS];
            let count = |byte: usize| u64::from(histogram[BINS / 2 + 4 * byte - prediction]);
            for node in 1..256usize {
                let width = 256 >> node.ilog2();
                let first = (node << (8 - node.ilog2())) - 256;
                let [zeros, ones] = [first, first + width / 2].map(|a| (a..a + width / 2).map(count).sum::<u64>());
                let exact = ((ones << 16) / (zeros + ones)).clamp(1, 65535);
                assert_eq!(u64::from(distribution.probability(node)), exact);
            }
        }
    }

    #[test]
    fn a_repeated_error_gets_probable_and_counts_stay_in_bounds() {
        let (mut residuals, mut distribution) = (Residuals::new(), Distribution::default());
        for _ in 0..5 * usize::from(MOST_BYTES) {
            residuals.predict(0, 0, 400, &mut distribution);
            residuals.learn(&distribution, 100);
        }
        residuals.predict(0, 0, 600, &mut distribution);
        let p: f64 = (0..8).fold(1.0, |p, bit| {
            let node = (256 | 150) >> (8 - bit);
            let one = f64::from(distribution.probability(node)) / 65536.0;
            p * if 150 >> (7 - bit) & 1 == 1 { one } else { 1.0 - one }
        });
        assert!(p > 0.4, "the same error of another prediction: {p}");
        let most = 2 * u32::from(MOST_BYTES) * WEIGHT * WIDTH as u32;
        assert!(residuals.counts.iter().all(|&count| (1..=most).contains(&count)));
    }

    #[test]
    fn buckets_grow_with_the_energy() {
        let buckets: Vec<usize> = (0..100_000).map(bucket).collect();
        assert!(buckets.is_sorted() && buckets[0] == 0 && buckets[99_999] < BUCKETS);
        assert_eq!(buckets[..6], [0, 1, 2, 3, 4, 4]);
        assert_eq!(bucket(u32::MAX), BUCKETS - 1);
    }
}
