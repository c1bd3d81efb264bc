//! The slots learn a step.

use super::super::models::bit_history::StateMachine;
use super::super::models::learn_bit::SLOWEST;
use super::super::models::slots::{Slot, WORDS};
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
                *slot = [0; WORDS];
                slot[0] = touched.head;
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
                    slot[node & (WORDS - 1)] = learned(entry, bit, machine, rates);
                }
                if nibble == 0 {
                    let (run_byte, run) = ((touched.head >> 16) as u8, touched.head >> 24);
                    let run = if run_byte == work.symbol { (run + 1).min(255) } else { 1 };
                    slot[0] = touched.head & 0xffff | u32::from(work.symbol) << 16 | run << 24;
                }
            }
        }
    }
}

/// The word of a node after a bit.
#[inline(always)]
fn learned(entry: u32, bit: usize, machine: &StateMachine, rates: &[u32; 1024]) -> u32 {
    let state = usize::from(entry as u8);
    let p = ((entry >> 16) ^ 0x8000) as i32;
    let rate = rates[usize::from(machine.totals[state].min(SLOWEST))] as i32 >> 2;
    let p = p + (((65535 * bit as i32 - p) * rate) >> 14);
    let bits = (entry >> 8 & 255).max(1) << 1 | bit as u32;
    let bits = if bits > 255 { bits & 127 | 128 } else { bits };
    (p as u32 ^ 0x8000) << 16 | bits << 8 | u32::from(machine.next[state][bit])
}
