//! What the models learn from a bit, and from a byte.

use super::inputs::{LAST_BITS, RUNS, bits_index};
use super::map;
use super::models::Models;
use super::slots::WORDS;
use super::states::STATES;
use super::work::Work;

/// A slot's probability learns no slower than after so many bits.
const SLOWEST: u8 = 30;

impl Models {
    /// Learns the bit in all contexts, and goes on to the next node.
    #[inline(always)]
    pub(super) fn learn_contexts(&mut self, work: &mut Work, bit: usize) {
        let (states, rates) = (self.states, self.rates);
        let (bit32, node, place) = (bit as u32, work.bit.moment.node, work.place);
        let slots = self.slots.all_mut();
        let (histories, most) = self.history_map.rows_mut::<STATES>();
        let (runs, most_runs) = self.run_map.rows_mut::<RUNS>();
        let (bits_rows, most_bits) = self.bits_map.rows_mut::<LAST_BITS>();
        for (i, ((found, history), runs)) in work.found.iter_mut().zip(histories).zip(runs).enumerate() {
            let entry = found.entry;
            let state = usize::from(entry as u8);
            if state != 0 {
                map::learn(&mut history[state], bit32, most, rates);
                if let Some(row) = bits_rows.get_mut(i) {
                    map::learn(&mut row[bits_index(entry, node)], bit32, most_bits, rates);
                }
            }
            if found.run != 0 {
                let run = &mut runs[found.run as usize >> 1 & (RUNS - 1)];
                map::learn(run, u32::from(found.run & 1 == bit32), most_runs, rates);
            }
            let p = ((entry >> 16) ^ 0x8000) as i32;
            let rate = rates[usize::from(states.totals[state].min(SLOWEST))] as i32 >> 2;
            let p = p + (((65535 * bit as i32 - p) * rate) >> 14);
            let bits = (entry >> 8 & 255).max(1) << 1 | bit32;
            let bits = if bits > 255 { bits & 127 | 128 } else { bits };
            let next = u32::from(states.next[state][bit]);
            let slot = &mut slots[found.slot as usize];
            // All contexts write this place alone, so the next one can be read now, even from a slot
            // that two of them share; behind the nibble's last bit it is read anew.
            slot[place & (WORDS - 1)] = (p as u32 ^ 0x8000) << 16 | bits << 8 | next;
            found.entry = slot[(place << 1 | bit) & (WORDS - 1)];
        }
        match &mut self.image {
            None => self.order0.update(node, bit32, rates),
            Some(image) => image.learn_bit(node, bit32),
        }
        if let Some(foretold) = work.foretold {
            self.match_map.update(work.match_at, u32::from(foretold == bit), rates);
        }
        work.bit.moment.node = 2 * node + bit;
    }

    /// Learns the byte, once its bits are learnt, and goes on to the next.
    #[inline(always)]
    pub(super) fn learn_byte(&mut self, work: &Work) {
        let byte = work.bit.moment.node as u8;
        let slots = self.slots.all_mut();
        for found in &work.found[..self.parts.contexts.len()] {
            let head = &mut slots[found.first as usize][0];
            let (run, count) = ((*head >> 16) as u8, *head >> 24);
            let count = if run == byte { (count + 1).min(255) } else { 1 };
            *head = *head & 0xffff | u32::from(byte) << 16 | count << 24;
        }
        if let Some(image) = &mut self.image {
            image.learn_byte(work.stream, byte);
        }
        self.streams[work.stream].update(&mut self.past, byte);
    }
}
