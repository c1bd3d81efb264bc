//! Context mixing: many simple models and the network, weighed bit by bit.
//!
//! In the manner of PAQ (Mahoney 2005): every context keeps bit histories and
//! probabilities in one hash table; gated mixers weigh what they say in the
//! logistic domain, a last mixer weighs those, adaptive probability maps refine
//! the result. Integers only; docs/MIXING.md defines every step.

mod apm;
mod contexts;
mod map;
mod matching;
mod mixer;
mod record;
mod slots;
mod states;
mod stretch;

use std::{iter, slice};

use crate::state::{StateHasher, Visitor};

use apm::Apm;
use contexts::{CONTEXTS, Stream};
use map::{Map, RATES};
use matching::{Past, TRUSTS};
use mixer::{GROUP, Mixer};
use slots::Slots;
use states::{STATE_MACHINE, STATES, States};
use stretch::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};

/// How much a probability's distance from one half (Q16) is shortened to an input.
const CONFIDENCE_SHIFT: u32 = 6;
/// Inputs of each context.
const EACH: usize = 5;
/// Inputs besides those of the contexts: order 0, constant, match, network.
const OTHERS: usize = 1 + 1 + 2 + 3;
/// Inputs, filled up with zeros.
const INPUTS: usize = (CONTEXTS * EACH + OTHERS).next_multiple_of(GROUP);
/// First layer: sets of each mixer.
const SETS: [usize; 7] = [256, 256, 17 * 8, 24 * 8, 256, 8 * 8, 256];
/// Second layer: sets of each mixer.
const FINAL_SETS: [usize; 2] = [256, 17 * 8];

/// The mixing stage: what is learnt, and where the streams of a block stand.
pub struct Mixing {
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
    /// By context and last bits.
    bits_map: Map,
    /// By context, length of run and bit: whether the run goes on.
    run_map: Map,
    /// By trust and bit: whether the match goes on.
    match_map: Map,
    order0: Map,
    mixers: [Mixer; SETS.len()],
    finals: [Mixer; FINAL_SETS.len()],
    /// The network's probability, refined by the last byte.
    network_apm: Apm,
    apms: [Apm; 3],
}

impl Mixing {
    /// A fresh stage with a table of `2^table_bits` bytes, a past of `2^past_bits`
    /// and so many streams.
    pub fn new(table_bits: u32, past_bits: u32, streams: usize) -> Self {
        let states = &*STATE_MACHINE;
        let of_history = |i: usize| {
            let [zeros, ones] = states.histories[i % STATES].counts.map(u32::from);
            ((2 * ones + 1) << 16) / (2 * (zeros + ones) + 2)
        };
        let rates = [110, 2200];
        let final_rates = [60, 600];
        Mixing {
            logistic: Logistic::new(),
            states,
            rates: &RATES,
            slots: Slots::new(table_bits),
            past: Past::new(past_bits),
            streams: (0..streams).map(|_| Stream::new(1)).collect(),
            end: 1,
            history_map: Map::new(CONTEXTS * STATES, 255, of_history),
            bits_map: Map::new(CONTEXTS * 256, 255, |_| 32768),
            run_map: Map::new(CONTEXTS * 128, 1023, |i| 65536 - 20000 / (i as u32 / 8 % 16 + 1)),
            match_map: Map::new(TRUSTS * 8, 1023, |i| 65536 - 30000 / (i as u32 / 128 + 1)),
            order0: Map::new(256, 255, |_| 32768),
            mixers: SETS.map(|sets| Mixer::new(sets, INPUTS, 2500, rates)),
            finals: FINAL_SETS.map(|sets| Mixer::new(sets, GROUP, 65536 / SETS.len() as i32, final_rates)),
            network_apm: Apm::new(65536, 6),
            apms: [65536, 65536, 65536].map(|contexts| Apm::new(contexts, 6)),
        }
    }

