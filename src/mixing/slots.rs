//! The hash table of all contexts: a slot holds what is known of a nibble.
//!
//! Sixteen words a slot, so about one cache line a look-up. Word 0 is the check
//! of the context (16 bits), the byte that last followed and how often in a row.
//! Words 1..16 are the nodes of the nibble's tree, root first: probability of a
//! 1 (16 bits, its highest one flipped, so that zero is one half), the last bits
//! under a leading 1 (8), bit history (8).

use crate::simd::prefetch;
use crate::state::Visitor;

use crate::simd::lines::Lines;

/// Words of a slot.
pub const WORDS: usize = 16;
/// What is known of a nibble.
pub type Slot = [u32; WORDS];
/// log2 of the bytes of a slot.
pub const SLOT_BITS: u32 = 6;

/// Slots found by hash, with a check; the less used of three gives way.
#[derive(Clone)]
pub struct Slots {
    words: Lines<u32>,
    /// Number of slots less one.
    mask: usize,
}

impl Slots {
    /// A table of `2^bits` bytes.
    pub fn new(bits: u32) -> Self {
        let slots = 1 << (bits - SLOT_BITS);
        Slots { words: Lines::zeros(slots * WORDS), mask: slots - 1 }
    }

    /// Has the slots that are looked at first for some hashes brought near.
    #[inline(always)]
    pub fn prefetch(&self, hashes: &[u64]) {
        for &hash in hashes {
            prefetch(&self.words, ((hash >> 32) as usize & self.mask) * WORDS);
        }
    }

    /// The slot for a hash, emptied if it was another's; `used` says how much so
    /// a slot was whose root's node is given.
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
                least.0 = candidate; // unused: so the ways after it have never been tried for this hash
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

    /// The same in a table of `2^bits` bytes, at least as large: all that was in this
    /// one is found there too, as the table is this one over and over.
    pub fn grown(&self, bits: u32) -> Self {
        let slots = 1 << (bits - SLOT_BITS);
        Slots { words: self.words.repeat(slots * WORDS / self.words.len()), mask: slots - 1 }
    }

    /// Shows all slots; any words are slots.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(&mut self.words);
    }

    /// All slots, by the index that they are found at.
    #[inline(always)]
    pub fn all(&self) -> &[Slot] {
        self.words.as_chunks().0
    }

    /// The same, to change.
    #[inline(always)]
    pub fn all_mut(&mut self) -> &mut [Slot] {
        self.words.as_chunks_mut().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_table_finds_what_was_in_the_smaller() {
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
    fn a_slot_is_found_again_and_the_least_used_gives_way() {
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
