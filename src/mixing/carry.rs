//! Carries a stage from one job to the next: everything it has learned, without the streams.

use super::Mixing;

/// log2 of the largest history that is extended to hold a new block besides the old bytes.
const LARGEST_SHARED_HISTORY: u32 = 24;

impl Mixing {
    /// Returns log2 of the history's size in bytes.
    pub fn past_bits(&self) -> u32 {
        self.models.history.bits()
    }

    /// Returns log2 of the history's size for blocks of at most `block_size` bytes: at least
    /// one block, and up to 16 MiB for a block and the bytes that are already there.
    pub fn grown_past_bits(&self, block_size: u32) -> u32 {
        let kept = u64::from(self.models.end).min(1 << self.models.history.bits());
        let together = (u64::from(block_size) + kept).next_power_of_two().ilog2();
        let block = block_size.next_power_of_two().ilog2();
        self.models.history.bits().max(block).max(together.min(LARGEST_SHARED_HISTORY))
    }

    /// Returns a copy for `streams` streams with a hash table of `2^table_bits` bytes and a
    /// history of `2^past_bits` bytes, both at least as large as they are.
    pub fn grown(&self, table_bits: u32, past_bits: u32, streams: usize) -> Self {
        let models = self.models.grown(table_bits, past_bits, streams);
        Mixing { models, mixers: self.mixers.clone(), trace: self.trace }
    }
}
