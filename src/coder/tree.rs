//! Codes a symbol as eight binary decisions: the path to its leaf in the tree of its bits, highest first.

use super::{Decoder, Encoder, PROBABILITY_BITS, PROBABILITY_LIMIT};
use crate::numerics::softmax::SYMBOLS;

/// Sums of the weights below each node: node 1 is the root, 2n and 2n + 1 are the children of n.
pub struct SumTree([u64; 2 * SYMBOLS]);

impl SumTree {
    /// Creates the tree of 256 weights with any sum below 2^31.
    pub fn new(weights: &[u32]) -> Self {
        let mut sums = [0; 2 * SYMBOLS];
        for (sum, &weight) in sums[SYMBOLS..].iter_mut().zip(weights) {
            *sum = u64::from(weight) + 1; // no symbol is impossible
        }
        for node in (1..SYMBOLS).rev() {
            sums[node] = sums[2 * node] + sums[2 * node + 1];
        }
        SumTree(sums)
    }

    /// Returns the symbol with the largest weight; the first if several are equal.
    pub fn likeliest(&self) -> u8 {
        let leaves = &self.0[SYMBOLS..];
        let largest = leaves.iter().copied().max().unwrap_or(0);
        leaves.iter().position(|&leaf| leaf == largest).unwrap_or(0) as u8
    }

    /// Returns the probability that the bit below `node` (1..256) is 1, Q16, 1..=[`PROBABILITY_LIMIT`].
    #[inline]
    pub fn probability(&self, node: usize) -> u32 {
        probability(self.0[2 * node + 1], self.0[node])
    }
}

fn probability(ones: u64, whole: u64) -> u32 {
    let p = ((ones << PROBABILITY_BITS) / whole) as u32;
    p.clamp(1, PROBABILITY_LIMIT)
}

/// Encodes a symbol with a distribution given by 256 weights with any sum below 2^31.
///
/// Computes only the sums of the eight nodes on the symbol's path.
pub fn encode_symbol(encoder: &mut Encoder, weights: &[u32], symbol: u8) {
    let sum = |weights: &[u32]| u64::from(weights.iter().sum::<u32>()) + weights.len() as u64;
    let mut below = &weights[..SYMBOLS];
    let mut whole = sum(below);
    for shift in (0..8).rev() {
        let bit = symbol >> shift & 1;
        let (zeros, ones) = below.split_at(1 << shift);
        let ones_sum = sum(ones);
        encoder.encode(bit == 1, probability(ones_sum, whole));
        (below, whole) = if bit == 1 { (ones, ones_sum) } else { (zeros, whole - ones_sum) };
    }
}

/// Decodes a symbol that [`encode_symbol`] encoded with the same weights.
pub fn decode_symbol(decoder: &mut Decoder<'_>, weights: &[u32]) -> u8 {
    let sums = SumTree::new(weights);
    let mut node = 1;
    while node < SYMBOLS {
        node = 2 * node + usize::from(decoder.decode(sums.probability(node)));
    }
    (node - SYMBOLS) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn symbols_come_back(
            symbols: Vec<u8>, weights in proptest::collection::vec(0u32..=1 << 23, SYMBOLS)
        ) {
            let mut encoder = Encoder::default();
            for &s in &symbols { encode_symbol(&mut encoder, &weights, s); }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for &s in &symbols { prop_assert_eq!(decode_symbol(&mut decoder, &weights), s); }
        }

        #[test]
        fn the_likeliest_symbol_is_the_first_one_with_the_largest_weight(
            weights in proptest::collection::vec(prop_oneof![0u32..4, 0u32..=1 << 23], SYMBOLS)
        ) {
            let likeliest = usize::from(SumTree::new(&weights).likeliest());
            prop_assert!(weights[..likeliest].iter().all(|&w| w < weights[likeliest]));
            prop_assert!(weights[likeliest..].iter().all(|&w| w <= weights[likeliest]));
        }
    }
}
