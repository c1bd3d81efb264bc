//! The maps learn a step.
//!
//! An entry learns its bits in the order of the streams. In the map of bit histories, where many bits of a step share
//! few entries, it moves towards the mean of its bits instead, so that they can be counted in any order.

use super::super::models::bit_history::STATES;
use super::super::models::map::{Map, learn, learn_counts};
use super::super::models::tables::{LAST_BITS, RUNS, last_bits_index};
use super::work::Work;
use crate::simd::prefetch;

/// The maps of a context, with the limits of their counts.
pub struct ContextMaps<'a> {
    context: usize,
    of_state: &'a mut [u32; STATES],
    runs: &'a mut [u32; RUNS],
    last_bits: Option<&'a mut [u32; LAST_BITS]>,
    limits: [u32; 3],
    rates: &'static [u32; 1024],
}

/// The maps that contexts share. In an image there is no order 0.
pub struct OtherMaps<'a> {
    pub order0: Option<&'a mut Map>,
    pub matches: &'a mut Map,
    pub rates: &'static [u32; 1024],
}

impl<'a> ContextMaps<'a> {
    /// The maps of all contexts.
    pub fn all(
        bit_histories: &'a mut Map,
        runs: &'a mut Map,
        last_bits: &'a mut Map,
        rates: &'static [u32; 1024],
    ) -> impl Iterator<Item = Self> {
        let (of_state, state_limit) = bit_histories.rows_mut::<STATES>();
        let (runs, run_limit) = runs.rows_mut::<RUNS>();
        let (last_bits, last_bits_limit) = last_bits.rows_mut::<LAST_BITS>();
        let limits = [state_limit, run_limit, last_bits_limit];
        let mut last_bits = last_bits.iter_mut();
        let rows = of_state.iter_mut().zip(runs).enumerate();
        rows.map(move |(context, (of_state, runs))| ContextMaps {
            context,
            of_state,
            runs,
            last_bits: last_bits.next(),
            limits,
            rates,
        })
    }

    /// Learns what streams did.
    pub fn learn(&mut self, works: &[Work]) {
        let ContextMaps { context, of_state, runs, last_bits, limits, rates } = self;
        let context = *context;
        // Of each bit history, the bits and, in the high half, the ones.
        let mut counts = [0u32; STATES];
        for work in works {
            for (i, &entry) in work.entries[context].iter().enumerate() {
                counts[usize::from(entry as u8)] += 1 | work.bit(i) << 16;
            }
            for (i, &run) in work.runs[context].iter().enumerate().filter(|&(_, &run)| run != 0) {
                let continues = u32::from(u32::from(run & 1) == work.bit(i));
                learn(&mut runs[usize::from(run >> 1)], continues, limits[1], rates);
            }
        }
        for (entry, &count) in of_state.iter_mut().zip(&counts).skip(1).filter(|&(_, &count)| count != 0) {
            learn_counts(entry, count >> 16, count & 0xffff, limits[0], rates);
        }
        let Some(row) = last_bits else { return };
        let mut later = works.iter().skip(2);
        for work in works {
            if let Some(later) = later.next() {
                for (i, &entry) in later.entries[context].iter().enumerate() {
                    prefetch(&row[..], last_bits_index(entry, later.node(i)));
                }
            }
            for (i, &entry) in work.entries[context].iter().enumerate().filter(|&(_, &entry)| entry as u8 != 0) {
                learn(&mut row[last_bits_index(entry, work.node(i))], work.bit(i), limits[2], rates);
            }
        }
    }
}

impl OtherMaps<'_> {
    /// Learns what streams did.
    pub fn learn(&mut self, works: &[Work]) {
        let OtherMaps { order0, matches, rates } = self;
        for work in works {
            if let Some(order0) = order0 {
                (0..8).for_each(|i| order0.update(work.node(i), work.bit(i), rates));
            }
            let Some(expected) = work.byte.expected else { continue };
            for i in (0..8).take_while(|&i| expected >> (8 - i) == work.node(i)) {
                let right = (expected >> (7 - i) & 1) as u32 == work.bit(i);
                matches.update(work.byte.match_context * 8 + i, right.into(), rates);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::components::components;
    use super::super::super::models::map::RATES;
    use super::*;
    use crate::model::MixingKind;
    use crate::numerics::generator::random_u64;
    use std::collections::BTreeMap;

    #[test]
    fn the_maps_of_a_context_learn_what_the_definition_says() {
        let components = components(MixingKind::Rich);
        let mut numbers = (0..).map(|i| random_u64(9, i));
        let mut random = move || numbers.next().unwrap_or(0) as u32;
        let map = |len| Map::new(len, 100, |i| 1 + i as u32 % 65535);
        let contexts = components.contexts.len();
        let maps = || [map(contexts * STATES), map(contexts * RUNS), map(contexts * LAST_BITS)];
        let (mut learned, mut expected) = (maps(), maps());
        for step in 0..6 {
            let mut works: Vec<Work> = (0..[1, 3, 40][step % 3]).map(|_| Work::new(components)).collect();
            for work in &mut works {
                work.symbol = random() as u8;
                // Few states and last bits, so that many bits share an entry; state 0 has seen nothing.
                work.entries.as_flattened_mut().fill_with(|| random() & 0x0303);
                work.runs.as_flattened_mut().fill_with(|| if random() % 2 == 0 { 0 } else { random() as u8 });
            }
            let [states, runs, last_bits] = &mut learned;
            ContextMaps::all(states, runs, last_bits, &RATES).for_each(|mut maps| maps.learn(&works));
            for context in 0..contexts {
                let mut of_state = BTreeMap::<usize, (u32, u32)>::new();
                for (work, i) in works.iter().flat_map(|work| (0..8).map(move |i| (work, i))) {
                    let (entry, run, bit) = (work.entries[context][i], work.runs[context][i], work.bit(i));
                    if entry & 255 != 0 {
                        let (ones, count) = of_state.entry(context * STATES + (entry & 255) as usize).or_default();
                        (*ones, *count) = (*ones + bit, *count + 1);
                        let index = context * LAST_BITS + (entry >> 8 & 255) as usize * 256 + work.node(i);
                        expected[2].update(index, bit, &RATES);
                    }
                    if run != 0 {
                        let index = context * RUNS + usize::from(run / 2);
                        expected[1].update(index, u32::from(u32::from(run % 2) == bit), &RATES);
                    }
                }
                let (rows, limit) = expected[0].rows_mut::<1>();
                for (index, (ones, count)) in of_state {
                    learn_counts(&mut rows[index][0], ones, count, limit, &RATES);
                }
            }
            for (learned, expected) in learned.iter().zip(&expected) {
                assert!(learned.rows::<1>() == expected.rows::<1>(), "step {step}");
            }
        }
    }
}