    /// Begins a block: streams start at these offsets of its `len` bytes.
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>) {
        for (stream, start) in self.streams.iter_mut().zip(starts) {
            *stream = Stream::new(self.end.wrapping_add(start as u32));
        }
        self.end = self.end.wrapping_add(len as u32);
    }

    /// Codes the next symbol of a stream bit by bit, highest first, and learns it.
    ///
    /// `network` gives the network's probability of a 1 (Q16, 1..=65535) below a
    /// node of the symbol's tree (root 1); `code` takes the stage's, and gives the bit.
    pub fn symbol(
        &mut self,
        stream: usize,
        network: Option<impl Fn(usize) -> u32>,
        mut code: impl FnMut(u32) -> bool,
    ) -> u8 {
        let Mixing { logistic, states, slots, past, rates, .. } = self;
        let (logistic, states, rates) = (*logistic, *states, *rates);
        let stream = &mut self.streams[stream];
        let expected = stream.matched.expected(past);
        let hashes = stream.hashes(past, expected);
        let last = stream.recent as usize;
        let (c1, c2) = (last & 255, last >> 8 & 255);
        let bucket = stream.matched.bucket();
        let trust = stream.matched.trust();
        let kinds = (stream.kinds & 255) as usize;
        let mut firsts = [0; CONTEXTS];
        let mut found = [0; CONTEXTS];
        let mut node = 1; // in the byte's tree
        for bit_number in 0..8 {
            let part = bit_number & 3; // in the nibble
            if part == 0 {
                for i in 0..CONTEXTS {
                    let hash = if bit_number == 0 {
                        hashes[i]
                    } else {
                        (hashes[i] ^ (node as u32).wrapping_mul(0x2545_f491)).wrapping_mul(0x85eb_ca6b).rotate_left(15)
                    };
                    found[i] = slots.find(hash, |slot| states.total(slot[1] as u8));
                }
                if bit_number == 0 {
                    firsts = found;
                }
            }
            let place = (1 << part) | (node & ((1 << part) - 1)); // in the nibble's tree
            let mut inputs = [0i16; INPUTS];
            let mut history_at = [0; CONTEXTS];
            let mut bits_at = [0; CONTEXTS];
            let mut run_at = [None; CONTEXTS];
            let mut known = 0;
            for i in 0..CONTEXTS {
                let entry = slots.get(found[i])[place];
                let head = slots.get(firsts[i])[0];
                let x = &mut inputs[EACH * i..][..EACH];
                let state = (entry & 255) as usize;
                history_at[i] = i * STATES + state;
                bits_at[i] = i * 256 + (entry >> 8 & 255) as usize;
                if state != 0 {
                    let p = self.history_map.p(history_at[i]);
                    x[0] = logistic.stretch(p) as i16;
                    x[1] = ((p as i32 - 32768) >> CONFIDENCE_SHIFT) as i16;
                    x[2] = logistic.stretch((entry >> 16) ^ 0x8000) as i16;
                    x[3] = logistic.stretch(self.bits_map.p(bits_at[i])) as i16;
                    known += usize::from((1..7).contains(&i));
                }
                let (byte, count) = ((head >> 16 & 255) as usize | 256, (head >> 24) as usize);
                if count > 0 && byte >> (8 - bit_number) == node {
                    let index = i * 128 + count.min(15) * 8 + bit_number;
                    let x4 = logistic.stretch(self.run_map.p(index)) as i16;
                    let bit = byte >> (7 - bit_number) & 1;
                    x[4] = if bit == 1 { x4 } else { -x4 };
                    run_at[i] = Some((index, bit));
                }
            }
            let x = &mut inputs[EACH * CONTEXTS..];
            let p = self.order0.p(node);
            x[0] = logistic.stretch(p) as i16;
            x[1] = 256;
            let foretold = expected.map(|byte| usize::from(byte) | 256).filter(|byte| byte >> (8 - bit_number) == node);
            let foretold_bit = foretold.map(|byte| byte >> (7 - bit_number) & 1);
            let match_at = trust * 8 + bit_number;
            if let Some(bit) = foretold_bit {
                let p = self.match_map.p(match_at);
                let (a, b) = (logistic.stretch(p), (p as i32 - 32768) >> CONFIDENCE_SHIFT);
                (x[2], x[3]) = if bit == 1 { (a as i16, b as i16) } else { (-a as i16, -b as i16) };
            }
            let mut level = 0;
            if let Some(network) = &network {
                let p = network(node);
                let stretched = logistic.stretch(p);
                x[4] = stretched as i16;
                x[5] = ((p as i32 - 32768) >> CONFIDENCE_SHIFT) as i16;
                x[6] = logistic.stretch(self.network_apm.refine(stretched, c1 << 8 | node) as u32) as i16;
                level = ((stretched + STRETCH_LIMIT) >> STRETCH_FRACTION).clamp(0, 23) as usize;
            }
            let agreed = if foretold.is_some() { 1 + bucket } else { 0 };
            let selected =
                [node, c1, agreed * 8 + bit_number, level * 8 + bit_number, c2, known * 8 + bit_number, kinds];
            let mut outputs = [0i16; GROUP];
            let mut guesses = [0; SETS.len()];
            for (i, mixer) in self.mixers.iter().enumerate() {
                let sum = mixer.sum(selected[i], &inputs);
                guesses[i] = logistic.squash(sum);
                outputs[i] = (sum >> (SUM_FRACTION - STRETCH_FRACTION)).clamp(-STRETCH_LIMIT, STRETCH_LIMIT) as i16;
            }
            let final_selected = [node, agreed * 8 + bit_number];
            let sums = [0, 1].map(|i| self.finals[i].sum(final_selected[i], &outputs));
            let sum = (sums[0] + sums[1]) >> 1;
            let mixed = logistic.squash(sum);
            let x = sum >> (SUM_FRACTION - STRETCH_FRACTION);
            let order2 = ((last & 0xffff) as u32).wrapping_mul(0x9e37_79b1) ^ (node as u32).wrapping_mul(0x85eb_ca6b);
            let refined = [
                self.apms[0].refine(x, c1 << 8 | node),
                self.apms[1].refine(x, (order2 >> 16) as usize),
                self.apms[2].refine(x, expected.map_or(0, usize::from) << 8 | node),
            ];
            let p = (mixed + refined[0] + refined[1] + refined[2] + 2) >> 2;
            let bit = usize::from(code(p.clamp(1, 65535) as u32));

            let target = (bit as i32) << 16;
            for (i, mixer) in self.mixers.iter_mut().enumerate() {
                mixer.learn(selected[i], &inputs, target - guesses[i]);
            }
            for (i, mixer) in self.finals.iter_mut().enumerate() {
                mixer.learn(final_selected[i], &outputs, target - logistic.squash(sums[i]));
            }
            if network.is_some() {
                self.network_apm.learn(bit as i32);
            }
            for apm in &mut self.apms {
                apm.learn(bit as i32);
            }
            let bit32 = bit as u32;
            for i in 0..CONTEXTS {
                let entry = &mut slots.get_mut(found[i])[place];
                let state = *entry as u8;
                if state != 0 {
                    self.history_map.update(history_at[i], bit32, rates);
                    self.bits_map.update(bits_at[i], bit32, rates);
                }
                if let Some((index, expected)) = run_at[i] {
                    self.run_map.update(index, u32::from(expected == bit), rates);
                }
                let p = ((*entry >> 16) ^ 0x8000) as i32;
                let p =
                    p + (((65535 * bit as i32 - p) * (rates[states.total(state).min(30) as usize] as i32 >> 2)) >> 14);
                let bits = (*entry >> 8 & 255).max(1) << 1 | bit32;
                let bits = if bits > 255 { bits & 127 | 128 } else { bits };
                *entry = (p as u32 ^ 0x8000) << 16 | bits << 8 | u32::from(states.next[usize::from(state)][bit]);
            }
            self.order0.update(node, bit32, rates);
            if let Some(expected) = foretold_bit {
                self.match_map.update(match_at, u32::from(expected == bit), rates);
            }
            node = 2 * node + bit;
        }
        let byte = node as u8;
        for first in firsts {
            let head = &mut slots.get_mut(first)[0];
            let (run, count) = ((*head >> 16) as u8, *head >> 24);
            let count = if run == byte { (count + 1).min(255) } else { 1 };
            *head = *head & 0xffff | u32::from(byte) << 16 | count << 24;
        }
        stream.update(past, byte);
        byte
    }
}

