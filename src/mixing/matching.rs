//! The match model: the longest earlier occurrence says which byte comes next.
//!
//! After lpaq and paq8's idea of a predicted byte with a learnt trust; a match
//! that fails is followed on for a while, as records often differ in few bytes.

use std::slice;

use crate::state::Visitor;

/// Shortest match that is believed.
const MIN_LENGTH: u32 = 4;
/// Longest match that is told apart.
const MAX_LENGTH: u32 = 400;
/// Misses in a row (as bits) after which a pointer is given up.
const LOST: u32 = 0xff;

/// The bytes coded so far by all streams, in a ring, and where contexts were last.
#[derive(Clone)]
pub struct Past {
    ring: Vec<u8>,
    /// Ring positions after the last occurrence of a hash; 0 is none.
    table: Vec<u32>,
}

impl Past {
    /// A ring and a table of `2^bits` entries each.
    pub fn new(bits: u32) -> Self {
        Past { ring: vec![0; 1 << bits], table: vec![0; 2 << bits] }
    }

    /// The byte at a position, whatever lap it is of.
    #[inline]
    pub fn byte(&self, position: u32) -> u8 {
        self.ring[position as usize & (self.ring.len() - 1)]
    }

    /// Puts down a coded byte.
    #[inline]
    pub fn set(&mut self, position: u32, byte: u8) {
        let mask = self.ring.len() - 1;
        self.ring[position as usize & mask] = byte;
    }

    /// log2 of the ring's bytes.
    pub fn bits(&self) -> u32 {
        self.ring.len().ilog2()
    }

    /// The same with `2^bits` entries, at least as many; `end` is the position of the next byte.
    pub fn grown(&self, bits: u32, end: u32) -> Self {
        let mut past = Past { ring: vec![0; 1 << bits], table: self.table.repeat((2 << bits) / self.table.len()) };
        for back in 1..=self.ring.len() as u32 {
            let position = end.wrapping_sub(back);
            past.set(position, self.byte(position));
        }
        past
    }

    /// Shows ring and table; any bytes and positions will do.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u8s(&mut self.ring);
        visitor.u32s(&mut self.table);
    }

    /// Bytes that agree before two positions, at most [`MAX_LENGTH`].
    fn common(&self, a: u32, b: u32) -> u32 {
        (1..=MAX_LENGTH).take_while(|&i| self.byte(a.wrapping_sub(i)) == self.byte(b.wrapping_sub(i))).count() as u32
    }
}

/// Where a stream's match stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Match {
    pointer: u32,
    /// Length of the match, 0 while it is being recovered.
    pub length: u32,
    /// The last outcomes at this pointer, a bit each, 1 for a miss.
    misses: u32,
    active: bool,
}

/// Values of [`Match::bucket`].
pub const BUCKETS: usize = 16;
/// Values of [`Match::trust`].
pub const TRUSTS: usize = BUCKETS * 16;

impl Match {
    /// The byte that followed the earlier occurrence.
    pub fn expected(&self, past: &Past) -> Option<u8> {
        self.active.then(|| past.byte(self.pointer))
    }

    /// Length in 16 steps.
    pub fn bucket(&self) -> usize {
        match self.length {
            0..16 => (self.length / 2) as usize,
            16..32 => 8 + (self.length - 16) as usize / 8,
            32.. => (9 + self.length.ilog2() as usize - 4).min(15),
        }
    }

    /// What trust in the expected byte is learnt by: length and last misses.
    pub fn trust(&self) -> usize {
        self.bucket() * 16 + (self.misses & 15) as usize
    }

    /// Shows all fields.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        for field in [&mut self.pointer, &mut self.length, &mut self.misses] {
            visitor.u32s(slice::from_mut(field));
        }
        let mut active = u8::from(self.active);
        visitor.u8s(slice::from_mut(&mut active));
        self.active = active != 0;
        self.length = self.length.min(MAX_LENGTH);
    }

    /// Goes on after a byte; `position` is that of the next one, `hash` of the last bytes.
    pub fn advance(&mut self, past: &mut Past, byte: u8, position: u32, hash: u32) {
        if self.active {
            let miss = past.byte(self.pointer) != byte;
            self.misses = (self.misses << 1) | u32::from(miss);
            self.length = if miss { 0 } else { (self.length + 1).min(MAX_LENGTH) };
            self.pointer = self.pointer.wrapping_add(1);
            self.active = self.misses & LOST != LOST;
        }
        let index = (hash as usize) & (past.table.len() - 1);
        if !self.active || self.length < 16 {
            let candidate = past.table[index];
            if candidate != 0 && candidate != self.pointer {
                let length = past.common(candidate, position);
                if length >= MIN_LENGTH && (!self.active || length > self.length) {
                    *self = Match { pointer: candidate, length, misses: 0, active: true };
                }
            }
        }
        past.table[index] = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds bytes at positions from `start`; returns what was expected of each.
    fn feed(past: &mut Past, state: &mut Match, start: u32, data: &[u8]) -> Vec<Option<u8>> {
        let mut last = 0u64;
        data.iter()
            .zip(start..)
            .map(|(&byte, position)| {
                let expected = state.expected(past);
                past.set(position, byte);
                last = (last << 8 | u64::from(byte)) & 0xff_ffff_ffff;
                let hash = (last.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32;
                state.advance(past, byte, position + 1, hash);
                expected
            })
            .collect()
    }

    #[test]
    fn a_repetition_is_foretold_and_recovered_after_a_mismatch() {
        let mut past = Past::new(12);
        let mut state = Match::default();
        let text = b"it was the best of times, it was the worst of times";
        feed(&mut past, &mut state, 1, text);
        let mut again = text.to_vec();
        again[20] = b'#';
        let expected = feed(&mut past, &mut state, 100, &again);
        let right = expected.iter().zip(&again).filter(|&(&e, &b)| e == Some(b)).count();
        assert!(right > 40, "{right}");
        assert_eq!(expected[21], Some(again[21]));
    }

    #[test]
    fn positions_wrap_around_the_ring() {
        let mut past = Past::new(4);
        let mut state = Match::default();
        feed(&mut past, &mut state, u32::MAX - 20, &[7; 15]);
        assert_eq!(state.expected(&past), Some(7));
        assert!(state.trust() < TRUSTS && Match { length: MAX_LENGTH, ..state }.bucket() < 16);
    }
}
