//! The slots learn a step.

use super::super::models::bit_history::StateMachine;
use super::super::models::slots::{Slot, WORDS, empty, head_after, node_after};
use super::work::Work;
use crate::simd::prefetch;

/// The largest number of parts of the table of slots that threads learn independently.
pub const MOST_PARTS: usize = 16;

/// How the table of slots is cut into parts of equal size.
#[derive(Clone, Copy)]
pub struct Parts {
    /// log2 of the slots of a part.
    bits: u32,
}

impl Parts {
    /// Cuts a table, whose number of slots is a power of two, into parts for a number of threads.
    pub fn new(slots: usize, threads: usize) -> Self {
        let parts = if threads == 1 { 1 } else { (2 * threads).next_power_of_two().min(MOST_PARTS) };
        Parts { bits: slots.div_ceil(parts).ilog2() }
    }

    /// Returns the number of slots of a part.
    pub fn len(self) -> usize {
        1 << self.bits
    }

    /// Returns the number of a slot's part.
    #[inline(always)]
    pub fn of(self, slot: usize) -> usize {
        slot >> self.bits & (MOST_PARTS - 1)
    }
}

/// A part of the table of slots to learn.
pub struct SlotJob<'a> {
    pub part: usize,
    pub slots: &'a mut [Slot],
    pub machine: &'static StateMachine,
    pub rates: &'static [u32; 1024],
}

/// The numbers of the bits that are set, from the lowest one.
#[inline(always)]
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            number
        })
    })
}

impl SlotJob<'_> {
    /// Has the slots learn what streams did to them.
    ///
    /// A context without a slot takes the least used one; of contexts that want the same slot the last one gets it.
    /// Then each context that has its slot writes its nodes, computed from what they were before the step; of
    /// contexts that share a node the last one counts.
    pub fn learn(&mut self, works: &[Work]) {
        let SlotJob { part, slots, machine, rates } = self;
        let mask = slots.len() - 1;
        let own = |slot: u32| slot as usize & mask;
        let nibbles = || works.iter().flat_map(|work| (0..2).map(move |nibble| (work, nibble)));
        for (work, nibble) in nibbles() {
            for context in ones(work.parts[nibble][*part] & work.missing[nibble]) {
                let touched = &work.slots[nibble][context];
                slots[own(touched.slot)] = empty(touched.head);
            }
        }
        let mut next = nibbles().skip(1);
        for (work, nibble) in nibbles() {
            if let Some((work, nibble)) = next.next() {
                for context in ones(work.parts[nibble][*part]) {
                    prefetch(slots.as_flattened(), own(work.slots[nibble][context].slot) * WORDS);
                }
            }
            let value = usize::from(work.symbol >> (4 - 4 * nibble) & 15);
            for context in ones(work.parts[nibble][*part]) {
                let touched = &work.slots[nibble][context];
                let slot = &mut slots[own(touched.slot)];
                if (slot[0] ^ touched.head) & 0xffff != 0 {
                    continue; // Another context took the slot.
                }
                for (i, &entry) in work.entries[context][4 * nibble..][..4].iter().enumerate() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_is_in_the_part_that_holds_it() {
        for (slots, threads) in [(1, 1), (1, 16), (8, 4), (256, 1), (256, 3), (1 << 20, 64)] {
            let parts = Parts::new(slots, threads);
            let numbers: Vec<usize> = (0..slots).collect();
            for (part, numbers) in numbers.chunks(parts.len()).enumerate() {
                assert!(numbers.len() == parts.len() && numbers.iter().all(|&slot| parts.of(slot) == part));
            }
        }
    }

    #[test]
    fn ones_are_numbered_from_the_lowest() {
        assert_eq!(ones(0).count(), 0);
        assert_eq!(ones(1 << 63 | 0b1010).collect::<Vec<_>>(), [1, 3, 63]);
    }
}
