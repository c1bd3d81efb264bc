//! Learns a byte, after its eight bits are learned.

use super::byte_state::ByteState;
use super::slots::head_after;
use super::tables::Models;

impl Models {
    /// Updates the runs, the image model, and the stream with its history.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn learn_byte(&mut self, byte: &mut ByteState) {
        let symbol = byte.prediction.context.node as u8;
        let slots = self.slots.all_mut();
        for context in &byte.contexts[..self.components.contexts.len()] {
            let head = &mut slots[context.first_slot as usize][0];
            *head = head_after(*head, symbol);
        }
        if let (Some(image), Some(of_byte)) = (&mut self.image, &mut byte.image) {
            image.learn_byte(of_byte, symbol);
            of_byte.end(symbol);
        }
        let stream = &mut self.streams[byte.stream];
        stream.image = byte.image.take();
        stream.update(&mut self.history, symbol);
    }
}
