//! The walk over all that a predictor has learnt: one order serves writing, reading and hashing.
//!
//! What takes part has a function `visit` that shows a visitor its words, in an
//! order and number that follow from how it was made. A visitor may look at them
//! or put others in their place. Words that were read may be hostile: `visit`
//! brings what could do harm back into its range before it returns.

use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3;

/// Looks at words or replaces them, as bytes in little-endian order.
pub trait Visitor {
    /// Looks at bytes or replaces them.
    fn u8s(&mut self, bytes: &mut [u8]);

    /// The same with words of 16 bits.
    fn u16s(&mut self, words: &mut [u16]) {
        little_endian(words, u16::to_le);
        self.u8s(bytemuck::cast_slice_mut(words));
        little_endian(words, u16::from_le);
    }

    /// The same with words of 32 bits.
    fn u32s(&mut self, words: &mut [u32]) {
        little_endian(words, u32::to_le);
        self.u8s(bytemuck::cast_slice_mut(words));
        little_endian(words, u32::from_le);
    }

    /// The same with words of 64 bits.
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

/// Writes all words.
pub struct StateWriter<W> {
    output: W,
    result: io::Result<()>,
}

impl<W: Write> StateWriter<W> {
    /// A visitor that writes to `output`.
    pub fn new(output: W) -> Self {
        StateWriter { output, result: Ok(()) }
    }

    /// The output, or the first error: nothing was written after it.
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

/// Replaces all words by others.
pub struct StateReader<R> {
    input: R,
    result: io::Result<()>,
}

impl<R: Read> StateReader<R> {
    /// A visitor that reads from `input`.
    pub fn new(input: R) -> Self {
        StateReader { input, result: Ok(()) }
    }

    /// The rest of the input, or the first error: what was visited is then of no use.
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

/// Hashes all words: XXH3-64 of what [`StateWriter`] would write.
#[derive(Default)]
pub struct StateHasher(Xxh3);

impl StateHasher {
    /// The hash of what was visited so far.
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
