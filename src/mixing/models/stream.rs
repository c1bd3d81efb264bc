//! The state of a stream from which its contexts are made.

use std::slice;

use crate::state::Visitor;

use super::history::History;
use super::image::ImageByte;
use super::match_model::Match;
use super::record_length::RecordLength;

/// A summary of a stream's bytes so far.
#[derive(Clone, Default)]
pub struct Stream {
    /// The last eight bytes, the last one lowest.
    pub recent: u64,
    /// Position of the next byte in the history.
    pub position: u32,
    /// The number of bytes since the stream began.
    pub age: u32,
    /// Hashes of the current word and of the three words before it; 0 for none.
    pub words: [u32; 4],
    /// Classes of the last 16 bytes, two bits each, the last one lowest.
    pub classes: u32,
    /// Positions where the current line and the previous line start.
    pub lines: [u32; 2],
    /// Column of the first byte.
    pub column: u32,
    pub successors: Successors,
    pub records: RecordLength,
    pub matched: Match,
    /// In an image, the predictions of the image model; absent while they are in use.
    pub image: Option<Box<ImageByte>>,
}

/// For each byte value, the four bytes that followed its latest occurrences, the latest lowest.
#[derive(Clone)]
pub struct Successors(pub [u32; 256]);

impl Default for Successors {
    fn default() -> Self {
        Successors([0; 256])
    }
}

/// Returns the class of a byte: 1 digit or sign, 2 letter, 3 space or end of line, 0 other.
fn class(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | 128.. => 2,
        b' ' | b'\n' | b'\r' | b'\t' => 3,
        b'0'..=b'9' | b'.' | b',' | b'-' => 1,
        _ => 0,
    }
}

impl Stream {
    /// Creates a stream whose first byte has a given position in the history.
    pub fn new(position: u32) -> Self {
        Stream { position, lines: [position; 2], ..Stream::default() }
    }

    /// Returns the `n`-th byte back (1 is the last one), 0 before the stream's start.
    pub fn back(&self, history: &History, n: u32) -> u64 {
        if n > self.age { 0 } else { history.byte(self.position.wrapping_sub(n)).into() }
    }

    /// Returns the byte above the next one in the previous line, 0 if that line is too short.
    pub fn above(&self, history: &History) -> u64 {
        let line_above = self.lines[0].wrapping_sub(self.lines[1]);
        if self.in_line() < line_above { self.back(history, line_above) } else { 0 }
    }

    /// Returns the number of bytes since the line began, at most 255.
    pub fn in_line(&self) -> u32 {
        self.position.wrapping_sub(self.lines[0]).min(255)
    }

    /// Appends a byte to the stream and to the history.
    pub fn update(&mut self, history: &mut History, byte: u8) {
        history.set(self.position, byte);
        self.append(byte);
        self.matched.advance(history, byte, self.position, self.hash());
    }

    /// Returns the hash of the last five bytes.
    pub fn hash(&self) -> u32 {
        ((self.recent & 0xff_ffff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }

    /// Appends a byte to all but the match.
    pub fn append(&mut self, byte: u8) {
        let successors = &mut self.successors.0[self.recent as usize & 255];
        *successors = *successors << 8 | u32::from(byte);
        self.recent = self.recent << 8 | u64::from(byte);
        self.position = self.position.wrapping_add(1);
        self.age = self.age.wrapping_add(1);
        let class = class(byte);
        self.classes = self.classes << 2 | class;
        if class == 2 {
            let letter = u32::from(byte.to_ascii_lowercase()) + 1;
            self.words[0] = self.words[0].wrapping_add(letter).wrapping_mul(0x2f0b_4c47).rotate_left(7);
        } else if self.words[0] != 0 {
            self.words = [0, self.words[0], self.words[1], self.words[2]];
        }
        if byte == b'\n' {
            self.lines = [self.position, self.lines[0]];
        }
        self.records.update(byte, self.age);
    }

    /// Visits all fields.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u64s(slice::from_mut(&mut self.recent));
        for field in [&mut self.position, &mut self.age, &mut self.classes, &mut self.column] {
            visitor.u32s(slice::from_mut(field));
        }
        visitor.u32s(&mut self.words);
        visitor.u32s(&mut self.lines);
        visitor.u32s(&mut self.successors.0);
        self.records.visit(visitor);
        self.matched.visit(visitor);
    }
}
