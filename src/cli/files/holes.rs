//! Reads a file from a position of its own; holes are not read but filled with zeros.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Reads a file without moving its position, so that several readers can share the file.
pub struct FileReader {
    file: File,
    /// The position of the next byte, and the end of what may be read.
    at: u64,
    end: u64,
    /// The hole that `at` may lie in.
    hole: Range<u64>,
    /// The place from which on nothing is known of holes.
    known: u64,
}

impl FileReader {
    /// A reader from the start of a regular file.
    pub fn new(file: File) -> Self {
        FileReader { file, at: 0, end: u64::MAX, hole: 0..0, known: 0 }
    }

    /// Limits reading to `range`.
    pub fn limit(&mut self, range: Range<u64>) {
        (self.at, self.end) = (range.start, range.end);
        (self.hole, self.known) = (0..0, range.start);
    }

    /// Looks for holes from the current position on, if nothing is known of it.
    fn find_hole(&mut self) -> io::Result<()> {
        if self.at < self.known {
            return Ok(());
        }
        match next_data(&self.file, self.at)? {
            Some(data) if data.start > self.at => (self.hole, self.known) = (self.at..data.start, data.start),
            Some(data) => (self.hole, self.known) = (0..0, data.end),
            None => (self.hole, self.known) = (0..0, u64::MAX),
        }
        Ok(())
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = (self.end - self.at.min(self.end)).min(buffer.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        self.find_hole()?;
        let len = if self.hole.contains(&self.at) {
            let len = most.min((self.hole.end - self.at).min(usize::MAX as u64) as usize);
            buffer[..len].fill(0);
            len
        } else {
            read_at(&self.file, &mut buffer[..most], self.at)?
        };
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(offset) => (self.at, offset),
            SeekFrom::End(offset) => (self.file.metadata()?.len(), offset),
        };
        self.at = base.checked_add_signed(offset).ok_or(io::ErrorKind::InvalidInput)?;
        (self.hole, self.known) = (0..0, self.at);
        Ok(self.at)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// Returns the first range of data that does not end before `at`, where the system tells; the hole
/// at the end of a file counts as one before an empty range of data.
#[cfg(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd"))]
fn next_data(file: &File, at: u64) -> io::Result<Option<Range<u64>>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    let here = seek(file, SeekFrom::Current(0))?;
    let range = match seek(file, SeekFrom::Data(at)) {
        Ok(start) => seek(file, SeekFrom::Hole(start)).ok().map(|end| start..end.max(start + 1)),
        Err(Errno::NXIO) => Some(file.metadata()?.len()).filter(|&len| len > at).map(|len| len..len),
        Err(_) => None,
    };
    seek(file, SeekFrom::Start(here))?;
    Ok(range)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd")))]
fn next_data(_file: &File, _at: u64) -> io::Result<Option<Range<u64>>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    #[test]
    fn a_file_with_holes_is_read_whole_and_in_part() {
        let mut file = tempfile::tempfile().unwrap();
        for (at, bytes) in [(5000, "data"), (1 << 20, "more"), ((1 << 21) - 1, "at an edge")] {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(bytes.as_bytes()).unwrap();
        }
        file.set_len(3 << 20).unwrap();
        file.rewind().unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content.len(), 3 << 20);
        for range in [0..u64::MAX, 0..3, 4999..5010, 100_000..(1 << 20) + 2, (3 << 20) - 1..u64::MAX] {
            let mut reader = FileReader::new(file.try_clone().unwrap());
            reader.limit(range.clone());
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            let end = range.end.min(content.len() as u64) as usize;
            assert_eq!(read, content[range.start as usize..end]);
        }
    }

    #[test]
    fn what_is_appended_behind_a_hole_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(100_000).unwrap();
        let mut reader = FileReader::new(file.try_clone().unwrap());
        let mut read = vec![1; 100_000];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(read, [0; 100_000]);
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"more").unwrap();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read[100_000..], *b"more");
    }
}
