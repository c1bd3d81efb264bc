//! The shards of protected data, and their groups.

use std::io::{Read, Seek, SeekFrom};

use crate::Error;
use crate::archive::RecoveryHead;

/// Protected data as shards: shard i belongs to group i modulo the number of groups.
pub struct Shards<'a, R> {
    pub file: &'a mut R,
    /// Where the data starts in the file.
    pub start: u64,
    pub head: &'a RecoveryHead,
}

impl<R: Read + Seek> Shards<'_, R> {
    /// Reads a shard of data; the last one is filled up with zeros.
    pub fn read(&mut self, number: u64) -> Result<Vec<u8>, Error> {
        let (at, len) = (number * self.head.shard_len(), self.head.shard_len());
        let here = len.min(self.head.covered - at);
        let mut shard = bytes_at(self.file, self.start + at, here)?;
        shard.resize(len as usize, 0);
        Ok(shard)
    }

    /// Returns the numbers of a group's shards.
    pub fn of_group(&self, group: u32) -> impl Iterator<Item = u64> + use<R> {
        let (groups, count) = (u64::from(self.head.groups), self.head.group_shards(group));
        (0..count).map(move |index| u64::from(group) + index * groups)
    }
}

/// Reads `len` bytes at a place, or all that are there.
pub fn bytes_at(file: &mut (impl Read + Seek), at: u64, len: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).map_err(Error::Input)?;
    file.take(len).read_to_end(&mut bytes).map_err(Error::Input)?;
    Ok(bytes)
}
