//! What every model says of the next bit: the inputs of the mixers but the network's.

use std::ops::Range;

use super::models::Models;
use super::selector::Moment;
use super::states::STATES;
use super::work::Work;

/// How much a probability's distance from one half (Q16) is shortened to an input.
pub const CONFIDENCE_SHIFT: u32 = 6;
/// The contexts that are counted where they know the node.
const ORDERS: Range<usize> = 1..7;
/// The context whose state selects weights: the word's, in the rich kind.
const WORD: usize = 7;

/// Entries of a context in the map of runs, by length and bit of the byte.
pub const RUNS: usize = 16 * 8;
/// The same in the map of last bits, by them and the node.
pub const LAST_BITS: usize = 1 << 16;

/// Where the last bits of a context's node lie in their map.
#[inline(always)]
pub fn bits_index(entry: u32, node: usize) -> usize {
    (entry as usize & 0xff00) | node & 255
}

impl Models {
    /// Makes all inputs for the work's node, and notes what selects weights.
    #[inline(always)]
    pub(super) fn make_inputs(&self, work: &mut Work, bit_number: usize) {
        let contexts = self.parts.contexts.len();
        let logistic = self.logistic;
        let node = work.bit.moment.node;
        let part = bit_number & 3; // in the nibble
        work.place = (1 << part) | (node & ((1 << part) - 1));
        if self.parts.last_bits {
            self.ask_contexts::<5>(work, bit_number);
        } else {
            self.ask_contexts::<4>(work, bit_number);
        }
        let x = &mut work.bit.inputs[self.parts.each() * contexts..];
        x[0] = logistic.stretch(self.image.as_ref().map_or_else(|| self.order0.p(node), |image| image.direct(node)))
            as i16;
        x[1] = 256;
        (x[2], x[3]) = (0, 0);
        work.match_at = work.trust * 8 + bit_number;
        work.foretold =
            work.expected.filter(|byte| byte >> (8 - bit_number) == node).map(|byte| byte >> (7 - bit_number) & 1);
        if let Some(bit) = work.foretold {
            let p = self.match_map.p(work.match_at);
            let (a, b) = (logistic.stretch(p), (p as i32 - 32768) >> CONFIDENCE_SHIFT);
            (x[2], x[3]) = if bit == 1 { (a as i16, b as i16) } else { (-a as i16, -b as i16) };
        }
        if let Some(image) = &self.image {
            for (x, p) in x[6..].chunks_exact_mut(2).zip(image.probabilities(node)) {
                x[0] = logistic.stretch(p) as i16;
                x[1] = ((p as i32 - 32768) >> CONFIDENCE_SHIFT) as i16;
            }
        }
        let agreed = if work.foretold.is_some() { 1 + work.bucket } else { 0 };
        let known = work.found[ORDERS].iter().filter(|found| found.entry as u8 != 0).count();
        let word_state = (work.found[WORD].entry & 255) as usize;
        work.bit.moment = Moment { bit_number, agreed, known, word_state, ..work.bit.moment };
    }

    /// Makes `EACH` inputs of each context.
    #[inline(always)]
    fn ask_contexts<const EACH: usize>(&self, work: &mut Work, bit_number: usize) {
        let (logistic, states) = (self.logistic, self.states);
        let node = work.bit.moment.node;
        let bits = self.bits_map.rows::<LAST_BITS>();
        let maps = self.history_map.rows::<STATES>().iter().zip(self.run_map.rows::<RUNS>());
        let inputs = work.bit.inputs.as_chunks_mut::<EACH>().0;
        for (i, ((found, x), (history, runs))) in work.found.iter_mut().zip(inputs).zip(maps).enumerate() {
            *x = [0; EACH];
            let entry = found.entry;
            let state = (entry & 255) as usize;
            if state != 0 {
                x[0] = logistic.stretch(history[state] >> 16) as i16;
                x[1] = if states.certain[state] { x[0] } else { 0 };
                x[2] = logistic.stretch((entry >> 16) ^ 0x8000) as i16;
                if EACH == 5 {
                    x[4] = logistic.stretch(bits[i][bits_index(entry, node)] >> 16) as i16;
                }
            }
            let (byte, count) = ((found.head >> 16 & 255) as usize | 256, (found.head >> 24) as usize);
            found.run = 0;
            if count > 0 && byte >> (8 - bit_number) == node {
                let index = count.min(15) * 8 + bit_number;
                let stretched = logistic.stretch(runs[index & (RUNS - 1)] >> 16) as i16;
                let bit = byte >> (7 - bit_number) & 1;
                x[3] = if bit == 1 { stretched } else { -stretched };
                found.run = (index << 1 | bit) as u32;
            }
        }
    }
}
