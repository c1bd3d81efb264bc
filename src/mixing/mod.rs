//! Context mixing: many simple models and the network, weighed bit by bit.
//!
//! In the manner of PAQ (Mahoney 2005): every context keeps bit histories and
//! probabilities in one hash table; gated mixers weigh what they say in the
//! logistic domain, a last mixer weighs those, adaptive probability maps refine
//! the result. Integers only; docs/MIXING.md defines every step.

mod apm;
mod carry;
mod contexts;
mod image;
mod inputs;
mod kinds;
mod learn;
mod lines;
mod map;
mod matching;
mod mix;
mod mixer;
mod record;
mod selector;
mod slots;
mod states;
mod stream;
mod stretch;
mod work;

use std::slice;

use crate::engine::cpu::simd::vectorized;
use crate::model::MixingConfig;
use crate::state::Visitor;
use crate::transform::Raster;

use apm::Apm;
use image::Image;
use inputs::{LAST_BITS, RUNS};
use kinds::{MOST_CONTEXTS, Parts, parts};
use map::{Map, RATES};
use matching::{Past, TRUSTS};
use mixer::{GROUP, Mixer};

use selector::Selector;
use slots::Slots;
use states::{STATE_MACHINE, STATES, States};
use stream::Stream;
use stretch::Logistic;
use work::Work;

/// Inputs besides those of the contexts: order 0, constant, match, network, image.
const OTHERS: usize = 1 + 1 + 2 + 2 + image::INPUTS;

/// Where the weights of the first layer start, Q16.
const START: i32 = 2500;
/// Learning rates of the first layer and the second, Q16: the last, and what comes on top at first.
const RATES_FIRST: [i32; 2] = [110, 2200];
const RATES_FINAL: [i32; 2] = [60, 600];

/// What a network says of a symbol.
pub struct Advice<P> {
    /// The symbol that it thinks likeliest.
    pub likeliest: u8,
    /// Its probability of a 1 (Q16, 1..=65535) below a node of the symbol's tree (root 1).
    pub probability: P,
}

/// The mixing stage: what is learnt, and where the streams of a block stand.
#[derive(Clone)]
pub struct Mixing {
    parts: &'static Parts,
    logistic: Logistic,
    states: &'static States,
    rates: &'static [u32; 1024],
    slots: Slots,
    past: Past,
    streams: Vec<Stream>,
    /// Ring position after the last block.
    end: u32,
    /// By context and bit history.
    history_map: Map,
    /// By context, last bits and node.
    bits_map: Map,
    /// By context, length of run and bit: whether the run goes on.
    run_map: Map,
    /// By trust and bit: whether the match goes on.
    match_map: Map,
    order0: Map,
    mixers: Vec<Mixer>,
    finals: Vec<Mixer>,
    apms: Vec<Apm>,
    /// The block's, if it is an image.
    image: Option<Box<Image>>,
    /// A hash of all probabilities so far.
    trace: u64,
}

impl Mixing {
    /// A fresh stage with a past of `2^past_bits` bytes and so many streams.
    pub fn new(config: &MixingConfig, past_bits: u32, streams: usize) -> Self {
        let parts = parts(config.kind);
        let contexts = parts.contexts.len();
        assert!(contexts <= MOST_CONTEXTS);
        let states = &*STATE_MACHINE;
        let of_history = |i: usize| {
            let [zeros, ones] = states.histories[i % STATES].counts.map(u32::from);
            ((2 * ones + 1) << 16) / (2 * (zeros + ones) + 2)
        };
        let inputs = (contexts * parts.each() + OTHERS).next_multiple_of(GROUP);
        // All but the first start as the first stands.
        let start = |i| if i == 0 { START } else { 0 };
        let mixer = |(i, selector): (usize, &Selector)| Mixer::new(selector.sets(), inputs, start(i), RATES_FIRST);
        assert!(parts.mixers.len() < GROUP);
        let final_start = 65536 / parts.mixers.len() as i32;
        let last_mixer = |selector: &Selector| Mixer::new(selector.sets(), GROUP, final_start, RATES_FINAL);
        Mixing {
            parts,
            logistic: Logistic::new(),
            states,
            rates: &RATES,
            slots: Slots::new(config.table_bits),
            past: Past::new(past_bits),
            streams: (0..streams).map(|_| Stream::new(1)).collect(),
            end: 1,
            history_map: Map::new(contexts * STATES, 255, of_history),
            bits_map: Map::new(if parts.last_bits { contexts * LAST_BITS } else { 0 }, 255, |_| 32768),
            run_map: Map::new(contexts * RUNS, 1023, |i| 65536 - 20000 / (i as u32 / 8 % 16 + 1)),
            match_map: Map::new(TRUSTS * 8, 1023, |i| 65536 - 30000 / (i as u32 / 128 + 1)),
            order0: Map::new(256, 255, |_| 32768),
            mixers: parts.mixers.iter().enumerate().map(mixer).collect(),
            finals: parts.finals.iter().map(last_mixer).collect(),
            apms: parts.refinements.iter().map(|_| Apm::new()).collect(),
            image: None,
            trace: 0,
        }
    }

