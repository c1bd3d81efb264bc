//! What the stage learns from a bit, and from a byte.

use super::Mixing;
use super::inputs::bits_index;
use super::states::STATES;
use super::work::Work;

/// A slot's probability learns no slower than after so many bits.
const SLOWEST: u32 = 30;

impl Mixing {
    /// Moves the weights and the refinements towards the bit.
    #[inline(always)]
    pub(super) fn learn_weights(&mut self, work: &Work, bit: usize) {
        let target = (bit as i32) << 16;
        for (i, mixer) in self.mixers.iter_mut().enumerate() {
            mixer.learn(work.selected[i], &work.inputs, target - work.guesses[i]);
        }
        for (i, mixer) in self.finals.iter_mut().enumerate() {
            mixer.learn(work.final_selected[i], &work.outputs, target - work.final_guesses[i]);
        }
        for apm in &mut self.apms {
            apm.learn(bit as i32);
        }
    }

    /// Learns the bit in all contexts, and goes on to the next node.
    #[inline(always)]
    pub(super) fn learn_contexts(&mut self, work: &mut Work, bit: usize) {
        let rates = self.rates;
        let (bit32, node) = (bit as u32, work.moment.node);
        for i in 0..self.parts.contexts.len() {
            let entry = work.entries[i];
            let state = entry as u8;
            if state != 0 {
                self.history_map.update(i * STATES + usize::from(state), bit32, rates);
                if self.parts.last_bits {
                    self.bits_map.update(bits_index(i, entry, node), bit32, rates);
                }
            }
            let run = work.run_at[i];
            if run != 0 {
                self.run_map.update((run >> 1) as usize, u32::from(run & 1 == bit32), rates);
            }
            let p = ((entry >> 16) ^ 0x8000) as i32;
            let rate = rates[self.states.total(state).min(SLOWEST) as usize] as i32 >> 2;
            let p = p + (((65535 * bit as i32 - p) * rate) >> 14);
            let bits = (entry >> 8 & 255).max(1) << 1 | bit32;
            let bits = if bits > 255 { bits & 127 | 128 } else { bits };
            let next = u32::from(self.states.next[usize::from(state)][bit]);
            *self.slots.word_mut(work.found[i] as usize, work.place) = (p as u32 ^ 0x8000) << 16 | bits << 8 | next;
        }
        match &mut self.image {
            None => self.order0.update(node, bit32, rates),
            Some(image) => image.learn_bit(node, bit32),
        }
        if let Some(foretold) = work.foretold {
            self.match_map.update(work.match_at, u32::from(foretold == bit), rates);
        }
        work.moment.node = 2 * work.moment.node + bit;
    }

    /// Learns the byte, once its bits are learnt, and goes on to the next.
    #[inline(always)]
    pub(super) fn learn_byte(&mut self, work: &Work, stream: usize) {
        let byte = work.moment.node as u8;
        for &first in &work.firsts[..self.parts.contexts.len()] {
            let head = self.slots.word_mut(first as usize, 0);
            let (run, count) = ((*head >> 16) as u8, *head >> 24);
            let count = if run == byte { (count + 1).min(255) } else { 1 };
            *head = *head & 0xffff | u32::from(byte) << 16 | count << 24;
        }
        if let Some(image) = &mut self.image {
            image.learn_byte(stream, byte);
        }
        self.streams[stream].update(&mut self.past, byte);
    }
}
