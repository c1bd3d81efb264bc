//! The models at work on a byte: its contexts and their slots, bit by bit.

use crate::simd::prefetch;

use super::contexts::{hashes, image_hashes};
use super::image::View;
use super::inputs::{LAST_BITS, bits_index};
use super::kinds::MOST_CONTEXTS;
use super::mixer::MOST_INPUTS;
use super::models::Models;
use super::selector::Moment;
use super::states::STATES;

/// What the models say of a bit, and what chooses how that is weighed.
pub struct Bit {
    pub inputs: [i16; MOST_INPUTS],
    pub moment: Moment,
}

/// What is worked out for a context.
#[derive(Clone, Copy, Default)]
pub struct Found {
    /// Slot of the byte's first nibble and of this one.
    pub first: u32,
    pub slot: u32,
    /// Word 0 of the first slot as the byte began.
    pub head: u32,
    /// The word of the node in the nibble's tree.
    pub entry: u32,
    /// The run's entry of the map, and the bit it expects, lowest; 0 if it says nothing.
    pub run: u32,
}

/// What is worked out for a byte and, bit by bit, for the next bit.
pub struct Work {
    pub stream: usize,
    pub hashes: [u64; MOST_CONTEXTS],
    pub found: [Found; MOST_CONTEXTS],
    /// The byte that the match expects, under a leading 1.
    pub expected: Option<usize>,
    /// Trust in the match, and the bucket of its length.
    pub trust: usize,
    pub bucket: usize,
    /// The node in the nibble's tree.
    pub place: usize,
    /// The match's entry and the bit it foretells.
    pub match_at: usize,
    pub foretold: Option<usize>,
    pub bit: Bit,
}

impl Models {
    /// Looks at a stream's past before a byte.
    #[inline(always)]
    pub fn begin(&mut self, number: usize) -> Work {
        let stream = &self.streams[number];
        let expected = stream.matched.expected(&self.past);
        let moment = Moment {
            node: 1,
            last: stream.recent as usize & 255,
            second: stream.recent as usize >> 8 & 255,
            kinds: (stream.kinds & 255) as usize,
            in_line: stream.in_line() as usize,
            expected: expected.map_or(0, usize::from),
            ..Moment::default()
        };
        let mut work = Work {
            stream: number,
            hashes: [0; MOST_CONTEXTS],
            found: [Found::default(); MOST_CONTEXTS],
            expected: expected.map(|byte| usize::from(byte) | 256),
            trust: stream.matched.trust(),
            bucket: stream.matched.bucket(),
            place: 0,
            match_at: 0,
            foretold: None,
            bit: Bit { inputs: [0; MOST_INPUTS], moment },
        };
        let contexts = self.parts.contexts;
        match &mut self.image {
            None => hashes(contexts, stream, &self.past, expected, &mut work.hashes),
            Some(image) => {
                let View { last, second, kinds, in_line } = image.look(number, stream, &self.past);
                work.bit.moment = Moment { last, second, kinds, in_line, ..moment };
                image_hashes(image, &mut work.hashes[..contexts.len()]);
            }
        }
        self.slots.prefetch(&work.hashes[..contexts.len()]);
        work
    }

    /// Says what is known of the byte's next bit.
    #[inline(always)]
    pub fn say(&mut self, work: &mut Work, bit_number: usize) {
        if bit_number & 3 == 0 {
            self.find_slots(work, bit_number);
        }
        self.make_inputs(work, bit_number);
    }

    /// Learns that bit, and asks for what comes next early.
    #[inline(always)]
    pub fn learn(&mut self, work: &mut Work, bit: usize) {
        self.learn_contexts(work, bit);
        match work.bit.moment.bit_number {
            3 => self.look_at_second_nibble(work),
            7 => self.learn_byte(work),
            _ => self.look_at_last_bits(work),
        }
    }

    /// Learns a whole byte of a stream, after it has said what is known of each bit.
    #[inline(always)]
    pub fn run(&mut self, stream: usize, byte: u8, mut take: impl FnMut(&Bit)) {
        let mut work = self.begin(stream);
        for bit_number in 0..8 {
            self.say(&mut work, bit_number);
            take(&work.bit);
            self.learn(&mut work, usize::from(byte >> (7 - bit_number) & 1));
        }
    }

    /// Goes on to the second nibble's hashes, once the first nibble is known.
    #[inline(always)]
    fn look_at_second_nibble(&self, work: &mut Work) {
        let hashes = &mut work.hashes[..self.parts.contexts.len()];
        for hash in &mut *hashes {
            let mixed = (*hash ^ (work.bit.moment.node as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *hash = mixed ^ mixed >> 32;
        }
        self.slots.prefetch(hashes);
    }

    /// Asks for what the last bits of contexts say at the node.
    #[inline(always)]
    fn look_at_last_bits(&self, work: &Work) {
        if self.parts.last_bits {
            for (found, row) in work.found.iter().zip(self.bits_map.rows::<LAST_BITS>()) {
                prefetch(row, bits_index(found.entry, work.bit.moment.node));
            }
        }
    }

    /// Finds the slots of a nibble.
    #[inline(always)]
    fn find_slots(&mut self, work: &mut Work, bit_number: usize) {
        let totals = &self.states.totals;
        let found = &mut work.found[..self.parts.contexts.len()];
        for (found, &hash) in found.iter_mut().zip(&work.hashes) {
            found.slot = self.slots.find(hash, |root| totals[root as usize & (STATES - 1)].into()) as u32;
        }
        // Only now, as one context's slot may have given way to the next one's.
        let slots = self.slots.all();
        for found in found {
            let slot = &slots[found.slot as usize];
            if bit_number == 0 {
                (found.first, found.head) = (found.slot, slot[0]);
            }
            found.entry = slot[1];
        }
        self.look_at_last_bits(work);
    }
}
