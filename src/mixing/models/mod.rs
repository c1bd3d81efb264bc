//! The models: they predict the next bit of a stream from the bytes coded so far.
//!
//! `tables` holds what they have learned, `byte_state` what they compute for the current
//! byte. Each operation on the two has a file of its own; they run in this order:
//!
//! | file | operation | when |
//! |---|---|---|
//! | `begin_byte` | finds the match, hashes the contexts | once per byte |
//! | `find_slots` | looks up the hash table | once per nibble |
//! | `make_inputs` | makes the mixers' inputs | for each bit |
//! | `learn_bit` | updates the entries that made the inputs | for each bit |
//! | `learn_byte` | updates runs and the stream's history | once per byte |

mod begin_byte;
pub mod bit_history;
pub mod byte_state;
pub mod contexts;
mod find_slots;
pub mod history;
pub mod image;
mod learn_bit;
mod learn_byte;
mod make_inputs;
pub mod map;
mod match_model;
mod record_length;
pub mod slots;
pub mod stream;
pub mod tables;

use super::prediction::BitPrediction;

pub use tables::Models;

use byte_state::ByteState;

impl Models {
    /// Makes the inputs and the context of the byte's next bit.
    #[inline(always)]
    pub fn predict(&mut self, byte: &mut ByteState, bit_number: usize) {
        if bit_number & 3 == 0 {
            self.find_slots(byte, bit_number);
        }
        self.make_inputs(byte, bit_number);
    }

    /// Learns the bit that was predicted last and prefetches what the next one needs.
    #[inline(always)]
    pub fn learn(&mut self, byte: &mut ByteState, bit: usize) {
        self.learn_bit(byte, bit);
        match byte.prediction.context.bit_number {
            3 => self.begin_second_nibble(byte),
            7 => self.learn_byte(byte),
            _ => self.prefetch_last_bits(byte),
        }
    }

    /// Predicts and learns a whole byte of a stream; `take` receives the prediction of each bit.
    #[inline(always)]
    pub fn predict_and_learn(&mut self, stream: usize, symbol: u8, mut take: impl FnMut(&BitPrediction)) {
        let mut byte = self.begin_byte(stream);
        for bit_number in 0..8 {
            self.predict(&mut byte, bit_number);
            take(&byte.prediction);
            self.learn(&mut byte, usize::from(symbol >> (7 - bit_number) & 1));
        }
    }
}
