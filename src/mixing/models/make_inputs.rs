//! Makes the mixers' inputs for a bit: all but the network's.

use super::super::components::{COUNTED, WORD};
use super::super::prediction::{MixerContext, linear};
use super::bit_history::STATES;
use super::byte_state::ByteState;
use super::tables::{LAST_BITS, Models, RUNS, last_bits_index};

impl Models {
    /// Makes the inputs for the current node and completes the mixers' context.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn make_inputs(&self, byte: &mut ByteState, bit_number: usize) {
        let logistic = self.logistic;
        let node = byte.prediction.context.node;
        let nibble_bit = bit_number & 3;
        byte.nibble_node = (1 << nibble_bit) | (node & ((1 << nibble_bit) - 1));
        if self.components.last_bits {
            self.make_context_inputs::<5>(byte, bit_number);
        } else {
            self.make_context_inputs::<4>(byte, bit_number);
        }
        let x = &mut byte.prediction.inputs[self.components.inputs_per_context() * self.components.contexts.len()..];
        let image = self.image.as_ref().zip(byte.image.as_ref());
        let p = image.map_or_else(|| self.order0.p(node), |(image, of_byte)| image.probability(of_byte, node));
        x[0] = logistic.stretch(p) as i16;
        x[1] = 256;
        (x[2], x[3]) = (0, 0);
        byte.match_index = byte.match_context * 8 + bit_number;
        let expected = byte.expected.filter(|expected| expected >> (8 - bit_number) == node);
        byte.expected_bit = expected.map(|expected| expected >> (7 - bit_number) & 1);
        if let Some(bit) = byte.expected_bit {
            let p = self.match_map.p(byte.match_index);
            let (a, b) = (logistic.stretch(p), linear(p));
            (x[2], x[3]) = if bit == 1 { (a as i16, b as i16) } else { (-a as i16, -b as i16) };
        }
        if let Some((_, of_byte)) = image {
            for (x, p) in x[6..].chunks_exact_mut(2).zip(of_byte.histogram_probabilities(node)) {
                (x[0], x[1]) = (logistic.stretch(p) as i16, linear(p) as i16);
            }
        }
        let match_level = if byte.expected_bit.is_some() { 1 + byte.match_bucket } else { 0 };
        let seen = byte.contexts[COUNTED].iter().filter(|context| context.entry as u8 != 0).count();
        let word_state = (byte.contexts[WORD].entry & 255) as usize;
        byte.prediction.context = MixerContext { bit_number, match_level, seen, word_state, ..byte.prediction.context };
    }

    /// Makes the `N` inputs of each context.
    #[inline(always)]
    fn make_context_inputs<const N: usize>(&self, byte: &mut ByteState, bit_number: usize) {
        let (logistic, machine) = (self.logistic, self.machine);
        let node = byte.prediction.context.node;
        let last_bits = self.last_bits_map.rows::<LAST_BITS>();
        let maps = self.bit_history_map.rows::<STATES>().iter().zip(self.run_map.rows::<RUNS>());
        let inputs = byte.prediction.inputs.as_chunks_mut::<N>().0;
        for (i, ((context, x), (of_state, runs))) in byte.contexts.iter_mut().zip(inputs).zip(maps).enumerate() {
            *x = [0; N];
            let entry = context.entry;
            let state = (entry & 255) as usize;
            if state != 0 {
                x[0] = logistic.stretch(of_state[state] >> 16) as i16;
                x[1] = if machine.certain[state] { x[0] } else { 0 };
                x[2] = logistic.stretch((entry >> 16) ^ 0x8000) as i16;
                if N == 5 {
                    x[4] = logistic.stretch(last_bits[i][last_bits_index(entry, node)] >> 16) as i16;
                }
            }
            let (run_byte, run) = ((context.head >> 16 & 255) as usize | 256, (context.head >> 24) as usize);
            context.run = 0;
            if run > 0 && run_byte >> (8 - bit_number) == node {
                let index = run.min(15) * 8 + bit_number;
                let stretched = logistic.stretch(runs[index & (RUNS - 1)] >> 16) as i16;
                let bit = run_byte >> (7 - bit_number) & 1;
                x[3] = if bit == 1 { stretched } else { -stretched };
                context.run = (index << 1 | bit) as u32;
            }
        }
    }
}
