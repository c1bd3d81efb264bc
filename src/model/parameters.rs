//! The parameters of a model: everything that one block hands to the next.

use std::slice;

use xxhash_rust::xxh3::Xxh3;

use super::layout::TILE;
use super::{Layout, ModelConfig};
use crate::numerics::fixed::{BIAS_LIMIT, EMBEDDING_LIMIT, WEIGHT_LIMIT, bounded};
use crate::numerics::wide::{BiasCorrection, LARGEST_MOMENT, LEAST_MOMENT};
use crate::state::Visitor;

/// Master weights and second moments, both in the order of [`super::Layout`], and the bias correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Master weights, Q24.
    pub master: Vec<i32>,
    /// Adam's second moments, as packed wide numbers ([`crate::numerics::wide`]).
    pub moments: Vec<u32>,
    /// Adam's bias correction after the updates so far.
    pub bias: BiasCorrection,
}

impl Parameters {
    /// Visits masters, moments and bias correction. Values that were read are limited to the
    /// ranges that training keeps.
    pub fn visit(&mut self, config: &ModelConfig, visitor: &mut dyn Visitor) {
        visitor.u32s(bytemuck::cast_slice_mut(&mut self.master));
        visitor.u32s(&mut self.moments);
        visitor.u64s(slice::from_mut(&mut self.bias.0));
        self.bias.0 = self.bias.0.min(BiasCorrection::default().0);
        for moment in &mut self.moments {
            *moment = if *moment < LEAST_MOMENT { 0 } else { (*moment).min(LARGEST_MOMENT) };
        }
        limit_masters(config, &mut self.master);
    }

    /// Returns XXH3-64 of masters, moments and bias correction in little-endian order.
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

/// Limits master weights to the ranges that training keeps.
pub fn limit_masters(config: &ModelConfig, masters: &mut [i32]) {
    let layout = Layout::new(config);
    let limit = |masters: &mut [i32], limit| masters.iter_mut().for_each(|w| *w = bounded(*w, limit));
    let (embedding, matrices) = masters.split_at_mut(layout.embedding_len);
    limit(embedding, EMBEDDING_LIMIT);
    for matrix in &layout.matrices {
        for tile in matrices[matrix.offset - layout.embedding_len..][..matrix.len()].chunks_mut(matrix.tile_len()) {
            let (weights, biases) = tile.split_at_mut(matrix.inputs * TILE);
            limit(weights, WEIGHT_LIMIT);
            limit(biases, BIAS_LIMIT);
        }
    }
}