impl Mixing {
    /// XXH3-64 of the weights, maps and probabilities and of all runs of bits:
    /// what every slot has had a part in, so that the table itself can be left out.
    pub fn hash(&mut self) -> u64 {
        let mut hasher = StateHasher::default();
        self.visit_learnt(&mut hasher);
        hasher.digest()
    }

    /// Shows all that decides bits to come, in the middle of a block too. What was
    /// read goes on where it was written if the stage was made in the same way.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.visit_learnt(visitor);
        self.slots.visit(visitor);
        self.past.visit(visitor);
        for stream in &mut self.streams {
            stream.visit(visitor);
        }
        visitor.u32s(slice::from_mut(&mut self.end));
    }

    fn visit_learnt(&mut self, visitor: &mut dyn Visitor) {
        let Mixing { history_map, bits_map, run_map, match_map, order0, .. } = self;
        for map in [history_map, bits_map, run_map, match_map, order0] {
            map.visit(visitor);
        }
        for mixer in self.mixers.iter_mut().chain(&mut self.finals) {
            mixer.visit(visitor);
        }
        for apm in iter::once(&mut self.network_apm).chain(&mut self.apms) {
            apm.visit(visitor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;
    use crate::state::{StateReader, StateWriter};
    use proptest::prelude::*;

    const STREAMS: usize = 3;

    /// A network of a sort, so that its inputs take part.
    fn network(node: usize) -> u32 {
        1 + (node as u32).wrapping_mul(0x9e37_79b1) % 65535
    }

    /// Codes the same bytes in all streams; returns the probabilities.
    fn code(mixing: &mut Mixing, bytes: &[u8]) -> Vec<u32> {
        let mut probabilities = Vec::new();
        for &byte in bytes {
            for stream in 0..STREAMS {
                let mut bits = (0..8).rev().map(|shift| byte >> shift & 1 == 1);
                let coded = mixing.symbol(stream, Some(network), |p| {
                    probabilities.push(p);
                    bits.next().unwrap()
                });
                assert_eq!(coded, byte);
            }
        }
        probabilities
    }

    fn started(len: usize) -> Mixing {
        let mut mixing = Mixing::new(14, 10, STREAMS);
        mixing.start_block(len, (0..STREAMS).map(|s| s * len / STREAMS));
        mixing
    }

    #[test]
    fn a_walk_in_the_middle_of_a_block_carries_all_that_decides() {
        let text: Vec<u8> = (0..900).map(|i| b"abcd, \n\0\xff"[random_u64(5, i / 3) as usize % 9]).collect();
        let mut first = started(900);
        code(&mut first, &text);
        let mut writer = StateWriter::new(Vec::new());
        first.visit(&mut writer);
        let state = writer.finish().unwrap();
        let mut second = started(900);
        let mut reader = StateReader::new(&state[..]);
        second.visit(&mut reader);
        assert!(reader.finish().unwrap().is_empty());
        assert_eq!(first.hash(), second.hash());
        assert_eq!(code(&mut first, &text), code(&mut second, &text));
        first.start_block(300, [0, 100, 200].into_iter());
        second.start_block(300, [0, 100, 200].into_iter());
        assert_eq!(code(&mut first, &text[..100]), code(&mut second, &text[..100]));
        assert_eq!(first.hash(), second.hash());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn hostile_words_do_no_harm(seed: u64, mask in prop_oneof![Just(u64::MAX), Just(0), any::<u64>()], set: u64) {
            // Words at random, all zero, all one, or with some bits fixed.
            let words = (0..).flat_map(|i| (random_u64(seed, i) & mask | set & !mask).to_le_bytes());
            let mut mixing = started(90);
            let mut state = Vec::new();
            mixing.visit(&mut StateWriter::new(&mut state));
            let hostile: Vec<u8> = words.take(state.len()).collect();
            let mut reader = StateReader::new(&hostile[..]);
            mixing.visit(&mut reader);
            reader.finish().unwrap();
            for p in code(&mut mixing, b"some bytes, \n some bytes again") {
                prop_assert!((1..=65535).contains(&p));
            }
        }
    }
}
