//! What goes on from one job to the next: all that is learnt, without the streams.

use std::iter;

use super::Mixing;
use super::stream::Stream;

/// log2 of the past up to which a new block finds room beside what is there.
const COMFORTABLE_PAST: u32 = 24;

impl Mixing {
    /// log2 of the bytes that the stage looks back on.
    pub fn past_bits(&self) -> u32 {
        self.past.bits()
    }

    /// log2 of the past that blocks of at most `block_size` bytes get: at least one
    /// block, up to 16 MiB together with what is there.
    pub fn grown_past_bits(&self, block_size: u32) -> u32 {
        let kept = u64::from(self.end).min(1 << self.past.bits());
        let together = (u64::from(block_size) + kept).next_power_of_two().ilog2();
        let block = block_size.next_power_of_two().ilog2();
        self.past.bits().max(block).max(together.min(COMFORTABLE_PAST))
    }

    /// The same with a table of `2^table_bits` bytes, a past of `2^past_bits`, both
    /// at least as large as they are, and other streams.
    pub fn grown(&self, table_bits: u32, past_bits: u32, streams: usize) -> Self {
        Mixing {
            slots: self.slots.grown(table_bits),
            past: self.past.grown(past_bits, self.end),
            streams: iter::repeat_with(|| Stream::new(1)).take(streams).collect(),
            parts: self.parts,
            logistic: self.logistic,
            states: self.states,
            rates: self.rates,
            end: self.end,
            history_map: self.history_map.clone(),
            bits_map: self.bits_map.clone(),
            run_map: self.run_map.clone(),
            match_map: self.match_map.clone(),
            order0: self.order0.clone(),
            mixers: self.mixers.clone(),
            finals: self.finals.clone(),
            apms: self.apms.clone(),
            image: None,
            trace: self.trace,
        }
    }
}
