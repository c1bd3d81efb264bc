//! The hash table of all contexts: a slot holds what is known of a nibble.
//!
//! Sixteen words a slot, so about one cache line a look-up. Word 0 is the check
//! of the context (16 bits), the byte that last followed and how often in a row.
//! Words 1..16 are the nodes of the nibble's tree, root first: probability of a
//! 1 (16 bits, its highest one flipped, so that zero is one half), the last bits
//! under a leading 1 (8), bit history (8).

use crate::state::Visitor;

/// Words of a slot.
pub const WORDS: usize = 16;
/// log2 of the bytes of a slot.
pub const SLOT_BITS: u32 = 6;

/// A slot of the table.
pub type Slot = [u32; WORDS];

/// Slots found by hash, with a check; the less used of three gives way.
pub struct Slots {
    slots: Vec<Slot>,
}

impl Slots {
    /// A table of `2^bits` bytes.
    pub fn new(bits: u32) -> Self {
        Slots { slots: vec![[0; WORDS]; 1 << (bits - SLOT_BITS)] }
    }

    /// The slot for a hash, emptied if it was another's.
    #[inline]
    pub fn find(&mut self, hash: u64, used: impl Fn(&Slot) -> u32) -> usize {
        let check = (hash as u32 & 0xffff).max(1);
        let index = (hash >> 32) as usize & (self.slots.len() - 1);
        let mut least = (index, u32::MAX);
        for way in 0..3 {
            let candidate = index ^ way & (self.slots.len() - 1);
            let slot = &self.slots[candidate];
            if slot[0] & 0xffff == check {
                return candidate;
            }
            let used = if slot[0] == 0 { 0 } else { 1 + used(slot) };
            if used < least.1 {
                least = (candidate, used);
            }
        }
        self.slots[least.0] = [0; WORDS];
        self.slots[least.0][0] = check;
        least.0
    }

    /// Shows all slots; any words are slots.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(self.slots.as_flattened_mut());
    }

    /// A slot that was found.
    #[inline]
    pub fn get(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    /// The same, to change.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_found_again_and_the_least_used_gives_way() {
        for bits in [SLOT_BITS, 7, 12] {
            let mut slots = Slots::new(bits);
            let first = slots.find(77, |slot| slot[1]);
            slots.get_mut(first)[1] = 5;
            assert_eq!(slots.find(77, |slot| slot[1]), first);
            assert_eq!(slots.get(first)[1], 5);
            for hash in 0..10_000u64 {
                let index = slots.find(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15), |slot| slot[1]);
                assert_eq!(slots.get(index)[1] & !5, 0);
            }
        }
    }
}
