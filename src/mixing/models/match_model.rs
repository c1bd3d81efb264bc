//! The match model: predicts the byte that followed the longest earlier occurrence.
//!
//! After lpaq and paq8. A match that fails is kept for a while, because records
//! often differ in few bytes.

use std::slice;

use crate::state::Visitor;

use super::super::prediction::MATCH_LEVELS;
use super::history::History;

/// The shortest match.
const MIN_LENGTH: u32 = 4;
/// The length at which counting stops.
const MAX_LENGTH: u32 = 400;
/// A match of at least this length is not compared with other occurrences.
const LONG_ENOUGH: u32 = 16;
/// A match ends when its last outcomes are these misses in a row.
const LOST: u32 = 0xff;

/// The match of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Match {
    /// Position of the byte that the match expects.
    pointer: u32,
    /// The number of equal bytes, 0 after a miss; at most [`MAX_LENGTH`].
    length: u32,
    /// The last 32 outcomes, one bit each, the latest lowest; 1 for a miss.
    misses: u32,
    active: bool,
}

/// The number of length buckets.
const BUCKETS: usize = MATCH_LEVELS - 1;
/// The number of contexts of matches.
pub const MATCH_CONTEXTS: usize = BUCKETS * 16;

impl Match {
    /// Returns the byte that followed the earlier occurrence, if there is a match.
    pub fn expected(&self, history: &History) -> Option<u8> {
        self.active.then(|| history.byte(self.pointer))
    }

    /// Returns the bucket of the length, 0..=15.
    pub fn bucket(&self) -> usize {
        match self.length {
            0..16 => (self.length / 2) as usize,
            16..32 => 8 + (self.length - 16) as usize / 8,
            32.. => (9 + self.length.ilog2() as usize - 4).min(15),
        }
    }

    /// Returns the context in which the match's reliability is learned: its length and its
    /// last four outcomes, below [`MATCH_CONTEXTS`].
    pub fn context(&self) -> usize {
        self.bucket() * 16 + (self.misses & 15) as usize
    }

    /// Visits all fields.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        for field in [&mut self.pointer, &mut self.length, &mut self.misses] {
            visitor.u32s(slice::from_mut(field));
        }
        let mut active = u8::from(self.active);
        visitor.u8s(slice::from_mut(&mut active));
        self.active = active != 0;
        self.length = self.length.min(MAX_LENGTH);
    }

    /// Updates the match after a byte; `position` is that of the next byte, `hash` is of the last bytes.
    pub fn advance(&mut self, history: &mut History, byte: u8, position: u32, hash: u32) {
        let candidate = history.replace_position(hash, position);
        self.follow(history, byte, position, candidate);
    }

    /// Updates the match after a byte; `candidate` is the position that followed the last occurrence of
    /// the last bytes, 0 for none.
    pub fn follow(&mut self, history: &History, byte: u8, position: u32, candidate: u32) {
        if self.active {
            let miss = history.byte(self.pointer) != byte;
            self.misses = (self.misses << 1) | u32::from(miss);
            self.length = if miss { 0 } else { (self.length + 1).min(MAX_LENGTH) };
            self.pointer = self.pointer.wrapping_add(1);
            self.active = self.misses & LOST != LOST;
        }
        let is_wanted = !self.active || self.length < LONG_ENOUGH;
        if is_wanted && candidate != 0 && candidate != self.pointer {
            let length = history.common_len(candidate, position, MAX_LENGTH);
            if length >= MIN_LENGTH && (!self.active || length > self.length) {
                *self = Match { pointer: candidate, length, misses: 0, active: true };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes bytes at positions from `start`; returns the byte expected before each.
    fn feed(history: &mut History, state: &mut Match, start: u32, data: &[u8]) -> Vec<Option<u8>> {
        let mut last = 0u64;
        data.iter()
            .zip(start..)
            .map(|(&byte, position)| {
                let expected = state.expected(history);
                history.set(position, byte);
                last = (last << 8 | u64::from(byte)) & 0xff_ffff_ffff;
                let hash = (last.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32;
                state.advance(history, byte, position + 1, hash);
                expected
            })
            .collect()
    }

    #[test]
    fn a_repetition_is_predicted_and_recovered_after_a_mismatch() {
        let mut history = History::new(12);
        let mut state = Match::default();
        let text = b"it was the best of times, it was the worst of times";
        feed(&mut history, &mut state, 1, text);
        let mut again = text.to_vec();
        again[20] = b'#';
        let expected = feed(&mut history, &mut state, 100, &again);
        let right = expected.iter().zip(&again).filter(|&(&e, &b)| e == Some(b)).count();
        assert!(right > 40, "{right}");
        assert_eq!(expected[21], Some(again[21]));
    }

    #[test]
    fn positions_wrap_around_the_ring() {
        let mut history = History::new(4);
        let mut state = Match::default();
        feed(&mut history, &mut state, u32::MAX - 20, &[7; 15]);
        assert_eq!(state.expected(&history), Some(7));
        assert!(state.context() < MATCH_CONTEXTS && Match { length: MAX_LENGTH, ..state }.bucket() < 16);
    }
}