    /// Begins a block: streams start at these offsets of its `len` bytes, which may be an image's.
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>, raster: Option<Raster>) {
        self.image = raster.map(|raster| Box::new(Image::new(raster, self.end, self.streams.len())));
        for (stream, start) in self.streams.iter_mut().zip(starts) {
            *stream = Stream::new(self.end.wrapping_add(start as u32));
        }
        self.end = self.end.wrapping_add(len as u32);
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
        vectorized(
            #[inline(always)]
            || {
                let mut work = Work::new();
                self.look(&mut work, stream, network.as_ref().map(|network| network.likeliest));
                for bit_number in 0..8 {
                    if bit_number & 3 == 0 {
                        self.find_slots(&mut work, bit_number);
                    }
                    let network = network.as_ref().map(|network| (network.probability)(work.moment.node));
                    self.make_inputs(&mut work, bit_number, network);
                    let p = self.mix(&mut work);
                    self.trace = (self.trace.rotate_left(5) ^ u64::from(p)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let bit = usize::from(code(p));
                    self.learn_contexts(&mut work, bit);
                    // What comes next is asked for early: it arrives while the weights learn.
                    match bit_number {
                        3 => self.look_at_second_nibble(&mut work),
                        7 => self.learn_byte(&work, stream),
                        _ => self.look_at_last_bits(&work),
                    }
                    if bit_number < 7 {
                        self.look_at_node(&mut work);
                    }
                    self.learn_weights(&work, bit);
                }
                work.moment.node as u8
            },
        )
    }
}

impl Mixing {
    /// A hash of all probabilities since the stage was new: as they follow from
    /// all else, stages that differ in anything that counted so far differ in it.
    pub fn hash(&self) -> u64 {
        self.trace
    }

    /// Shows all that decides bits to come, in the middle of a block too. What was
    /// read goes on where it was written if the stage was made in the same way.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.visit_carried(visitor);
        for stream in &mut self.streams {
            stream.visit(visitor);
        }
        Image::visit_any(&mut self.image, self.streams.len(), visitor);
    }

    /// Shows all that decides the bits of blocks to come: all but the streams.
    pub fn visit_carried(&mut self, visitor: &mut dyn Visitor) {
        let Mixing { history_map, bits_map, run_map, match_map, order0, .. } = self;
        for map in [history_map, bits_map, run_map, match_map, order0] {
            map.visit(visitor);
        }
        for mixer in self.mixers.iter_mut().chain(&mut self.finals) {
            mixer.visit(visitor);
        }
        for apm in &mut self.apms {
            apm.visit(visitor);
        }
        self.slots.visit(visitor);
        self.past.visit(visitor);
        visitor.u32s(slice::from_mut(&mut self.end));
        visitor.u64s(slice::from_mut(&mut self.trace));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MixingKind;
    use crate::numerics::generator::random_u64;
    use crate::state::{StateReader, StateWriter};
    use proptest::prelude::*;

    const STREAMS: usize = 3;

    /// A network of a sort, so that its inputs take part.
    fn network(byte: u8) -> Option<Advice<impl Fn(usize) -> u32>> {
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

    const RASTERS: [Option<Raster>; 2] = [None, Some(Raster { pixel: 3, row: 40 })];

    fn started(kind: MixingKind, len: usize, raster: Option<Raster>) -> Mixing {
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
