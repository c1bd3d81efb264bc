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
