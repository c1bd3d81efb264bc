//! From a stream's past to the probability of its next bit.

use super::Mixing;
use super::contexts::hashes;
use super::kinds::{MOST_CONTEXTS, MOST_MIXERS, MOST_REFINEMENTS};
use super::mixer::{GROUP, MOST_INPUTS};
use super::selector::Moment;
use super::states::STATES;
use super::stretch::{STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};

/// How much a probability's distance from one half (Q16) is shortened to an input.
const CONFIDENCE_SHIFT: u32 = 6;

/// What is worked out for a byte and, bit by bit, for the next bit.
pub struct Work {
    pub hashes: [u64; MOST_CONTEXTS],
    /// Slots of the byte's first nibble and of this one.
    pub firsts: [u32; MOST_CONTEXTS],
    pub found: [u32; MOST_CONTEXTS],
    /// Word 0 of the first slots as the byte began.
    pub heads: [u32; MOST_CONTEXTS],
    /// The byte that the match expects, under a leading 1.
    pub expected: Option<usize>,
    pub trust: usize,
    pub bucket: usize,
    pub recent: u64,
    /// Contexts of the refinements.
    pub refined: [usize; MOST_REFINEMENTS],
    pub moment: Moment,
    /// The node in the nibble's tree.
    pub place: usize,
    /// That node's word in each context's slot.
    pub entries: [u32; MOST_CONTEXTS],
    /// The run's entry and the bit it expects, lowest; 0 if it says nothing.
    pub run_at: [u32; MOST_CONTEXTS],
    pub match_at: usize,
    pub foretold: Option<usize>,
    pub inputs: [i16; MOST_INPUTS],
    pub selected: [usize; MOST_MIXERS],
    pub guesses: [i32; MOST_MIXERS],
    pub outputs: [i16; GROUP],
    pub final_selected: [usize; MOST_MIXERS],
    pub final_guesses: [i32; MOST_MIXERS],
}

impl Work {
    #[inline(always)]
    pub fn new() -> Self {
        Work {
            hashes: [0; MOST_CONTEXTS],
            firsts: [0; MOST_CONTEXTS],
            found: [0; MOST_CONTEXTS],
            heads: [0; MOST_CONTEXTS],
            expected: None,
            trust: 0,
            bucket: 0,
            recent: 0,
            refined: [0; MOST_REFINEMENTS],
            moment: Moment::default(),
            place: 0,
            entries: [0; MOST_CONTEXTS],
            run_at: [0; MOST_CONTEXTS],
            match_at: 0,
            foretold: None,
            inputs: [0; MOST_INPUTS],
            selected: [0; MOST_MIXERS],
            guesses: [0; MOST_MIXERS],
            outputs: [0; GROUP],
            final_selected: [0; MOST_MIXERS],
            final_guesses: [0; MOST_MIXERS],
        }
    }
}

/// Where the last bits of a context's node lie in their map.
#[inline(always)]
pub fn bits_index(context: usize, entry: u32, node: usize) -> usize {
    context << 16 | (entry as usize & 0xff00) | node & 255
}

impl Mixing {
    /// Looks at the stream's past before a byte.
    #[inline(always)]
    pub(super) fn look(&self, work: &mut Work, stream: usize) {
        let stream = &self.streams[stream];
        let expected = stream.matched.expected(&self.past);
        hashes(self.parts.contexts, stream, &self.past, expected, &mut work.hashes);
        work.expected = expected.map(|byte| usize::from(byte) | 256);
        work.trust = stream.matched.trust();
        work.bucket = stream.matched.bucket();
        work.recent = stream.recent;
        work.moment = Moment {
            node: 1,
            last: stream.recent as usize & 255,
            second: stream.recent as usize >> 8 & 255,
            kinds: (stream.kinds & 255) as usize,
            in_line: stream.in_line() as usize,
            ..Moment::default()
        };
        self.slots.prefetch(&work.hashes[..self.parts.contexts.len()]);
        self.look_at_node(work);
    }

