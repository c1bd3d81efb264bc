//! How far predictions were off, and the distribution of the next byte that follows.

use super::CHANNELS;
use super::filter::PREDICTION_FRACTION;
use crate::numerics::softmax::SYMBOLS;
use crate::state::Visitor;

/// Energies that are told apart.
const BUCKETS: usize = 64;
/// Bins of a histogram: differences of +-256, in the fractions of a prediction.
const BINS: usize = 512 << PREDICTION_FRACTION;
/// Bins to each side of a byte's that it counts in, the less the farther.
const WIDTH: usize = 8;
/// What a byte counts in its own bin, by `WIDTH`.
const WEIGHT: u32 = 16;
/// Bytes after which a histogram is halved.
const MOST_BYTES: u16 = 4096;

/// Histograms by channel and energy, and the distribution at hand.
#[derive(Clone)]
pub struct Residuals {
    /// `[channels][buckets][bins]`.
    counts: Vec<u32>,
    /// Bytes counted since a histogram was halved, and half of those before.
    bytes: Vec<u16>,
    /// The histogram at hand, and the bin of byte 0 in it.
    histogram: usize,
    zero: usize,
    /// Sums of all subtrees of the byte's tree: node 1 is the root.
    sums: [u32; 2 * SYMBOLS],
}

/// A number in quarters of its logarithm, from 0 for 0, at most 63.
#[inline(always)]
pub fn bucket(energy: u32) -> usize {
    let energy = energy.min(1 << 20) + 4;
    let whole = energy.ilog2();
    ((whole << 2 | energy >> (whole - 2) & 3) as usize - 8).min(BUCKETS - 1)
}

/// What a histogram starts with: halves every 24 bins.
fn start(bin: usize) -> u32 {
    (256 >> (bin.abs_diff(BINS / 2) / 24).min(8)).max(1)
}

impl Residuals {
    /// Histograms that have counted nothing.
    pub fn new() -> Self {
        let histograms = CHANNELS * BUCKETS;
        let one: Vec<u32> = (0..BINS).map(start).collect();
        Residuals {
            counts: one.repeat(histograms),
            bytes: vec![0; histograms],
            histogram: 0,
            zero: BINS / 2,
            sums: [0; 2 * SYMBOLS],
        }
    }

    /// Makes the distribution around a prediction (Q2).
    #[inline(always)]
    pub fn look(&mut self, channel: usize, energy: u32, prediction: usize) {
        self.histogram = channel * BUCKETS + bucket(energy);
        self.zero = BINS / 2 - prediction;
        let counts = &self.counts[self.histogram * BINS..][..BINS];
        for (byte, sum) in self.sums[SYMBOLS..].iter_mut().enumerate() {
            *sum = counts[self.zero + (byte << PREDICTION_FRACTION)];
        }
        for node in (1..SYMBOLS).rev() {
            self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1];
        }
    }

    /// Probability that the bit below a node is 1, Q16, 1..=65535.
    #[inline(always)]
    pub fn probability(&self, node: usize) -> u32 {
        let p = (u64::from(self.sums[2 * node + 1]) << 16) / u64::from(self.sums[node]).max(1);
        (p as u32).clamp(1, 65535)
    }

    /// Counts the byte that was looked at.
    #[inline(always)]
    pub fn learn(&mut self, byte: u8) {
        let counts = &mut self.counts[self.histogram * BINS..][..BINS];
        let bin = self.zero + (usize::from(byte) << PREDICTION_FRACTION);
        let first = bin.saturating_sub(WIDTH - 1);
        for (i, count) in counts[first..BINS.min(bin + WIDTH)].iter_mut().enumerate() {
            *count += WEIGHT * (WIDTH - (first + i).abs_diff(bin)) as u32;
        }
        let bytes = &mut self.bytes[self.histogram];
        *bytes += 1;
        if *bytes >= MOST_BYTES {
            *bytes /= 2;
            counts.iter_mut().for_each(|count| *count -= *count / 2);
        }
    }

    /// Shows all histograms.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(&mut self.counts);
        visitor.u16s(&mut self.bytes);
        // As much as most bytes can have counted in one bin.
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
    fn probabilities_are_those_of_the_counts() {
        let mut residuals = Residuals::new();
        for i in 0..2000 {
            let random = random_u64(4, i);
            residuals.look(1, 9, (random & 1023) as usize);
            residuals.learn(((random & 1023) / 4).saturating_add(random >> 10 & 7).min(255) as u8);
        }
        for prediction in [0, 1, 500, 1023] {
            residuals.look(1, 9, prediction);
            let histogram = &residuals.counts[(BUCKETS + bucket(9)) * BINS..][..BINS];
            let count = |byte: usize| u64::from(histogram[BINS / 2 + 4 * byte - prediction]);
            for node in 1..256usize {
                let width = 256 >> node.ilog2();
                let first = (node << (8 - node.ilog2())) - 256;
                let [zeros, ones] = [first, first + width / 2].map(|a| (a..a + width / 2).map(count).sum::<u64>());
                let exact = ((ones << 16) / (zeros + ones)).clamp(1, 65535);
                assert_eq!(u64::from(residuals.probability(node)), exact);
            }
        }
    }

    #[test]
    fn what_comes_again_and_again_gets_likely_and_counts_stay_in_bounds() {
        let mut residuals = Residuals::new();
        for _ in 0..5 * usize::from(MOST_BYTES) {
            residuals.look(0, 0, 400);
            residuals.learn(100);
        }
        residuals.look(0, 0, 600);
        let p: f64 = (0..8).fold(1.0, |p, bit| {
            let node = (256 | 150) >> (8 - bit);
            let one = f64::from(residuals.probability(node)) / 65536.0;
            p * if 150 >> (7 - bit) & 1 == 1 { one } else { 1.0 - one }
        });
        assert!(p > 0.4, "the same distance from another prediction: {p}");
        let most = 2 * u32::from(MOST_BYTES) * WEIGHT * WIDTH as u32;
        assert!(residuals.counts.iter().all(|&count| (1..=most).contains(&count)));
    }

    #[test]
    fn buckets_rise_with_the_energy() {
        let buckets: Vec<usize> = (0..100_000).map(bucket).collect();
        assert!(buckets.is_sorted() && buckets[0] == 0 && buckets[99_999] < BUCKETS);
        assert_eq!(buckets[..6], [0, 1, 2, 3, 4, 4]);
        assert_eq!(bucket(u32::MAX), BUCKETS - 1);
    }
}
