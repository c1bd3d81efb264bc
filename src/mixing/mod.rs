//! Context mixing: combines the predictions of many simple models and of the network, bit by bit.
//!
//! After PAQ (Mahoney 2005): one hash table holds bit histories and probabilities of every
//! context; gated mixers combine the models' predictions in the logistic domain; a second
//! layer of mixers combines their outputs, and adaptive probability maps refine the result.
//! Integers only; docs/MIXING.md defines every step.
//!
//! `models` predict and `mixers` weigh. Neither uses the other: they share the predictions
//! (`prediction`), the list of components (`components`) and the logistic functions
//! (`logistic`).

mod ahead;
mod carry;
mod components;
mod logistic;
mod mixers;
mod models;
mod prediction;
mod stage;
mod synchronous;

use std::slice;

use crate::model::{MixingConfig, Raster};
use crate::simd::vectorized;
use crate::state::Visitor;

pub use prediction::NetworkPrediction;
pub use stage::Stage;
pub use synchronous::{BitCoder, Synchronous};

use components::components;
use mixers::{Mixed, Mixers};
use models::Models;

/// The mixing stage: everything it has learned, and the position of each stream in its block.
#[derive(Clone)]
pub struct Mixing {
    models: Models,
    mixers: Mixers,
    /// A hash of all probabilities so far.
    trace: u64,
}

impl Mixing {
    /// Creates an untrained stage for `streams` streams with a history of `2^past_bits` bytes.
    pub fn new(config: &MixingConfig, past_bits: u32, streams: usize) -> Self {
        let components = components(config.kind);
        let models = Models::new(components, config, past_bits, streams);
        Mixing { models, mixers: Mixers::new(components), trace: 0 }
    }

    /// Begins a block of `len` bytes whose streams start at the offsets `starts`. A block
    /// with a `raster` is predicted as an image.
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>, raster: Option<Raster>) {
        self.models.start_block(len, starts, raster);
    }

    /// Codes the next symbol of a stream bit by bit, highest first, and learns it.
    ///
    /// `code` receives the probability of a 1 (Q16, 1..=65535) and returns the bit.
    pub fn symbol(
        &mut self,
        stream: usize,
        network: Option<NetworkPrediction<impl Fn(usize) -> u32>>,
        mut code: impl FnMut(u32) -> bool,
    ) -> u8 {
        let Mixing { models, mixers, trace } = self;
        vectorized(
            #[inline(always)]
            || {
                let mut byte = models.begin_byte(stream);
                byte.prediction.context.likeliest = network.as_ref().map_or(0, |network| network.likeliest.into());
                mixers.prefetch(&byte.prediction.context);
                let mut mixed = Mixed::default();
                for bit_number in 0..8 {
                    models.predict(&mut byte, bit_number);
                    if let Some(network) = &network {
                        mixers.add_network_inputs(&mut byte.prediction, network);
                    }
                    let p = mixers.mix(&byte.prediction, &mut mixed);
                    extend_trace(trace, p);
                    let bit = code(p);
                    models.learn(&mut byte, bit.into());
                    // The prefetched lines arrive while the weights are updated.
                    if bit_number < 7 {
                        mixers.prefetch(&byte.prediction.context);
                    }
                    mixers.learn(&byte.prediction, &mixed, bit);
                }
                byte.prediction.context.node as u8
            },
        )
    }

    /// Returns a hash of all probabilities since the stage was created. They depend on the
    /// whole state, so a difference in anything that was used so far shows in the hash.
    pub fn hash(&self) -> u64 {
        self.trace
    }

    /// Visits the whole state, also in the middle of a block. A state that is read into a
    /// stage that was created with the same arguments continues where it was written.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.visit_carried(visitor);
        self.models.visit_block(visitor);
    }

    /// Visits the state that later blocks depend on: everything but the streams.
    pub fn visit_carried(&mut self, visitor: &mut dyn Visitor) {
        self.models.visit_maps(visitor);
        self.mixers.visit(visitor);
        self.models.visit_history(visitor);
        visitor.u64s(slice::from_mut(&mut self.trace));
    }
}

