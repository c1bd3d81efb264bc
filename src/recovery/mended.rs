//! A damaged file as it was.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes in the place of others, by their place in a file. They don't overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Patches(BTreeMap<u64, Vec<u8>>);

impl Patches {
    pub fn insert(&mut self, at: u64, bytes: Vec<u8>) {
        self.0.insert(at, bytes);
    }

    /// Removes the patches from `at` on.
    pub fn truncate(&mut self, at: u64) {
        self.0.split_off(&at);
    }

    /// Bytes of all patches.
    pub fn len(&self) -> u64 {
        self.0.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// Puts the patches into bytes that were read at `at`.
    fn apply(&self, at: u64, bytes: &mut [u8]) {
        let end = at + bytes.len() as u64;
        for (&start, patch) in self.0.range(..end).rev() {
            let behind = start + patch.len() as u64;
            if behind <= at {
                break;
            }
            let (from, to) = (start.max(at), behind.min(end));
            bytes[(from - at) as usize..(to - at) as usize]
                .copy_from_slice(&patch[(from - start) as usize..(to - start) as usize]);
        }
    }
}

/// Reads a damaged archive as it was, as far as it could be mended; made by
/// [`Mending::view`](super::Mending::view). The file itself stays as it is.
pub struct Mended<R> {
    file: R,
    at: u64,
    patches: Patches,
}

impl<R: Read + Seek> Mended<R> {
    /// A view that starts where the file stands.
    pub(super) fn new(mut file: R, patches: Patches) -> io::Result<Self> {
        let at = file.stream_position()?;
        Ok(Mended { file, at, patches })
    }
}

impl<R: Read> Read for Mended<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.patches.apply(self.at, &mut buffer[..len]);
        self.at += len as u64;
        Ok(len)
    }
}

impl<R: Seek> Seek for Mended<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_show_in_every_read() {
        let mut patches = Patches::default();
        patches.insert(2, vec![12, 13, 14]);
        patches.insert(5, vec![15]);
        patches.insert(9, vec![19]);
        let whole = [0, 1, 12, 13, 14, 15, 6, 7, 8, 19];
        let mut view = Mended::new(io::Cursor::new((0..10).collect::<Vec<u8>>()), patches.clone()).unwrap();
        for start in 0..10 {
            for end in start..=10 {
                view.seek(SeekFrom::Start(start)).unwrap();
                let mut bytes = vec![0; (end - start) as usize];
                view.read_exact(&mut bytes).unwrap();
                assert_eq!(bytes, whole[start as usize..end as usize]);
            }
        }
        assert_eq!(patches.len(), 5);
        patches.truncate(5);
        assert_eq!(patches.len(), 3);
    }
}
