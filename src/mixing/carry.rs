//! What goes on from one job to the next: all that is learnt, without the streams.

use std::iter;

use super::Mixing;
use super::models::Models;
use super::stream::Stream;

/// log2 of the past up to which a new block finds room beside what is there.
const COMFORTABLE_PAST: u32 = 24;

impl Mixing {
    /// log2 of the bytes that the stage looks back on.
    pub fn past_bits(&self) -> u32 {
        self.models.past.bits()
    }

    /// log2 of the past that blocks of at most `block_size` bytes get: at least one
    /// block, up to 16 MiB together with what is there.
    pub fn grown_past_bits(&self, block_size: u32) -> u32 {
        let kept = u64::from(self.models.end).min(1 << self.models.past.bits());
        let together = (u64::from(block_size) + kept).next_power_of_two().ilog2();
        let block = block_size.next_power_of_two().ilog2();
        self.models.past.bits().max(block).max(together.min(COMFORTABLE_PAST))
    }

    /// The same with a table of `2^table_bits` bytes, a past of `2^past_bits`, both
    /// at least as large as they are, and other streams.
    pub fn grown(&self, table_bits: u32, past_bits: u32, streams: usize) -> Self {
        let old = &self.models;
        let models = Models {
            slots: old.slots.grown(table_bits),
            past: old.past.grown(past_bits, old.end),
            streams: iter::repeat_with(|| Stream::new(1)).take(streams).collect(),
            parts: old.parts,
            logistic: old.logistic,
            states: old.states,
            rates: old.rates,
            end: old.end,
            history_map: old.history_map.clone(),
            bits_map: old.bits_map.clone(),
            run_map: old.run_map.clone(),
            match_map: old.match_map.clone(),
            order0: old.order0.clone(),
            image: None,
        };
        Mixing { models, mixers: self.mixers.clone(), trace: self.trace }
    }
}
