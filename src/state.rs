//! The walk over the learned state: one order serves writing, reading and hashing.
//!
//! Each part of the state has a function `visit` that shows a visitor its words, whose order and
//! number depend only on its shape. A visitor may read the words or replace them. Words that were
//! read may be hostile: before `visit` returns, it clamps whatever could do harm to its range.

use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3;

/// Reads words or replaces them, as bytes in little-endian order.
pub trait Visitor {
    /// Reads bytes or replaces them.
    fn u8s(&mut self, bytes: &mut [u8]);

    /// Like [`Self::u8s`], for words of 16 bits.
    fn u16s(&mut self, words: &mut [u16]) {
        little_endian(words, u16::to_le);
        self.u8s(bytemuck::cast_slice_mut(words));
        little_endian(words, u16::from_le);
    }

    /// Like [`Self::u8s`], for words of 32 bits.
    fn u32s(&mut self, words: &mut [u32]) {
        little_endian(words, u32::to_le);
        self.u8s(bytemuck::cast_slice_mut(words));
        little_endian(words, u32::from_le);
    }

    /// Like [`Self::u8s`], for words of 64 bits.
    fn u64s(&mut self, words: &mut [u64]) {
        little_endian(words, u64::to_le);
        self.u8s(bytemuck::cast_slice_mut(words));
        little_endian(words, u64::from_le);
    }
}

fn little_endian<T: Copy>(words: &mut [T], convert: impl Fn(T) -> T) {
    if cfg!(target_endian = "big") {
        words.iter_mut().for_each(|word| *word = convert(*word));
    }
}

/// A visitor that writes all words.
pub struct StateWriter<W> {
    output: W,
    result: io::Result<()>,
}

impl<W: Write> StateWriter<W> {
    /// Returns a visitor that writes to `output`.
    pub fn new(output: W) -> Self {
        StateWriter { output, result: Ok(()) }
    }

    /// Returns the output, or the first error, after which nothing was written.
    pub fn finish(self) -> io::Result<W> {
        self.result.map(|()| self.output)
    }
}

impl<W: Write> Visitor for StateWriter<W> {
    fn u8s(&mut self, bytes: &mut [u8]) {
        if self.result.is_ok() {
            self.result = self.output.write_all(bytes);
        }
    }
}

/// A visitor that replaces all words by those of an input.
pub struct StateReader<R> {
    input: R,
    result: io::Result<()>,
}

impl<R: Read> StateReader<R> {
    /// Returns a visitor that reads from `input`.
    pub fn new(input: R) -> Self {
        StateReader { input, result: Ok(()) }
    }

    /// Returns the rest of the input, or the first error; after an error the visited state is useless.
    pub fn finish(self) -> io::Result<R> {
        self.result.map(|()| self.input)
    }
}

impl<R: Read> Visitor for StateReader<R> {
    fn u8s(&mut self, bytes: &mut [u8]) {
        if self.result.is_ok() {
            self.result = self.input.read_exact(bytes);
        }
    }
}

/// A visitor that hashes all words: XXH3-64 of what [`StateWriter`] would write.
#[derive(Default)]
pub struct StateHasher(Xxh3);

impl StateHasher {
    /// Returns the hash of the words visited so far.
    pub fn digest(&self) -> u64 {
        self.0.digest()
    }
}

impl Visitor for StateHasher {
    fn u8s(&mut self, bytes: &mut [u8]) {
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(words: &mut (Vec<u8>, Vec<u16>, Vec<u32>, Vec<u64>), visitor: &mut dyn Visitor) {
        visitor.u8s(&mut words.0);
        visitor.u16s(&mut words.1);
        visitor.u32s(&mut words.2);
        visitor.u64s(&mut words.3);
    }

    #[test]
    fn words_come_back_in_little_endian_order() {
        let mut words = (vec![1], vec![0x203, 0x405], vec![0x0607_0809], vec![0x0a0b_0c0d_0e0f_1011]);
        let mut writer = StateWriter::new(Vec::new());
        visit(&mut words, &mut writer);
        let bytes = writer.finish().unwrap();
        assert_eq!(bytes, [1, 3, 2, 5, 4, 9, 8, 7, 6, 17, 16, 15, 14, 13, 12, 11, 10]);
        let mut read = (vec![0], vec![0; 2], vec![0], vec![0]);
        let mut reader = StateReader::new(&bytes[..]);
        visit(&mut read, &mut reader);
        assert!(reader.finish().unwrap().is_empty());
        assert_eq!(read, words);
        let mut hasher = StateHasher::default();
        visit(&mut words, &mut hasher);
        assert_eq!(hasher.digest(), xxhash_rust::xxh3::xxh3_64(&bytes));
    }

    #[test]
    fn errors_are_kept() {
        let mut words = [1u32; 4];
        let mut reader = StateReader::new(&[7u8; 15][..]);
        reader.u32s(&mut words);
        assert_eq!(reader.finish().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let mut short = [0; 15];
        let mut writer = StateWriter::new(&mut short[..]);
        writer.u32s(&mut words);
        assert_eq!(writer.finish().unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
