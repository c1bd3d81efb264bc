//! The binary arithmetic coder: converts bits with 16-bit probabilities to bytes and back.
//!
//! Carry-less, like the coders of PAQ (Mahoney), but with 64-bit bounds: the cost of
//! rounding is below 2^-32 bits per bit in all but extremely rare cases.

mod tree;

use std::borrow::Cow;
use std::slice;

use crate::state::Visitor;

pub use tree::{SumTree, decode_symbol, encode_symbol};

/// Fraction bits of a probability (Q16).
pub const PROBABILITY_BITS: u32 = 16;
/// The largest probability; the smallest is 1.
pub const PROBABILITY_LIMIT: u32 = (1 << PROBABILITY_BITS) - 1;

/// Returns where to split an interval: a 1 gets `low..=split`, a 0 the rest.
#[inline]
fn split(low: u64, high: u64, probability: u32) -> u64 {
    low + ((high - low) >> PROBABILITY_BITS) * u64::from(probability)
}

/// Visits the bounds; invalid ones are replaced by those of the start.
fn visit_bounds(low: &mut u64, high: &mut u64, visitor: &mut dyn Visitor) {
    visitor.u64s(slice::from_mut(low));
    visitor.u64s(slice::from_mut(high));
    // Between two bits, the highest bytes of the bounds differ.
    if *low >> 56 >= *high >> 56 {
        (*low, *high) = (0, u64::MAX);
    }
}

/// Encodes bits to bytes.
pub struct Encoder {
    low: u64,
    high: u64,
    bytes: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { low: 0, high: u64::MAX, bytes: Vec::new() }
    }
}

impl Encoder {
    /// Encodes a bit; `probability` is that of a 1, Q16, `1..=PROBABILITY_LIMIT`.
    #[inline]
    pub fn encode(&mut self, bit: bool, probability: u32) {
        let split = split(self.low, self.high, probability);
        if bit {
            self.high = split;
        } else {
            self.low = split + 1;
        }
        while (self.low ^ self.high) >> 56 == 0 {
            self.bytes.push((self.high >> 56) as u8);
            self.low <<= 8;
            self.high = (self.high << 8) | 255;
        }
    }

    /// Returns the number of bytes written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if no byte has been written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Visits the bounds and the bytes written so far, of which at most `most` are read.
    pub fn visit(&mut self, most: usize, visitor: &mut dyn Visitor) {
        visit_bounds(&mut self.low, &mut self.high, visitor);
        let mut len = self.bytes.len() as u64;
        visitor.u64s(slice::from_mut(&mut len));
        self.bytes.resize(len.min(most as u64) as usize, 0);
        visitor.u8s(&mut self.bytes);
    }

    /// Ends the code with the fewest bytes that, followed by zeros, lie in the interval.
    pub fn finish(mut self) -> Vec<u8> {
        for kept in 0..=8 {
            let mask = if kept == 0 { u64::MAX } else { u64::MAX.checked_shr(8 * kept).unwrap_or(0) };
            // The smallest multiple of 2^(64 - 8 kept) that is at least `low`.
            let Some(value) = self.low.checked_add(mask).map(|v| v & !mask) else { continue };
            if value <= self.high && value >= self.low {
                self.bytes.extend_from_slice(&value.to_be_bytes()[..kept as usize]);
                break;
            }
        }
        while self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes
    }
}

/// Decodes bytes to bits; it reads zeros after the end of the code.
pub struct Decoder<'a> {
    low: u64,
    high: u64,
    value: u64,
    code: Cow<'a, [u8]>,
    /// The number of bytes read, including zeros after the end.
    read: usize,
}

impl<'a> Decoder<'a> {
    /// Creates a decoder at the start of a code.
    pub fn new(code: impl Into<Cow<'a, [u8]>>) -> Self {
        let mut decoder = Decoder { low: 0, high: u64::MAX, value: 0, code: code.into(), read: 0 };
        for _ in 0..8 {
            decoder.shift_in();
        }
        decoder
    }

    fn shift_in(&mut self) {
        self.value = (self.value << 8) | u64::from(self.code.get(self.read).copied().unwrap_or(0));
        self.read += 1;
    }

    /// Visits the bounds and the position in the code, but not the code.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visit_bounds(&mut self.low, &mut self.high, visitor);
        visitor.u64s(slice::from_mut(&mut self.value));
        let mut read = self.read as u64;
        visitor.u64s(slice::from_mut(&mut read));
        self.read = read.min(1 << 48) as usize; // longer than any code, and the count cannot overflow from there
    }

    /// Decodes the next bit, given the probability of a 1 with which it was encoded.
    #[inline]
    pub fn decode(&mut self, probability: u32) -> bool {
        let split = split(self.low, self.high, probability);
        let bit = self.value <= split;
        if bit {
            self.high = split;
        } else {
            self.low = split + 1;
        }
        while (self.low ^ self.high) >> 56 == 0 {
            self.low <<= 8;
            self.high = (self.high << 8) | 255;
            self.shift_in();
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_come_back(
            bits in proptest::collection::vec((any::<bool>(), 1..=PROBABILITY_LIMIT), 0..3000)
        ) {
            let mut encoder = Encoder::default();
            for &(bit, p) in &bits { encoder.encode(bit, p); }
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for &(bit, p) in &bits { prop_assert_eq!(decoder.decode(p), bit); }
        }

        #[test]
        fn any_bytes_decode_to_something(bytes: Vec<u8>, probability in 1..=PROBABILITY_LIMIT) {
            let mut decoder = Decoder::new(&bytes);
            for _ in 0..2000 { decoder.decode(probability); }
        }
    }

    #[test]
    fn the_code_is_as_long_as_the_information_coded() {
        let mut encoder = Encoder::default();
        for i in 0..100_000 {
            encoder.encode(i % 10 == 0, 6554);
        }
        let ideal = 100_000.0 * 0.468_996 / 8.0;
        let size = encoder.finish().len() as f64;
        assert!((size - ideal).abs() < 8.0, "{size} against {ideal}");
    }

    #[test]
    fn almost_certain_bits_cost_almost_nothing() {
        let mut encoder = Encoder::default();
        for _ in 0..8 << 20 {
            encoder.encode(false, 1);
        }
        assert!(encoder.finish().len() < 30);
        assert_eq!(Encoder::default().finish(), Vec::<u8>::new());
    }
}
