//! Looks up the hash table: the slots of a nibble, for all contexts.

use crate::simd::prefetch;

use super::bit_history::STATES;
use super::byte_state::ByteState;
use super::tables::{LAST_BITS, Models, last_bits_index};

impl Models {
    /// Finds the slots of the nibble that begins, and the entries of its root.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn find_slots(&mut self, byte: &mut ByteState, bit_number: usize) {
        let totals = &self.machine.totals;
        let contexts = &mut byte.contexts[..self.components.contexts.len()];
        for (context, &hash) in contexts.iter_mut().zip(&byte.hashes) {
            context.slot = self.slots.find(hash, |root| totals[root as usize & (STATES - 1)].into()) as u32;
        }
        // Read after all slots are found: a context may have replaced the slot of an earlier one.
        let slots = self.slots.all();
        for context in contexts {
            let slot = &slots[context.slot as usize];
            if bit_number == 0 {
                (context.first_slot, context.head) = (context.slot, slot[0]);
            }
            context.entry = slot[1];
        }
        self.prefetch_last_bits(byte);
    }

    /// Hashes the first nibble into the contexts' hashes and prefetches the slots of the second.
    #[inline(always)]
    pub fn begin_second_nibble(&self, byte: &mut ByteState) {
        let hashes = &mut byte.hashes[..self.components.contexts.len()];
        for hash in &mut *hashes {
            let mixed = (*hash ^ (byte.prediction.context.node as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *hash = mixed ^ mixed >> 32;
        }
        self.slots.prefetch(hashes);
    }

    /// Prefetches the entries for the contexts' last bits at the current node.
    #[inline(always)]
    pub fn prefetch_last_bits(&self, byte: &ByteState) {
        if self.components.last_bits {
            for (context, row) in byte.contexts.iter().zip(self.last_bits_map.rows::<LAST_BITS>()) {
                prefetch(row, last_bits_index(context.entry, byte.prediction.context.node));
            }
        }
    }
}
