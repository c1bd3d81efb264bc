//! The slots learn a step.

use super::super::models::bit_history::StateMachine;
use super::super::models::slots::{Slot, WORDS, empty, head_after, node_after};
use super::work::{Touched, Work};
use crate::simd::prefetch;

/// A part of the table of slots to learn.
pub struct SlotJob<'a> {
    pub slots: &'a mut [Slot],
    /// Number of the first slot.
    pub first: usize,
    pub machine: &'static StateMachine,
    pub rates: &'static [u32; 1024],
}

impl SlotJob<'_> {
    /// Has the slots learn what streams did to them.
    ///
    /// A context without a slot takes the least used one; of contexts that want the same slot the last one gets it.
    /// Then each context that has its slot writes its nodes, computed from what they were before the step; of
    /// contexts that share a node the last one counts.
    pub fn learn(&mut self, works: &[Work]) {
        let SlotJob { slots, first, machine, rates } = self;
        let first = *first;
        let own = |touched: &Touched| (touched.slot as usize).wrapping_sub(first);
        for touched in works.iter().flat_map(|work| work.slots.iter().flatten()).filter(|touched| !touched.is_present) {
            if let Some(slot) = slots.get_mut(own(touched)) {
                *slot = empty(touched.head);
            }
        }
        let nibbles = || works.iter().flat_map(|work| (0..2).map(move |nibble| (work, nibble)));
        let mut next = nibbles().skip(1);
        for (work, nibble) in nibbles() {
            if let Some((work, nibble)) = next.next() {
                for touched in &work.slots[nibble] {
                    prefetch(slots.as_flattened(), own(touched).wrapping_mul(WORDS));
                }
            }
            let value = usize::from(work.symbol >> (4 - 4 * nibble) & 15);
            for (touched, entries) in work.slots[nibble].iter().zip(&work.entries) {
                let Some(slot) = slots.get_mut(own(touched)) else { continue };
                if (slot[0] ^ touched.head) & 0xffff != 0 {
                    continue; // Another context took the slot.
                }
                for (i, &entry) in entries[4 * nibble..][..4].iter().enumerate() {
                    let (node, bit) = ((1 << i) | value >> (4 - i), value >> (3 - i) & 1);
                    slot[node & (WORDS - 1)] = node_after(entry, bit, machine, rates);
                }
                if nibble == 0 {
                    slot[0] = head_after(touched.head, work.symbol);
                }
            }
        }
    }
}
