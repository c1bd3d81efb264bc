//! Learns a byte, after its eight bits are learned.

use super::byte_state::ByteState;
use super::tables::Models;

impl Models {
    /// Updates the runs, the image model, and the stream with its history.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn learn_byte(&mut self, byte: &mut ByteState) {
        let symbol = byte.prediction.context.node as u8;
        let slots = self.slots.all_mut();
        for context in &byte.contexts[..self.components.contexts.len()] {
            let head = &mut slots[context.first_slot as usize][0];
            let (run_byte, run) = ((*head >> 16) as u8, *head >> 24);
            let run = if run_byte == symbol { (run + 1).min(255) } else { 1 };
            *head = *head & 0xffff | u32::from(symbol) << 16 | run << 24;
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
