//! What is worked out for a byte before its bits are predicted: contexts and their slots.

use crate::engine::cpu::simd::prefetch;

use super::Mixing;
use super::contexts::{hashes, image_hashes};
use super::image::View;
use super::inputs::{LAST_BITS, bits_index};
use super::kinds::{MOST_CONTEXTS, MOST_MIXERS, MOST_REFINEMENTS};
use super::mixer::{GROUP, MOST_INPUTS};
use super::selector::Moment;
use super::states::STATES;

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
    pub hashes: [u64; MOST_CONTEXTS],
    pub found: [Found; MOST_CONTEXTS],
    /// The byte that the match expects, under a leading 1.
    pub expected: Option<usize>,
    /// The byte that the network thinks likeliest, 0 without one.
    pub likeliest: usize,
    /// Trust in the match, and the bucket of its length.
    pub trust: usize,
    pub bucket: usize,
    /// The stream's last eight bytes.
    pub recent: u64,
    /// Contexts of the refinements.
    pub refined: [usize; MOST_REFINEMENTS],
    /// What selects weights, the node of the byte's tree among it.
    pub moment: Moment,
    /// The node in the nibble's tree.
    pub place: usize,
    /// The match's entry and the bit it foretells.
    pub match_at: usize,
    pub foretold: Option<usize>,
    pub inputs: [i16; MOST_INPUTS],
    /// Of each mixer of the first layer: its set, probability, and input to the second.
    pub selected: [usize; MOST_MIXERS],
    pub guesses: [i32; MOST_MIXERS],
    pub outputs: [i16; GROUP],
    /// Set and probability of each mixer of the second layer.
    pub final_selected: [usize; MOST_MIXERS],
    pub final_guesses: [i32; MOST_MIXERS],
}

impl Work {
    #[inline(always)]
    pub fn new() -> Self {
        Work {
            hashes: [0; MOST_CONTEXTS],
            found: [Found::default(); MOST_CONTEXTS],
            expected: None,
            likeliest: 0,
            trust: 0,
            bucket: 0,
            recent: 0,
            refined: [0; MOST_REFINEMENTS],
            moment: Moment::default(),
            place: 0,
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

impl Mixing {
    /// Looks at the stream's past before a byte.
    #[inline(always)]
    pub(super) fn look(&mut self, work: &mut Work, number: usize, likeliest: Option<u8>) {
        let stream = &self.streams[number];
        let expected = stream.matched.expected(&self.past);
        work.expected = expected.map(|byte| usize::from(byte) | 256);
        work.likeliest = likeliest.map_or(0, usize::from);
        work.trust = stream.matched.trust();
        work.bucket = stream.matched.bucket();
        work.recent = stream.recent;
        work.moment = Moment {
            node: 1,
            last: stream.recent as usize & 255,
            second: stream.recent as usize >> 8 & 255,
            kinds: (stream.kinds & 255) as usize,
            in_line: stream.in_line() as usize,
            likeliest: work.likeliest,
            ..Moment::default()
        };
        let contexts = self.parts.contexts;
        match &mut self.image {
            None => hashes(contexts, stream, &self.past, expected, &mut work.hashes),
            Some(image) => {
                let View { last, second, kinds, in_line } = image.look(number, stream, &self.past);
                work.moment = Moment { last, second, kinds, in_line, ..work.moment };
                work.recent = (second << 8 | last) as u64;
                image_hashes(image, &mut work.hashes[..contexts.len()]);
            }
        }
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

    /// Works out the refinements' contexts for the node, and asks for what it needs of large tables.
    #[inline(always)]
    pub(super) fn look_at_node(&self, work: &mut Work) {
        let expected = work.expected.map_or(0, |byte| byte & 255);
        for (i, (apm, refinement)) in self.apms.iter().zip(self.parts.refinements).enumerate() {
            work.refined[i] = refinement.context(work.moment.node, work.recent, expected, work.likeliest);
            apm.prefetch(work.refined[i]);
        }
        for (mixer, selector) in self.mixers.iter().zip(self.parts.mixers).filter(|(_, selector)| selector.is_far()) {
            mixer.prefetch(selector.select(&work.moment));
        }
    }

    /// Asks for what the last bits of contexts say at the node.
    #[inline(always)]
    pub(super) fn look_at_last_bits(&self, work: &Work) {
        if self.parts.last_bits {
            for (found, row) in work.found.iter().zip(self.bits_map.rows::<LAST_BITS>()) {
                prefetch(row, bits_index(found.entry, work.moment.node));
            }
        }
    }

    /// Finds the slots of a nibble.
    #[inline(always)]
    pub(super) fn find_slots(&mut self, work: &mut Work, bit_number: usize) {
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