    /// Goes on to the second nibble's hashes, once the first nibble is known.
    #[inline(always)]
    pub(super) fn look_at_second_nibble(&self, work: &mut Work) {
        let hashes = &mut work.hashes[..self.parts.contexts.len()];
        for hash in &mut *hashes {
            let mixed = (*hash ^ (work.moment.node as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *hash = mixed ^ mixed >> 32;
        }
        self.slots.prefetch(hashes);
    }

    /// Works out the refinements' contexts for the node.
    #[inline(always)]
    pub(super) fn look_at_node(&self, work: &mut Work) {
        let expected = work.expected.map_or(0, |byte| byte & 255);
        for (i, (apm, refinement)) in self.apms.iter().zip(self.parts.refinements).enumerate() {
            work.refined[i] = refinement.context(work.moment.node, work.recent, expected);
            apm.prefetch(work.refined[i]);
        }
    }

    /// Finds the slots of a nibble.
    #[inline(always)]
    pub(super) fn find_slots(&mut self, work: &mut Work, bit_number: usize) {
        let contexts = self.parts.contexts.len();
        let states = self.states;
        for (found, &hash) in work.found[..contexts].iter_mut().zip(&work.hashes) {
            *found = self.slots.find(hash, |root| states.total(root as u8)) as u32;
        }
        if bit_number == 0 {
            work.firsts = work.found;
            for (head, &first) in work.heads[..contexts].iter_mut().zip(&work.firsts) {
                *head = self.slots.word(first as usize, 0);
            }
        }
    }

    /// Makes `EACH` inputs of each context; returns how many orders know the node.
    #[inline(always)]
    fn ask_contexts<const EACH: usize>(&self, work: &mut Work, bit_number: usize) -> usize {
        let (logistic, states) = (self.logistic, self.states);
        let node = work.moment.node;
        let mut known = 0;
        for i in 0..self.parts.contexts.len() {
            let entry = self.slots.word(work.found[i] as usize, work.place);
            work.entries[i] = entry;
            let mut x = [0; EACH];
            let state = (entry & 255) as usize;
            if state != 0 {
                x[0] = logistic.stretch(self.history_map.p(i * STATES + state)) as i16;
                x[1] = if states.certain[state] { x[0] } else { 0 };
                x[2] = logistic.stretch((entry >> 16) ^ 0x8000) as i16;
                if EACH == 5 {
                    x[4] = logistic.stretch(self.bits_map.p(bits_index(i, entry, node))) as i16;
                }
                known += usize::from((1..7).contains(&i));
            }
            let head = work.heads[i];
            let (byte, count) = ((head >> 16 & 255) as usize | 256, (head >> 24) as usize);
            work.run_at[i] = 0;
            if count > 0 && byte >> (8 - bit_number) == node {
                let index = i * 128 + count.min(15) * 8 + bit_number;
                let stretched = logistic.stretch(self.run_map.p(index)) as i16;
                let bit = byte >> (7 - bit_number) & 1;
                x[3] = if bit == 1 { stretched } else { -stretched };
                work.run_at[i] = (index << 1 | bit) as u32;
            }
            work.inputs[EACH * i..][..EACH].copy_from_slice(&x);
        }
        known
    }

    /// The probability of a 1, Q16, 1..=65535.
    #[inline(always)]
    pub(super) fn predict(&mut self, work: &mut Work, bit_number: usize, network: Option<u32>) -> u32 {
        let contexts = self.parts.contexts.len();
        let logistic = self.logistic;
        let node = work.moment.node;
        let part = bit_number & 3; // in the nibble
        work.place = (1 << part) | (node & ((1 << part) - 1));
        let known = if self.parts.last_bits {
            self.ask_contexts::<5>(work, bit_number)
        } else {
            self.ask_contexts::<4>(work, bit_number)
        };
        let x = &mut work.inputs[self.parts.each() * contexts..];
        x[0] = logistic.stretch(self.order0.p(node)) as i16;
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
        let mut level = 0;
        if let Some(p) = network {
            let stretched = logistic.stretch(p);
            x[4] = stretched as i16;
            x[5] = ((p as i32 - 32768) >> CONFIDENCE_SHIFT) as i16;
            level = ((stretched + STRETCH_LIMIT) >> STRETCH_FRACTION).clamp(0, 23) as usize;
        }
        let agreed = if work.foretold.is_some() { 1 + work.bucket } else { 0 };
        work.moment = Moment { bit_number, agreed, level, known, ..work.moment };

        work.moment.word_state = (work.entries[7] & 255) as usize;
        let (general, others) = self.mixers.split_at_mut(1);
        for (i, mixer) in others.iter_mut().enumerate() {
            let set = self.parts.mixers[i + 1].select(&work.moment);
            mixer.start_set(set, general[0].first_set());
            work.selected[i + 1] = set;
        }
        for (i, mixer) in self.mixers.iter().enumerate() {
            let set = work.selected[i];
            let sum = mixer.sum(set, &work.inputs);
            work.guesses[i] = logistic.squash(sum);
            work.outputs[i] = (sum >> (SUM_FRACTION - STRETCH_FRACTION)).clamp(-STRETCH_LIMIT, STRETCH_LIMIT) as i16;
        }
        let mut sum = 0;
        for (i, (mixer, selector)) in self.finals.iter().zip(self.parts.finals).enumerate() {
            let set = selector.select(&work.moment);
            let one = mixer.sum(set, &work.outputs);
            work.final_selected[i] = set;
            work.final_guesses[i] = logistic.squash(one);
            sum += one;
        }
        let sum = sum / self.finals.len() as i32;
        let x = sum >> (SUM_FRACTION - STRETCH_FRACTION);
        let mut total = logistic.squash(sum);
        for (i, apm) in self.apms.iter_mut().enumerate() {
            total += apm.refine(x, work.refined[i]);
        }
        let parts = 1 + self.apms.len() as i32;
        ((total + parts / 2) / parts).clamp(1, 65535) as u32
    }
}
