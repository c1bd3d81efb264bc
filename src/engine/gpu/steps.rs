//! A decoder's steps: the streams form one group or two, so that the device predicts one
//! group while the host decodes the other.

use std::iter;
use std::ops::Range;

use super::buffers::Buffer;
use super::constants::GROUP;
use super::{EngineError, GpuEngine};
use crate::numerics::softmax::SYMBOLS;

/// The smallest number of streams for two groups. Fewer are decoded in less time than a second
/// sequence of small kernels takes (docs/PERFORMANCE.md).
const LEAST_FOR_TWO: usize = 32;

/// Splits the streams into two halves, the first a multiple of [`GROUP`]; only one if the
/// second would be empty.
pub fn halves(streams: usize) -> Vec<Range<usize>> {
    let middle = (streams / 2).next_multiple_of(GROUP).min(streams);
    [0..middle, middle..streams].into_iter().filter(|half| !half.is_empty()).collect()
}

/// The groups of a decoder's streams. A software implementation computes on the processors
/// that also decode, so it would gain nothing, and takes longer for two groups.
pub fn groups(software: bool, streams: usize) -> Vec<Range<usize>> {
    if software || streams < LEAST_FOR_TWO { iter::once(0..streams).collect() } else { halves(streams) }
}

impl GpuEngine {
    /// See [`crate::engine::Engine::groups`].
    pub fn groups(&self) -> Vec<Range<usize>> {
        self.groups.clone()
    }

    /// See [`crate::engine::Engine::begin_step`].
    pub fn begin_step(&mut self, step: usize, group: usize, previous: &[u8]) {
        let streams = self.groups[group].clone();
        let first = step * self.shape.config.streams() + streams.start;
        self.write_previous(first, previous);
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let list = std::mem::take(&mut self.list);
        let mut schedule = self.schedule(list);
        schedule.step(step, group);
        let list = schedule.list;
        self.run(&mut encoder, &list);
        self.list = list;
        let bytes = weight_bytes(first..first + streams.len());
        self.step_read_backs[group].begin(&self.open, encoder, self.buffers.get(Buffer::Weights, 0), bytes);
    }

    /// See [`crate::engine::Engine::finish_step`].
    pub async fn finish_step(&mut self, group: usize, weights: &mut [u32]) -> Result<(), EngineError> {
        self.step_read_backs[group].finish(&self.open, weights).await
    }
}

/// The bytes of some samples' weights in their buffer.
pub fn weight_bytes(samples: Range<usize>) -> Range<u64> {
    let record = (SYMBOLS * 4) as u64;
    samples.start as u64 * record..samples.end as u64 * record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_about_equal_and_hold_all_streams() {
        for streams in 1..200 {
            let halves = halves(streams);
            assert_eq!(
                halves.iter().flat_map(|half| half.clone()).collect::<Vec<_>>(),
                (0..streams).collect::<Vec<_>>()
            );
            assert_eq!(halves.len(), if streams > GROUP { 2 } else { 1 });
            assert!(halves.iter().all(|half| half.start % GROUP == 0 && half.len() <= streams / 2 + GROUP));
        }
    }
}
