//! The bytes coded so far by all streams, and where their contexts occurred last.

use crate::state::Visitor;

/// A ring of coded bytes, and a table of positions by the hash of the bytes before them.
///
/// A position is a u32 that keeps counting when the ring wraps around.
#[derive(Clone)]
pub struct History {
    ring: Vec<u8>,
    /// Position that followed the last occurrence of a hash; 0 for none.
    table: Vec<u32>,
}

impl History {
    /// Creates a ring of `2^bits` bytes and a table of `2^(bits + 1)` positions.
    pub fn new(bits: u32) -> Self {
        History { ring: vec![0; 1 << bits], table: vec![0; 2 << bits] }
    }

    /// Returns log2 of the ring's size in bytes.
    pub fn bits(&self) -> u32 {
        self.ring.len().ilog2()
    }

    /// Returns the byte that was stored last at a position or at one that is a multiple of the
    /// ring's size away.
    #[inline]
    pub fn byte(&self, position: u32) -> u8 {
        self.ring[position as usize & (self.ring.len() - 1)]
    }

    /// Stores a coded byte.
    #[inline]
    pub fn set(&mut self, position: u32, byte: u8) {
        let mask = self.ring.len() - 1;
        self.ring[position as usize & mask] = byte;
    }

    /// Stores `next` as the position that followed a hash; returns the one stored before, 0 for none.
    #[inline]
    pub fn replace_position(&mut self, hash: u32, next: u32) -> u32 {
        let mask = self.table.len() - 1;
        std::mem::replace(&mut self.table[hash as usize & mask], next)
    }

    /// Returns the position that followed a hash; 0 for none.
    #[inline]
    pub fn position(&self, hash: u32) -> u32 {
        self.table[hash as usize & (self.table.len() - 1)]
    }

    /// Returns the number of equal bytes before two positions, at most `most`.
    pub fn common_len(&self, a: u32, b: u32, most: u32) -> u32 {
        (1..=most).take_while(|&i| self.byte(a.wrapping_sub(i)) == self.byte(b.wrapping_sub(i))).count() as u32
    }

    /// Returns a copy with a ring of `2^bits` bytes, at least as large; `end` is the position of the next byte.
    pub fn grown(&self, bits: u32, end: u32) -> Self {
        let mut history =
            History { ring: vec![0; 1 << bits], table: self.table.repeat((2 << bits) / self.table.len()) };
        for back in 1..=self.ring.len() as u32 {
            let position = end.wrapping_sub(back);
            history.set(position, self.byte(position));
        }
        history
    }

    /// Visits ring and table; any bytes and positions are valid.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u8s(&mut self.ring);
        visitor.u32s(&mut self.table);
    }
}
