//! Context mixing: many simple models and the network, weighed bit by bit.
//!
//! In the manner of PAQ (Mahoney 2005): every context keeps bit histories and
//! probabilities in one hash table; gated mixers weigh what they say in the
//! logistic domain, a last mixer weighs those, adaptive probability maps refine
//! the result. Integers only; docs/MIXING.md defines every step.

mod ahead;
mod apm;
mod carry;
mod contexts;
mod image;
mod inputs;
mod kinds;
mod learn;

mod map;
mod matching;
mod mix;
mod mixer;
mod models;
mod record;
mod selector;
mod slots;
mod states;
mod stream;
mod stretch;
mod work;

use std::slice;

use crate::model::{MixingConfig, Raster};
use crate::simd::vectorized;
use crate::state::Visitor;

pub use mix::Advice;

use kinds::parts;
use mix::Mixers;
use models::Models;

/// The mixing stage: what is learnt, and where the streams of a block stand.
#[derive(Clone)]
pub struct Mixing {
    models: Models,
    mixers: Mixers,
    /// A hash of all probabilities so far.
    trace: u64,
}

impl Mixing {
    /// A fresh stage with a past of `2^past_bits` bytes and so many streams.
    pub fn new(config: &MixingConfig, past_bits: u32, streams: usize) -> Self {
        let parts = parts(config.kind);
        Mixing { models: Models::new(parts, config, past_bits, streams), mixers: Mixers::new(parts), trace: 0 }
    }

    /// Begins a block: streams start at these offsets of its `len` bytes, which may be an image's.
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>, raster: Option<Raster>) {
        self.models.start_block(len, starts, raster);
    }

    /// Codes the next symbol of a stream bit by bit, highest first, and learns it.
    ///
    /// `code` takes the stage's probability of a 1 (Q16, 1..=65535), and gives the bit.
    pub fn symbol(
        &mut self,
        stream: usize,
        network: Option<Advice<impl Fn(usize) -> u32>>,
        mut code: impl FnMut(u32) -> bool,
    ) -> u8 {
        let Mixing { models, mixers, trace } = self;
        vectorized(
            #[inline(always)]
            || {
                let mut work = models.begin(stream);
                work.bit.moment.likeliest = network.as_ref().map_or(0, |network| network.likeliest.into());
                mixers.look(&work.bit.moment);
                for bit_number in 0..8 {
                    models.say(&mut work, bit_number);
                    if let Some(network) = &network {
                        mixers.hear(&mut work.bit, network);
                    }
                    let p = mixers.mix(&work.bit);
                    extend(trace, p);
                    let bit = code(p);
                    models.learn(&mut work, bit.into());
                    // What was asked for arrives while the weights learn.
                    if bit_number < 7 {
                        mixers.look(&work.bit.moment);
                    }
                    mixers.learn(&work.bit, bit);
                }
                work.bit.moment.node as u8
            },
        )
    }

    /// A hash of all probabilities since the stage was new: as they follow from
    /// all else, stages that differ in anything that counted so far differ in it.
    pub fn hash(&self) -> u64 {
        self.trace
    }

    /// Shows all that decides bits to come, in the middle of a block too. What was
    /// read goes on where it was written if the stage was made in the same way.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.visit_carried(visitor);
        self.models.visit_block(visitor);
    }

    /// Shows all that decides the bits of blocks to come: all but the streams.
    pub fn visit_carried(&mut self, visitor: &mut dyn Visitor) {
        self.models.visit_maps(visitor);
        self.mixers.visit(visitor);
        self.models.visit_past(visitor);
        visitor.u64s(slice::from_mut(&mut self.trace));
    }
}

/// Brings a probability into the hash of all.
#[inline(always)]
fn extend(trace: &mut u64, p: u32) {
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

    /// A network of a sort, so that its inputs take part.
    pub fn network(byte: u8) -> Option<Advice<impl Fn(usize) -> u32>> {
        let probability = |node| 1 + (node as u32).wrapping_mul(0x9e37_79b1) % 65535;
        Some(Advice { likeliest: byte & 0xfe, probability })
    }

    /// Codes the same bytes in all streams; returns the probabilities.
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
    fn a_walk_in_the_middle_of_a_block_carries_all_that_decides() {
        for (kind, raster) in MixingKind::ALL.into_iter().flat_map(|kind| RASTERS.map(|raster| (kind, raster))) {
            let text: Vec<u8> = (0..900).map(|i| b"abcd, \n\0\xff"[random_u64(5, i / 3) as usize % 9]).collect();
            let mut first = started(kind, 900, raster);
            code(&mut first, &text);
            let mut writer = StateWriter::new(Vec::new());
            first.visit(&mut writer);
            let state = writer.finish().unwrap();
            // What the block is belongs to the state.
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
        fn hostile_words_do_no_harm(seed: u64, mask in prop_oneof![Just(u64::MAX), Just(0), any::<u64>()], set: u64, kind in 0usize..3, image: bool) {
            // Words at random, all zero, all one, or with some bits fixed.
            let words = (0..).flat_map(|i| (random_u64(seed, i) & mask | set & !mask).to_le_bytes());
            let raster = RASTERS[usize::from(image)];
            let mut mixing = started(MixingKind::ALL[kind], 90, None);
            let mut state = Vec::new();
            mixing.visit(&mut StateWriter::new(&mut state));
            // What is said of the block comes last.
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
