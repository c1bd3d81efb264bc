//! Runs of zeros become holes, as with `zstd --sparse`.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Holes are multiples of this, at multiples of this: a block of common file systems.
const UNIT: u64 = 4096;

/// Writes a file from its current end on; runs of zeros are left out.
pub struct SparseWriter {
    file: File,
    /// The position of the next byte.
    at: u64,
    /// Zeros before it that are not written.
    skipped: u64,
    sparse: bool,
}

impl SparseWriter {
    /// Continues `file`, which holds `at` bytes; makes holes only if it is to be `sparse`.
    pub fn new(file: File, at: u64, sparse: bool) -> Self {
        SparseWriter { file, at, skipped: 0, sparse }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The file, at its end, for more bytes that are written to it directly.
    pub fn file_mut(&mut self) -> io::Result<&mut File> {
        self.complete()?;
        Ok(&mut self.file)
    }

    /// Gives the file its full length where it ends in a hole.
    pub fn complete(&mut self) -> io::Result<()> {
        if self.skipped > 0 {
            self.file.set_len(self.at)?;
            self.file.seek(SeekFrom::Start(self.at))?;
            self.skipped = 0;
        }
        Ok(())
    }

    /// Writes bytes that are not all to be left out.
    fn write_data(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.skipped > 0 {
            self.file.seek(SeekFrom::Start(self.at))?;
            self.skipped = 0;
        }
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Write for SparseWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.sparse {
            self.write_data(bytes)?;
            return Ok(bytes.len());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // Data up to the next whole unit of zeros.
            let mut end = 0;
            while end < rest.len() && !starts_with_hole(self.at + end as u64, &rest[end..]) {
                end += (UNIT - (self.at + end as u64) % UNIT).min((rest.len() - end) as u64) as usize;
            }
            let (data, zeros) = rest.split_at(end);
            self.write_data(data)?;
            rest = zeros;
            while starts_with_hole(self.at, rest) {
                self.at += UNIT;
                self.skipped += UNIT;
                rest = &rest[UNIT as usize..];
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True if a whole unit of zeros starts at position `at` of a file.
fn starts_with_hole(at: u64, bytes: &[u8]) -> bool {
    let unit = bytes.get(..UNIT as usize);
    at.is_multiple_of(UNIT) && unit.is_some_and(|unit| unit.iter().all(|&byte| byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    proptest! {
        #[test]
        fn the_content_is_what_was_written(
            runs in prop::collection::vec((0u8..3, 0usize..10_000), 0..12),
            cuts in prop::collection::vec(1usize..9000, 1..8),
        ) {
            let content: Vec<u8> = runs.iter().flat_map(|&(byte, len)| vec![byte; len]).collect();
            for sparse in [false, true] {
                let mut writer = SparseWriter::new(tempfile::tempfile().unwrap(), 0, sparse);
                let (mut rest, mut cut) = (&content[..], cuts.iter().cycle());
                while !rest.is_empty() {
                    let (now, later) = rest.split_at(rest.len().min(*cut.next().unwrap()));
                    writer.write_all(now).unwrap();
                    rest = later;
                }
                let file = writer.file_mut().unwrap();
                file.rewind().unwrap();
                let mut read = Vec::new();
                file.read_to_end(&mut read).unwrap();
                prop_assert_eq!(&read, &content);
            }
        }
    }
}
