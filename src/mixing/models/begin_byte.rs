//! Begins a byte: finds the match and hashes the contexts.

use super::super::prediction::MixerContext;
use super::byte_state::ByteState;
use super::contexts::{hash_contexts, hash_image_contexts};
use super::image::ImageContext;
use super::stream::Stream;
use super::tables::Models;

impl Models {
    /// Returns the state of a stream's next byte and prefetches the slots of its first nibble.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn begin_byte(&mut self, number: usize) -> ByteState {
        let image = self.streams[number].image.take();
        let mut byte = ByteState { stream: number, image, ..ByteState::default() };
        self.begin_byte_of(&self.streams[number], &mut byte);
        self.slots.prefetch(&byte.hashes[..self.components.contexts.len()]);
        byte
    }

    /// Begins the next byte of a stream.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn begin_byte_of(&self, stream: &Stream, byte: &mut ByteState) {
        let expected = stream.matched.expected(&self.history);
        byte.prediction.context = MixerContext {
            node: 1,
            last: stream.recent as usize & 255,
            second: stream.recent as usize >> 8 & 255,
            classes: (stream.classes & 255) as usize,
            in_line: stream.in_line() as usize,
            expected: expected.map_or(0, usize::from),
            ..MixerContext::default()
        };
        byte.expected = expected.map(|byte| usize::from(byte) | 256);
        byte.match_context = stream.matched.context();
        byte.match_bucket = stream.matched.bucket();
        match (&self.image, &mut byte.image) {
            (Some(image), Some(of_byte)) => {
                let ImageContext { last, second, classes, in_line } = image.begin_byte(of_byte, stream, &self.history);
                byte.prediction.context = MixerContext { last, second, classes, in_line, ..byte.prediction.context };
                hash_image_contexts(of_byte, &mut byte.hashes[..self.components.contexts.len()]);
            }
            _ => hash_contexts(self.components.contexts, stream, &self.history, expected, &mut byte.hashes),
        }
    }
}
