//! The learnt state of a model: all that has to survive from block to block.

use xxhash_rust::xxh3::Xxh3;

use crate::numerics::wide::BiasCorrection;

/// Master weights, second moments and the step count, in [`super::Layout`]'s order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Master weights, Q24.
    pub master: Vec<i32>,
    /// Adam's second moments, packed wide numbers.
    pub moments: Vec<u32>,
    /// Adam's bias correction after the steps so far.
    pub bias: BiasCorrection,
}

impl Parameters {
    /// XXH3-64 over masters, moments and bias correction, little-endian.
    pub fn hash(&self) -> u64 {
        let mut hasher = Xxh3::new();
        let mut bytes = Vec::with_capacity(4096);
        let words = self.master.iter().map(|&w| w as u32).chain(self.moments.iter().copied());
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
            if bytes.len() == 4096 {
                hasher.update(&bytes);
                bytes.clear();
            }
        }
        hasher.update(&bytes);
        hasher.update(&self.bias.0.to_le_bytes());
        hasher.digest()
    }
}
