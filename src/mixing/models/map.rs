//! Adaptive probabilities, looked up by a small context.

use std::sync::LazyLock;

use crate::state::Visitor;

/// Learning rates 1 / (n + 1.5) after n bits, Q16.
pub static RATES: LazyLock<[u32; 1024]> = LazyLock::new(|| std::array::from_fn(|n| (2 << 16) / (2 * n as u32 + 3)));

/// Moves an entry towards a bit. Its count stops at `limit`.
#[inline(always)]
pub fn learn(entry: &mut u32, bit: u32, limit: u32, rates: &[u32; 1024]) {
    let (p, count) = ((*entry >> 10) as i32, *entry & 1023);
    let target = ((bit << 22) - bit) as i32;
    let p = p + (((i64::from(target - p)) * i64::from(rates[count as usize])) >> 16) as i32;
    *entry = ((p as u32) << 10) | (count + u32::from(count < limit));
}

/// Moves an entry towards the mean of `count` bits of which `ones` are ones, as if they came at once.
#[inline(always)]
pub fn learn_counts(entry: &mut u32, ones: u32, count: u32, limit: u32, rates: &[u32; 1024]) {
    if count == 1 {
        return learn(entry, ones, limit, rates);
    }
    let (p, seen) = ((*entry >> 10) as i32, *entry & 1023);
    let mean = if ones == count { (1 << 22) - 1 } else { (((ones << 16) / count) << 6) as i32 };
    let share = ((2 * count) << 16) / (2 * seen + 1 + 2 * count);
    let p = p + ((i64::from(mean - p) * i64::from(share)) >> 16) as i32;
    *entry = (p as u32) << 10 | (seen + count).min(limit.max(seen));
}

/// A table of adaptive probabilities, each with the number of bits it has seen (PAQ's StateMap).
#[derive(Clone)]
pub struct Map {
    /// Probability of a 1 in the high 22 bits, number of bits seen in the low 10.
    entries: Vec<u32>,
    /// The number of bits after which the learning rate stays constant, below 1024.
    limit: u32,
}

impl Map {
    /// Creates `len` entries with the initial probabilities `start(index)` (Q16).
    pub fn new(len: usize, limit: u32, start: impl Fn(usize) -> u32) -> Self {
        Map { entries: (0..len).map(|i| start(i).clamp(1, 65535) << 16).collect(), limit }
    }

    /// Returns the probability of a 1, Q16, 0..=65535.
    #[inline]
    pub fn p(&self, index: usize) -> u32 {
        self.entries[index] >> 16
    }

    /// Learns a bit.
    #[inline]
    pub fn update(&mut self, index: usize, bit: u32, rates: &[u32; 1024]) {
        learn(&mut self.entries[index], bit, self.limit, rates);
    }

    /// Returns the entries in rows of `N`, one row per context.
    #[inline(always)]
    pub fn rows<const N: usize>(&self) -> &[[u32; N]] {
        self.entries.as_chunks().0
    }

    /// Like [`rows`](Self::rows), but mutable, and with the limit that [`learn`] needs.
    #[inline(always)]
    pub fn rows_mut<const N: usize>(&mut self) -> (&mut [[u32; N]], u32) {
        (self.entries.as_chunks_mut().0, self.limit)
    }

    /// Visits all entries; any words are valid.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(&mut self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_at_once_move_an_entry_to_their_weighted_mean(
            p in 0u32..1 << 22, seen in 0u32..1024, ones in 0u32..3000, zeros in 0u32..3000, limit in 1u32..1024,
        ) {
            let count = (ones + zeros).max(1);
            let mut entry = p << 10 | seen;
            learn_counts(&mut entry, ones.min(count), count, limit, &RATES);
            let (mean, p) = ((i128::from(ones) << 22) / i128::from(count), i128::from(p));
            let (old, new) = (i128::from(2 * seen + 1), i128::from(2 * count));
            let exact = (p * old + mean * new) / (old + new);
            let error = (i128::from(entry >> 10) - exact).abs();
            prop_assert!(error <= 1 << 7, "{} instead of {exact}", entry >> 10);
            prop_assert_eq!(entry & 1023, if seen >= limit { seen } else { (seen + count).min(limit) });
            if count == 1 {
                let mut other = (p as u32) << 10 | seen;
                learn(&mut other, ones, limit, &RATES);
                prop_assert_eq!(other, entry);
            }
        }
    }

    #[test]
    fn probabilities_approach_the_bits_seen_and_stay_in_range() {
        for bit in 0..2 {
            let mut map = Map::new(2, 1023, |_| 32768);
            let mut last = map.p(1).abs_diff(65535 * bit);
            for _ in 0..100_000 {
                map.update(1, bit, &RATES);
                let distance = map.p(1).abs_diff(65535 * bit);
                assert!(distance <= last && map.p(1) <= 65535);
                last = distance;
            }
            assert!(last < 40, "{last}");
            assert_eq!(map.p(0), 32768);
        }
    }
}
