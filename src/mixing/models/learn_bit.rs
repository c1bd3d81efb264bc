//! Learns a bit: updates every entry from which its inputs were made.

use super::bit_history::STATES;
use super::byte_state::ByteState;
use super::map;
use super::slots::{WORDS, node_after};
use super::tables::{LAST_BITS, Models, RUNS, last_bits_index};

impl Models {
    /// Learns the bit in all contexts and moves on to the next node.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn learn_bit(&mut self, byte: &mut ByteState, bit: usize) {
        let (machine, rates) = (self.machine, self.rates);
        let (bit32, node, nibble_node) = (bit as u32, byte.prediction.context.node, byte.nibble_node);
        let slots = self.slots.all_mut();
        let (of_state, state_limit) = self.bit_history_map.rows_mut::<STATES>();
        let (runs, run_limit) = self.run_map.rows_mut::<RUNS>();
        let (last_bits, last_bits_limit) = self.last_bits_map.rows_mut::<LAST_BITS>();
        for (i, ((context, of_state), runs)) in byte.contexts.iter_mut().zip(of_state).zip(runs).enumerate() {
            let entry = context.entry;
            let state = usize::from(entry as u8);
            if state != 0 {
                map::learn(&mut of_state[state], bit32, state_limit, rates);
                if let Some(row) = last_bits.get_mut(i) {
                    map::learn(&mut row[last_bits_index(entry, node)], bit32, last_bits_limit, rates);
                }
            }
            if context.run != 0 {
                let run = &mut runs[context.run as usize >> 1 & (RUNS - 1)];
                map::learn(run, u32::from(context.run & 1 == bit32), run_limit, rates);
            }
            let slot = &mut slots[context.slot as usize];
            // All contexts write only this node, so the next node can be read now, even if two
            // contexts share the slot. After a nibble's last bit `find_slots` reads it instead.
            slot[nibble_node & (WORDS - 1)] = node_after(entry, bit, machine, rates);
            context.entry = slot[(nibble_node << 1 | bit) & (WORDS - 1)];
        }
        match (&mut self.image, &byte.image) {
            (Some(image), Some(of_byte)) => image.learn_bit(of_byte, node, bit32),
            _ => self.order0.update(node, bit32, rates),
        }
        if let Some(expected) = byte.expected_bit {
            self.match_map.update(byte.match_index, u32::from(expected == bit), rates);
        }
        byte.prediction.context.node = 2 * node + bit;
    }
}
