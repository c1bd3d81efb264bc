//! What each context model looks at: the hashes of a stream's past.

use std::slice;

use crate::state::Visitor;

use super::matching::{Match, Past};
use super::record::Records;

/// Number of hashed contexts.
pub const CONTEXTS: usize = 20;

/// What a stream remembers of its own bytes.
#[derive(Default)]
pub struct Stream {
    /// The last eight bytes, the last one lowest.
    pub recent: u64,
    /// Position of the next byte in the ring, counted on over all laps.
    pub position: u32,
    /// Bytes since the stream began.
    age: u32,
    /// Hash of the letters since the last word ended, and of whole words before.
    words: [u32; 3],
    /// Kinds of the last bytes, two bits each.
    pub kinds: u32,
    /// Where this line and the one before start.
    lines: [u32; 2],
    pub records: Records,
    pub matched: Match,
}

/// Mixes a context's number and content to a hash.
fn hash(number: usize, a: u64, b: u64) -> u32 {
    let mixed = a
        .wrapping_add(number as u64 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        .wrapping_add(b)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 32) as u32
}

/// 0 other, 1 digit or sign, 2 letter, 3 space or end of line.
fn kind(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | 128.. => 2,
        b' ' | b'\n' | b'\r' | b'\t' => 3,
        b'0'..=b'9' | b'.' | b',' | b'-' => 1,
        _ => 0,
    }
}

impl Stream {
    /// A stream whose first byte comes at a position of the ring.
    pub fn new(position: u32) -> Self {
        Stream { position, lines: [position; 2], ..Stream::default() }
    }

    /// The `n`-th byte back, from 1.
    fn back(&self, past: &Past, n: u32) -> u64 {
        if n > self.age { 0 } else { past.byte(self.position.wrapping_sub(n)).into() }
    }

    /// The hash of every context for the next byte.
    pub fn hashes(&self, past: &Past, expected: Option<u8>) -> [u32; CONTEXTS] {
        let r = self.recent;
        let last = |n: u32| r & ((1 << (8 * n)) - 1);
        let [word, one, two] = self.words.map(u64::from);
        let length = self.records.length;
        let above = self.back(past, length);
        let column = u64::from(self.age % length);
        let in_line = self.position.wrapping_sub(self.lines[0]).min(255);
        let line_above = self.lines[0].wrapping_sub(self.lines[1]);
        let over = if in_line < line_above { self.back(past, line_above) } else { 0 };
        let foretold = expected.map_or(0, |byte| 256 + u64::from(byte) + 512 * self.matched.bucket() as u64);
        let content = [
            (last(1), 0),
            (last(2), 0),
            (last(3), 0),
            (last(4), 0),
            (last(5), 0),
            (last(6), 0),
            (r, 0),
            (word, last(1)),
            (word, one),
            (word, two),
            (word, one.wrapping_mul(31) + two),
            (r & 0xffff00, 0),
            (r & 0xffff_0000, 0),
            (r & 0xff00ff, 0),
            (0, 0),
            (column << 8 | above, length.into()),
            (above << 8 | last(1), length.into()),
            (foretold, last(1)),
            (u64::from(self.kinds & 0xffff), last(1)),
            (over << 8 | last(1), u64::from(in_line)),
        ];
        std::array::from_fn(|i| hash(i, content[i].0, content[i].1))
    }

    /// Shows all fields.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u64s(slice::from_mut(&mut self.recent));
        for field in [&mut self.position, &mut self.age, &mut self.kinds] {
            visitor.u32s(slice::from_mut(field));
        }
        visitor.u32s(&mut self.words);
        visitor.u32s(&mut self.lines);
        self.records.visit(visitor);
        self.matched.visit(visitor);
    }

    /// Goes on to the next byte.
    pub fn update(&mut self, past: &mut Past, byte: u8) {
        past.set(self.position, byte);
        self.recent = self.recent << 8 | u64::from(byte);
        self.position = self.position.wrapping_add(1);
        self.age = self.age.wrapping_add(1);
        let kind = kind(byte);
        self.kinds = self.kinds << 2 | kind;
        if kind == 2 {
            let letter = u32::from(byte.to_ascii_lowercase()) + 1;
            self.words[0] = self.words[0].wrapping_add(letter).wrapping_mul(0x2f0b_4c47).rotate_left(7);
        } else if self.words[0] != 0 {
            self.words = [0, self.words[0], self.words[1]];
        }
        if byte == b'\n' {
            self.lines = [self.position, self.lines[0]];
        }
        self.records.update(byte, self.age);
        let key = (self.recent & 0xff_ffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.matched.advance(past, byte, self.position, (key >> 32) as u32);
    }
}
