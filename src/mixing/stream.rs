//! What a stream remembers of its own bytes.

use std::slice;

use crate::state::Visitor;

use super::matching::{Match, Past};
use super::record::Records;

/// A stream's past, as far as contexts look at it.
#[derive(Clone, Default)]
pub struct Stream {
    /// The last eight bytes, the last one lowest.
    pub recent: u64,
    /// Position of the next byte in the ring, counted on over all laps.
    pub position: u32,
    /// Bytes since the stream began.
    pub age: u32,
    /// Hash of the letters since the last word ended, and of the three words before.
    pub words: [u32; 4],
    /// Kinds of the last bytes, two bits each.
    pub kinds: u32,
    /// Where this line and the one before start.
    pub lines: [u32; 2],
    pub followers: Followers,
    pub records: Records,
    pub matched: Match,
}

/// For each byte, the four that followed its last occurrences, the latest lowest.
#[derive(Clone)]
pub struct Followers(pub [u32; 256]);

impl Default for Followers {
    fn default() -> Self {
        Followers([0; 256])
    }
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
    pub fn back(&self, past: &Past, n: u32) -> u64 {
        if n > self.age { 0 } else { past.byte(self.position.wrapping_sub(n)).into() }
    }

    /// The byte above this one in the line before, 0 if that is shorter.
    pub fn above(&self, past: &Past) -> u64 {
        let line_above = self.lines[0].wrapping_sub(self.lines[1]);
        if self.in_line() < line_above { self.back(past, line_above) } else { 0 }
    }

    /// Bytes since the line began, at most 255.
    pub fn in_line(&self) -> u32 {
        self.position.wrapping_sub(self.lines[0]).min(255)
    }

    /// Goes on to the next byte.
    pub fn update(&mut self, past: &mut Past, byte: u8) {
        past.set(self.position, byte);
        let followers = &mut self.followers.0[self.recent as usize & 255];
        *followers = *followers << 8 | u32::from(byte);
        self.recent = self.recent << 8 | u64::from(byte);
        self.position = self.position.wrapping_add(1);
        self.age = self.age.wrapping_add(1);
        let kind = kind(byte);
        self.kinds = self.kinds << 2 | kind;
        if kind == 2 {
            let letter = u32::from(byte.to_ascii_lowercase()) + 1;
            self.words[0] = self.words[0].wrapping_add(letter).wrapping_mul(0x2f0b_4c47).rotate_left(7);
        } else if self.words[0] != 0 {
            self.words = [0, self.words[0], self.words[1], self.words[2]];
        }
        if byte == b'\n' {
            self.lines = [self.position, self.lines[0]];
        }
        self.records.update(byte, self.age);
        let key = (self.recent & 0xff_ffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.matched.advance(past, byte, self.position, (key >> 32) as u32);
    }

    /// Shows all fields.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u64s(slice::from_mut(&mut self.recent));
        for field in [&mut self.position, &mut self.age, &mut self.kinds] {
            visitor.u32s(slice::from_mut(field));
        }
        visitor.u32s(&mut self.words);
        visitor.u32s(&mut self.lines);
        visitor.u32s(&mut self.followers.0);
        self.records.visit(visitor);
        self.matched.visit(visitor);
    }
}