/// Adds a probability to the hash of all probabilities.
#[inline(always)]
fn extend_trace(trace: &mut u64, p: u32) {
    *trace = (trace.rotate_left(5) ^ u64::from(p)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::MixingKind;
    use crate::numerics::generator::random_u64;
    use crate::state::{StateReader, StateWriter};
    use proptest::prelude::*;

    pub const STREAMS: usize = 3;

    /// An arbitrary prediction, so that the network's inputs are used.
    pub fn network(byte: u8) -> Option<NetworkPrediction<impl Fn(usize) -> u32>> {
        let probability = |node| 1 + (node as u32).wrapping_mul(0x9e37_79b1) % 65535;
        Some(NetworkPrediction { likeliest: byte & 0xfe, probability })
    }

    /// Codes the same bytes in every stream; returns the probabilities.
    fn code(mixing: &mut Mixing, bytes: &[u8]) -> Vec<u32> {
        let mut probabilities = Vec::new();
        for &byte in bytes {
            for stream in 0..STREAMS {
                let mut bits = (0..8).rev().map(|shift| byte >> shift & 1 == 1);
                let coded = mixing.symbol(stream, network(byte), |p| {
                    probabilities.push(p);
                    bits.next().unwrap()
                });
                assert_eq!(coded, byte);
            }
        }
        probabilities
    }

    pub const RASTERS: [Option<Raster>; 2] = [None, Some(Raster { pixel: 3, row: 40 })];

    pub fn started(kind: MixingKind, len: usize, raster: Option<Raster>) -> Mixing {
        let config = MixingConfig { kind, table_bits: 14 };
        let mut mixing = Mixing::new(&config, 10, STREAMS);
        mixing.start_block(len, (0..STREAMS).map(|s| s * len / STREAMS), raster);
        mixing
    }

    #[test]
    fn a_state_saved_within_a_block_continues_with_the_same_probabilities() {
        for (kind, raster) in MixingKind::ALL.into_iter().flat_map(|kind| RASTERS.map(|raster| (kind, raster))) {
            let text: Vec<u8> = (0..900).map(|i| b"abcd, \n\0\xff"[random_u64(5, i / 3) as usize % 9]).collect();
            let mut first = started(kind, 900, raster);
            code(&mut first, &text);
            let mut writer = StateWriter::new(Vec::new());
            first.visit(&mut writer);
            let state = writer.finish().unwrap();
            // The raster is part of the state.
            let mut second = started(kind, 900, None);
            let mut reader = StateReader::new(&state[..]);
            second.visit(&mut reader);
            assert!(reader.finish().unwrap().is_empty());
            assert_eq!(first.hash(), second.hash());
            assert_eq!(code(&mut first, &text), code(&mut second, &text));
            first.start_block(300, [0, 100, 200].into_iter(), raster);
            second.start_block(300, [0, 100, 200].into_iter(), raster);
            assert_eq!(code(&mut first, &text[..100]), code(&mut second, &text[..100]));
            assert_eq!(first.hash(), second.hash());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn a_state_of_arbitrary_words_does_no_harm(seed: u64, mask in prop_oneof![Just(u64::MAX), Just(0), any::<u64>()], set: u64, kind in 0usize..3, image: bool) {
            // Random words, all zero, all one, or with some bits fixed.
            let words = (0..).flat_map(|i| (random_u64(seed, i) & mask | set & !mask).to_le_bytes());
            let raster = RASTERS[usize::from(image)];
            let mut mixing = started(MixingKind::ALL[kind], 90, None);
            let mut state = Vec::new();
            mixing.visit(&mut StateWriter::new(&mut state));
            // The block's raster and start come last.
            let before = state.len() - Raster::LEN - 4;
            let image = raster.map_or([0; Raster::LEN], Raster::bytes);
            let mut hostile: Vec<u8> = words.take(before + if raster.is_some() { 8 << 20 } else { 4 }).collect();
            hostile.splice(before..before, image);
            let mut reader = StateReader::new(&hostile[..]);
            mixing.visit(&mut reader);
            reader.finish().unwrap();
            for p in code(&mut mixing, b"some bytes, \n some bytes again") {
                prop_assert!((1..=65535).contains(&p));
            }
        }
    }
}
