//! Adaptive probabilities, looked up by a small context.

use std::sync::LazyLock;

use crate::state::Visitor;

/// 2^16 / (n + 1.5): how far the n-th bit moves a probability.
pub static RATES: LazyLock<[u32; 1024]> = LazyLock::new(|| std::array::from_fn(|n| (2 << 16) / (2 * n as u32 + 3)));

/// Moves an entry towards a bit; its count rises no more at the limit.
#[inline(always)]
pub fn learn(entry: &mut u32, bit: u32, limit: u32, rates: &[u32; 1024]) {
    let (p, count) = ((*entry >> 10) as i32, *entry & 1023);
    let target = ((bit << 22) - bit) as i32;
    let p = p + (((i64::from(target - p)) * i64::from(rates[count as usize])) >> 16) as i32;
    *entry = ((p as u32) << 10) | (count + u32::from(count < limit));
}

/// A table of probabilities, each with its number of bits so far: the indirect
/// half of a bit history (StateMap in PAQ).
#[derive(Clone)]
pub struct Map {
    /// Probability of a 1 in the high 22 bits, bits seen in the low 10.
    entries: Vec<u32>,
    /// Bits after which the rate falls no more, below 1024.
    limit: u32,
}

impl Map {
    /// `len` entries that start at the given probabilities (Q16).
    pub fn new(len: usize, limit: u32, start: impl Fn(usize) -> u32) -> Self {
        Map { entries: (0..len).map(|i| start(i).clamp(1, 65535) << 16).collect(), limit }
    }

    /// Probability of a 1, Q16, 0..=65535.
    #[inline]
    pub fn p(&self, index: usize) -> u32 {
        self.entries[index] >> 16
    }

    /// Learns a bit.
    #[inline]
    pub fn update(&mut self, index: usize, bit: u32, rates: &[u32; 1024]) {
        learn(&mut self.entries[index], bit, self.limit, rates);
    }

    /// The entries of each context, which has `N`.
    #[inline(always)]
    pub fn rows<const N: usize>(&self) -> &[[u32; N]] {
        self.entries.as_chunks().0
    }

    /// The same to learn, and the limit.
    #[inline(always)]
    pub fn rows_mut<const N: usize>(&mut self) -> (&mut [[u32; N]], u32) {
        (self.entries.as_chunks_mut().0, self.limit)
    }

    /// Shows all entries; any words are entries.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(&mut self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_approach_what_happens_and_stay_in_range() {
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
