//! The slots learn a step.

use super::super::models::bit_history::StateMachine;
use super::super::models::slots::{Slot, WORDS, empty, head_after, node_after};
use super::work::Work;
use crate::simd::prefetch;

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
    use super::super::super::components::components;
    use super::super::super::models::bit_history::STATE_MACHINE;
    use super::super::super::models::map::RATES;
    use super::super::parts::Parts;
    use super::super::work::Touched;
    use super::*;
    use crate::model::MixingKind;
    use crate::numerics::generator::random_u64;

    const SLOTS: usize = 64;

    /// Streams whose contexts want few slots, so that many want the same one, by few checks.
    fn random_works(seed: u64, slots: &[Slot], parts: Parts) -> Vec<Work> {
        let mut numbers = (0..).map(|i| random_u64(seed, i));
        let mut random = move || numbers.next().unwrap_or(0) as u32;
        let mut works: Vec<Work> = (0..7).map(|_| Work::new(components(MixingKind::Light))).collect();
        for work in &mut works {
            work.symbol = random() as u8;
            work.entries.as_flattened_mut().fill_with(&mut random);
            for nibble in 0..2 {
                for (context, touched) in work.slots[nibble].iter_mut().enumerate() {
                    let slot = random() % SLOTS as u32;
                    let is_missing = random() % 2 == 0;
                    let head = if is_missing { 1 + random() % 3 } else { slots[slot as usize][0] };
                    *touched = Touched { slot, head };
                    work.missing[nibble] |= u64::from(is_missing) << context;
                    work.parts[nibble][parts.of(slot as usize)] |= 1 << context;
                }
            }
        }
        works
    }

    /// The definition, in the order of streams, nibbles and contexts.
    fn learn_plainly(slots: &mut [Slot], works: &[Work]) {
        let each = || {
            let nibbles = works.iter().flat_map(|work| [0, 1].map(|nibble| (work, nibble)));
            nibbles.flat_map(|(work, nibble)| (0..work.slots[nibble].len()).map(move |context| (work, nibble, context)))
        };
        for (work, nibble, context) in each() {
            let Touched { slot, head } = work.slots[nibble][context];
            if work.missing[nibble] >> context & 1 == 1 {
                slots[slot as usize] = [0; WORDS];
                slots[slot as usize][0] = head;
            }
        }
        for (work, nibble, context) in each() {
            let Touched { slot, head } = work.slots[nibble][context];
            if slots[slot as usize][0] as u16 == head as u16 {
                let mut node = 1;
                for i in 4 * nibble..4 * nibble + 4 {
                    let bit = work.bit(i) as usize;
                    slots[slot as usize][node] = node_after(work.entries[context][i], bit, &STATE_MACHINE, &RATES);
                    node = 2 * node + bit;
                }
                if nibble == 0 {
                    slots[slot as usize][0] = head_after(head, work.symbol);
                }
            }
        }
    }

    #[test]
    fn parts_of_the_table_learn_what_the_definition_says() {
        for (seed, threads) in (0..20).flat_map(|seed| [1, 2, 3, 16].map(|threads| (seed, threads))) {
            let parts = Parts::new(SLOTS, threads);
            let mut slots: Vec<Slot> = (0..SLOTS)
                .map(|i| std::array::from_fn(|w| random_u64(seed + 100, (16 * i + w) as u64) as u32))
                .collect();
            slots.iter_mut().for_each(|slot| slot[0] = slot[0] & !0xffff | (1 + slot[0] % 3));
            let works = random_works(seed, &slots, parts);
            let mut expected = slots.clone();
            learn_plainly(&mut expected, &works);
            for (part, slots) in slots.chunks_mut(parts.len()).enumerate() {
                SlotJob { part, slots, machine: &STATE_MACHINE, rates: &RATES }.learn(&works);
            }
            assert!(slots == expected, "seed {seed}, {threads} threads");
        }
    }

    #[test]
    fn ones_are_numbered_from_the_lowest() {
        assert_eq!(ones(0).count(), 0);
        assert_eq!(ones(1 << 63 | 0b1010).collect::<Vec<_>>(), [1, 3, 63]);
    }
}
