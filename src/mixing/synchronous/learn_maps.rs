//! The maps learn a step: each entry moves towards the mean of its bits.

use super::super::models::bit_history::STATES;
use super::super::models::map::{Map, learn_counts};
use super::super::models::tables::{LAST_BITS, RUNS, last_bits_index};
use super::counter::Counter;
use super::work::Work;

/// The maps of a context, with the limits of their counts.
pub struct ContextMaps<'a> {
    context: usize,
    of_state: &'a mut [u32; STATES],
    runs: &'a mut [u32; RUNS],
    last_bits: Option<&'a mut [u32; LAST_BITS]>,
    limits: [u32; 3],
    rates: &'static [u32; 1024],
    counter: &'a mut Counter,
}

/// The maps that contexts share. In an image there is no order 0.
pub struct OtherMaps<'a> {
    pub order0: Option<&'a mut Map>,
    pub matches: &'a mut Map,
    pub rates: &'static [u32; 1024],
    pub counter: &'a mut Counter,
}

impl<'a> ContextMaps<'a> {
    /// The maps of all contexts.
    pub fn all(
        bit_histories: &'a mut Map,
        runs: &'a mut Map,
        last_bits: &'a mut Map,
        rates: &'static [u32; 1024],
        counters: &'a mut [Counter],
    ) -> impl Iterator<Item = Self> {
        let (of_state, state_limit) = bit_histories.rows_mut::<STATES>();
        let (runs, run_limit) = runs.rows_mut::<RUNS>();
        let (last_bits, last_bits_limit) = last_bits.rows_mut::<LAST_BITS>();
        let limits = [state_limit, run_limit, last_bits_limit];
        let mut last_bits = last_bits.iter_mut();
        let rows = of_state.iter_mut().zip(runs).zip(counters).enumerate();
        rows.map(move |(context, ((of_state, runs), counter))| ContextMaps {
            context,
            of_state,
            runs,
            last_bits: last_bits.next(),
            limits,
            rates,
            counter,
        })
    }

    /// Learns what streams did.
    pub fn learn(&mut self, works: &[Work]) {
        let ContextMaps { context, of_state, runs, last_bits, limits, rates, counter } = self;
        for work in works {
            for (i, &entry) in work.entries[*context].iter().enumerate() {
                if entry as u8 != 0 {
                    counter.add_small(usize::from(entry as u8), work.bit(i));
                }
            }
        }
        counter.drain(|index, ones, count| learn_counts(&mut of_state[index], ones, count, limits[0], rates));
        for work in works {
            for (i, &run) in work.runs[*context].iter().enumerate().filter(|&(_, &run)| run != 0) {
                counter.add_small(usize::from(run >> 1), u32::from(u32::from(run & 1) == work.bit(i)));
            }
        }
        counter.drain(|index, ones, count| learn_counts(&mut runs[index], ones, count, limits[1], rates));
        if let Some(row) = last_bits {
            for work in works {
                for (i, &entry) in work.entries[*context].iter().enumerate() {
                    if entry as u8 != 0 {
                        counter.add(last_bits_index(entry, work.node(i)), work.bit(i));
                    }
                }
            }
            counter.drain(|index, ones, count| learn_counts(&mut row[index], ones, count, limits[2], rates));
        }
    }
}

impl OtherMaps<'_> {
    /// Learns what streams did.
    pub fn learn(&mut self, works: &[Work]) {
        let OtherMaps { order0, matches, rates, counter } = self;
        if let Some(order0) = order0 {
            for work in works {
                (0..8).for_each(|i| counter.add_small(work.node(i), work.bit(i)));
            }
            counter.drain(|index, ones, count| order0.learn_counts(index, ones, count, rates));
        }
        for work in works {
            let Some(expected) = work.byte.expected else { continue };
            for i in (0..8).take_while(|&i| expected >> (8 - i) == work.node(i)) {
                let right = (expected >> (7 - i) & 1) as u32 == work.bit(i);
                counter.add_small(work.byte.match_context * 8 + i, right.into());
            }
        }
        counter.drain(|index, ones, count| matches.learn_counts(index, ones, count, rates));
    }
}
