//! A decoder's steps: streams make one group or two, so that the device can
//! predict one while the host codes the other.

use std::iter;
use std::ops::Range;

use super::dispatch::GROUP;
use super::kernels::Buffer;
use super::read_back::ReadBack;
use super::{EngineError, GpuEngine};
use crate::numerics::softmax::SYMBOLS;

/// Fewer streams are coded in less time than one more chain of small kernels takes (docs/PERFORMANCE.md).
const WORTH_TWO: usize = 32;

/// Streams that go through a step together.
pub struct Group {
    /// Which.
    pub streams: Range<usize>,
    /// Receives their distributions.
    pub read_back: ReadBack,
}

impl Group {
    /// A group of some streams.
    pub fn new(device: &wgpu::Device, streams: Range<usize>) -> Self {
        let read_back = ReadBack::new(device, weight_bytes(0..streams.len()).end);
        Group { streams, read_back }
    }
}

/// Both halves of the streams, the first of whole lanes of a product; one where the second would be empty.
pub fn halves(streams: usize) -> Vec<Range<usize>> {
    let middle = (streams / 2).next_multiple_of(GROUP).min(streams);
    [0..middle, middle..streams].into_iter().filter(|half| !half.is_empty()).collect()
}

/// The groups that a decoder's streams make. Software computes on the processors that
/// the host codes on, so it would gain nothing, and takes longer for two halves.
pub fn groups(software: bool, streams: usize) -> Vec<Range<usize>> {
    if software || streams < WORTH_TWO { iter::once(0..streams).collect() } else { halves(streams) }
}

impl GpuEngine {
    /// See [`crate::engine::Engine::groups`].
    pub fn groups(&self) -> Vec<Range<usize>> {
        self.groups.iter().map(|group| group.streams.clone()).collect()
    }

    /// See [`crate::engine::Engine::begin_step`].
    pub fn begin_step(&mut self, step: usize, group: usize, previous: &[u8]) {
        let streams = self.groups[group].streams.clone();
        let first = step * self.shape.config.streams() + streams.start;
        self.write_previous(first, previous);
        let mut encoder = self.open.device.create_command_encoder(&Default::default());
        let mut list = std::mem::take(&mut self.list);
        list.clear();
        self.record_step(&mut list, step, group);
        self.run(&mut encoder, &list);
        self.list = list;
        let weights = &self.buffers[Buffer::Weights as usize];
        self.groups[group].read_back.begin(&self.open, encoder, weights, weight_bytes(first..first + streams.len()));
    }

    /// See [`crate::engine::Engine::finish_step`].
    pub async fn finish_step(&mut self, group: usize, weights: &mut [u32]) -> Result<(), EngineError> {
        self.groups[group].read_back.finish(&self.open, weights).await
    }
}

/// Where the weights of some samples lie in their buffer.
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
