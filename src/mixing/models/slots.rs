//! The hash table of all contexts: a slot holds the statistics of one nibble in one context.
//!
//! A slot has sixteen words, one cache line. Word 0, from the lowest bit: a check of the
//! context's hash (16 bits), the byte that last followed (8), its number of occurrences in
//! a row (8). Words 1..16 are the nodes of the nibble's tree, root first: the bit history
//! (8 bits), the last bits under a leading 1 (8), the probability of a 1 (16, the highest
//! bit inverted, so that a zero word means one half).

use crate::simd::AlignedBuffer;
use crate::simd::prefetch;
use crate::state::Visitor;

/// Words per slot.
pub const WORDS: usize = 16;
/// A slot.
pub type Slot = [u32; WORDS];
/// log2 of the bytes per slot.
pub const SLOT_BITS: u32 = 6;

/// A hash table of slots. A hash has three candidates; the least used one is replaced.
#[derive(Clone)]
pub struct Slots {
    words: AlignedBuffer<u32>,
    /// The number of slots, a power of two, minus one.
    mask: usize,
}

impl Slots {
    /// Creates a table of `2^bits` bytes.
    pub fn new(bits: u32) -> Self {
        let slots = 1 << (bits - SLOT_BITS);
        Slots { words: AlignedBuffer::zeros(slots * WORDS), mask: slots - 1 }
    }

    /// Prefetches the first candidate of each hash.
    #[inline(always)]
    pub fn prefetch(&self, hashes: &[u64]) {
        for &hash in hashes {
            prefetch(&self.words, ((hash >> 32) as usize & self.mask) * WORDS);
        }
    }

    /// Returns the index of the slot for a hash, which is cleared if another context used it.
    /// `used` returns how much a slot was used, given the word of its root.
    #[inline(always)]
    pub fn find(&mut self, hash: u64, used: impl Fn(u32) -> u32) -> usize {
        let check = (hash as u32 & 0xffff).max(1);
        let index = (hash >> 32) as usize & self.mask;
        let mask = self.mask;
        let slots = self.all_mut();
        let mut least = (index, u32::MAX);
        for way in 0..3 {
            let candidate = index ^ way & mask;
            let slot = &slots[candidate];
            if slot[0] & 0xffff == check {
                return candidate;
            }
            if slot[0] == 0 {
                least.0 = candidate; // unused, so this hash has never reached the candidates after it
                break;
            }
            let used = used(slot[1]);
            if used < least.1 {
                least = (candidate, used);
            }
        }
        slots[least.0] = [0; WORDS];
        slots[least.0][0] = check;
        least.0
    }

    /// Like [`find`](Self::find), but changes nothing: returns the slot that has the hash or would be cleared
    /// for it, and whether it has it.
    #[inline(always)]
    pub fn seek(&self, hash: u64, used: impl Fn(u32) -> u32) -> (usize, bool) {
        let check = (hash as u32 & 0xffff).max(1);
        let index = (hash >> 32) as usize & self.mask;
        let slots = self.all();
        let mut least = (index, u32::MAX);
        for way in 0..3 {
            let candidate = index ^ way & self.mask;
            let slot = &slots[candidate];
            if slot[0] & 0xffff == check {
                return (candidate, true);
            }
            if slot[0] == 0 {
                return (candidate, false);
            }
            let used = used(slot[1]);
            if used < least.1 {
                least = (candidate, used);
            }
        }
        (least.0, false)
    }

    /// Returns a copy with `2^bits` bytes, at least as large: this table repeated, so that
    /// every slot is found in it.
    pub fn grown(&self, bits: u32) -> Self {
        let slots = 1 << (bits - SLOT_BITS);
        Slots { words: self.words.repeat(slots * WORDS / self.words.len()), mask: slots - 1 }
    }

    /// Visits all slots; any words are valid.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(&mut self.words);
    }

    /// Returns all slots by index.
    #[inline(always)]
    pub fn all(&self) -> &[Slot] {
        self.words.as_chunks().0
    }

    /// Like [`all`](Self::all), but mutable.
    #[inline(always)]
    pub fn all_mut(&mut self) -> &mut [Slot] {
        self.words.as_chunks_mut().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_table_finds_every_slot_of_the_smaller_one() {
        let mut small = Slots::new(14);
        let hashes: Vec<u64> = (0..100u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for &hash in &hashes {
            let index = small.find(hash, |root| root);
            small.all_mut()[index][1] = (hash >> 32) as u32;
        }
        for bits in 14..18 {
            let mut large = small.grown(bits);
            for &hash in &hashes {
                let index = small.find(hash, |root| root);
                let found = large.find(hash, |root| root);
                assert_eq!(large.all()[found][1], small.all()[index][1]);
            }
        }
    }

    #[test]
    fn a_slot_is_found_again_and_the_least_used_one_is_replaced() {
        for bits in [SLOT_BITS, 7, 12] {
            let mut slots = Slots::new(bits);
            let first = slots.find(77, |root| root);
            slots.all_mut()[first][1] = 5;
            assert_eq!(slots.find(77, |root| root), first);
            assert_eq!(slots.all()[first][1], 5);
            for hash in 0..10_000u64 {
                let index = slots.find(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15), |root| root);
                assert_eq!(slots.all()[index][1] & !5, 0);
            }
        }
    }
}
