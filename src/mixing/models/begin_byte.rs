//! Begins a byte: finds the match and hashes the contexts.

use super::super::prediction::{BitPrediction, MOST_INPUTS, MixerContext};
use super::byte_state::{ByteState, ContextState};
use super::contexts::{MOST_CONTEXTS, hash_contexts, hash_image_contexts};
use super::image::ImageContext;
use super::tables::Models;

impl Models {
    /// Returns the state of a stream's next byte and prefetches the slots of its first nibble.
    #[inline(always)]
    pub fn begin_byte(&mut self, number: usize) -> ByteState {
        let stream = &self.streams[number];
        let expected = stream.matched.expected(&self.history);
        let context = MixerContext {
            node: 1,
            last: stream.recent as usize & 255,
            second: stream.recent as usize >> 8 & 255,
            classes: (stream.classes & 255) as usize,
            in_line: stream.in_line() as usize,
            expected: expected.map_or(0, usize::from),
            ..MixerContext::default()
        };
        let mut byte = ByteState {
            stream: number,
            hashes: [0; MOST_CONTEXTS],
            contexts: [ContextState::default(); MOST_CONTEXTS],
            expected: expected.map(|byte| usize::from(byte) | 256),
            match_context: stream.matched.context(),
            match_bucket: stream.matched.bucket(),
            nibble_node: 0,
            match_index: 0,
            expected_bit: None,
            prediction: BitPrediction { inputs: [0; MOST_INPUTS], context },
        };
        let contexts = self.components.contexts;
        match &mut self.image {
            None => hash_contexts(contexts, stream, &self.history, expected, &mut byte.hashes),
            Some(image) => {
                let ImageContext { last, second, classes, in_line } = image.begin_byte(number, stream, &self.history);
                byte.prediction.context = MixerContext { last, second, classes, in_line, ..context };
                hash_image_contexts(image, &mut byte.hashes[..contexts.len()]);
            }
        }
        self.slots.prefetch(&byte.hashes[..contexts.len()]);
        byte
    }
}
