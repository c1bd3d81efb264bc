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

use super::bit_history::StateMachine;

/// Words per slot.
pub const WORDS: usize = 16;
/// A slot.
pub type Slot = [u32; WORDS];
/// The number of bits after which a node's probability keeps its learning rate.
const SLOWEST: u8 = 30;
/// log2 of the bytes per slot.
pub const SLOT_BITS: u32 = 6;

/// Returns the check of a hash: word 0 of a slot that has nothing else yet.
#[inline(always)]
pub fn check(hash: u64) -> u32 {
    (hash as u32 & 0xffff).max(1)
}

/// Returns a slot that has only its check.
#[inline(always)]
pub fn empty(check: u32) -> Slot {
    let mut slot = [0; WORDS];
    slot[0] = check;
    slot
}

/// Returns word 0 after a byte: the byte and its run.
#[inline(always)]
pub fn head_after(head: u32, byte: u8) -> u32 {
    let (run_byte, run) = ((head >> 16) as u8, head >> 24);
    let run = if run_byte == byte { (run + 1).min(255) } else { 1 };
    head & 0xffff | u32::from(byte) << 16 | run << 24
}

/// Returns the word of a node after a bit; `rates` are those of maps.
#[inline(always)]
pub fn node_after(word: u32, bit: usize, machine: &StateMachine, rates: &[u32; 1024]) -> u32 {
    let state = usize::from(word as u8);
    let p = ((word >> 16) ^ 0x8000) as i32;
    let rate = rates[usize::from(machine.totals[state].min(SLOWEST))] as i32 >> 2;
    let p = p + (((65535 * bit as i32 - p) * rate) >> 14);
    let bits = (word >> 8 & 255).max(1) << 1 | bit as u32;
    let bits = if bits > 255 { bits & 127 | 128 } else { bits };
    (p as u32 ^ 0x8000) << 16 | bits << 8 | u32::from(machine.next[state][bit])
}

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
        let (index, is_present) = self.seek(hash, used);
        if !is_present {
            self.all_mut()[index] = empty(check(hash));
        }
        index
    }

    /// Returns the index of the slot that has a hash or would be cleared for it, and true if it has it.
    #[inline(always)]
    pub fn seek(&self, hash: u64, used: impl Fn(u32) -> u32) -> (usize, bool) {
        let index = (hash >> 32) as usize & self.mask;
        let slots = self.all();
        let mut least = (index, u32::MAX);
        for way in 0..3 {
            let candidate = index ^ way & self.mask;
            let slot = &slots[candidate];
            if slot[0] & 0xffff == check(hash) {
                return (candidate, true);
            }
            if slot[0] == 0 {
                return (candidate, false); // unused, so this hash has never reached the candidates after it
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
