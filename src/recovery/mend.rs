//! Finds damage by recovery data, and mends it.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use reed_solomon_simd::ReedSolomonDecoder;

use super::mended::{Mended, Patches};
use super::protect::{checksums, impossible, protect_range};
use super::shards::{Shards, bytes_at};
use crate::Error;
use crate::archive::{ArchiveError, PieceKind, RecoveryHead, list_until, recovery_before};
use crate::crc32;

/// The damage that recovery data shows, and what mends it: the result of [`mend`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mending {
    parts: Vec<Part>,
    damaged: Vec<Range<u64>>,
    lost: Vec<Range<u64>>,
    recovery: Vec<Range<u64>>,
    patches: Patches,
}

/// A recovery part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    start: u64,
    /// Its bytes, fewer than its head says if it is cut short.
    len: u64,
    head: RecoveryHead,
}

impl Mending {
    /// True if the archive has recovery data. Without it nothing is known of any damage.
    pub fn has_recovery_data(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The damage that is mended: ranges of the archive's file.
    pub fn damaged(&self) -> &[Range<u64>] {
        &self.damaged
    }

    /// The damage that can't be mended, as there is too much of it: ranges of the archive's file.
    pub fn lost(&self) -> &[Range<u64>] {
        &self.lost
    }

    /// Damage to the recovery data itself: ranges of the archive's file.
    pub fn recovery_damaged(&self) -> &[Range<u64>] {
        &self.recovery
    }

    /// True if nothing is damaged, as far as recovery data shows.
    pub fn is_intact(&self) -> bool {
        self.damaged.is_empty() && self.lost.is_empty() && self.recovery.is_empty()
    }

    /// Returns a view of the file in which the damage is mended.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] where the file's position can't be told.
    pub fn view<R: Read + Seek>(&self, file: R) -> Result<Mended<R>, Error> {
        Mended::new(file, self.patches.clone()).map_err(Error::Input)
    }

    /// Writes the mended archive, with its recovery data.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if some of the damage can't be mended; [`Error::Input`] and [`Error::Output`].
    pub fn write(&self, file: impl Read + Seek, mut output: impl Write) -> Result<(), Error> {
        if let Some(range) = self.lost.first() {
            let what = format!("bytes {}..{} can't be mended", range.start, range.end);
            return Err(ArchiveError::Corrupt { what }.into());
        }
        let (mut view, mut at) = (self.view(file)?, 0);
        for Part { start, len, head } in &self.parts {
            copy(&mut view, at, start - at, &mut output)?;
            protect_range(&mut view, start - head.covered, head.covered, head.percent, &mut output)?;
            at = start + len;
        }
        copy(&mut view, at, u64::MAX, &mut output)?;
        output.flush().map_err(Error::Output)
    }

    /// Checks and mends what a part protects, and checks the part.
    fn take(&mut self, file: &mut (impl Read + Seek), part: Part, memory: u64) -> Result<(), Error> {
        let Part { start, head, .. } = &part;
        let data = start - head.covered;
        let tables = Tables::read(file, &part)?;
        let (mut wrong, mut number) = (Vec::new(), 0);
        let hash = checksums(file, data, head, |crc| {
            if !tables.has(number, crc) {
                wrong.push(number);
            }
            number += 1;
        })?;
        let recovery = tables.check(file, &part, &mut self.recovery)?;
        self.check_heads(file, &part)?;
        if hash != head.hash {
            let (damaged, lost) = (self.damaged.len(), self.lost.len());
            let groups = u64::from(head.groups);
            wrong.sort_unstable_by_key(|number| (number % groups, *number));
            for wrong in wrong.chunk_by(|a, b| a % groups == b % groups) {
                let group = (wrong[0] % groups) as u32;
                // A part that is cut short has fewer recovery shards than its head says.
                let first = u64::from(group) * u64::from(head.per_group);
                let good: Vec<u64> = (first..first + u64::from(head.per_group))
                    .take_while(|&number| number < recovery.len() as u64)
                    .filter(|&number| recovery[number as usize])
                    .map(|number| number - first)
                    .collect();
                self.mend_group(file, &part, group, wrong, &good, memory)?;
                let needed = self.patches.len();
                if needed > memory {
                    return Err(Error::MemoryLimit { needed, limit: memory });
                }
            }
            let mended = self.lost.len() == lost;
            if mended && checksums(&mut self.view(&mut *file)?, data, head, |_| ())? != head.hash {
                // A damaged shard has the checksum of an intact one.
                self.damaged.truncate(damaged);
                self.patches.truncate(data);
                self.lost.push(data..*start);
            }
        }
        self.parts.push(part);
        Ok(())
    }

    /// Checks the copies of a part's head, and mends them for those who read past the part.
    fn check_heads(&mut self, file: &mut (impl Read + Seek), part: &Part) -> Result<(), Error> {
        for (number, place) in part.head.heads().into_iter().enumerate() {
            let at = part.start + place;
            let right = part.head.to_bytes(number as u8);
            if place + RecoveryHead::LEN <= part.len && bytes_at(file, at, RecoveryHead::LEN)? != right {
                push(&mut self.recovery, at..at + RecoveryHead::LEN);
                self.patches.insert(at, right);
            }
        }
        if part.len < part.head.part_len() {
            push(&mut self.recovery, part.start + part.len..part.start + part.head.part_len());
        }
        Ok(())
    }

    /// Mends the wrong shards of a group by its good recovery shards, which are numbered from 0.
    fn mend_group(
        &mut self,
        file: &mut (impl Read + Seek),
        part: &Part,
        group: u32,
        wrong: &[u64],
        good: &[u64],
        memory: u64,
    ) -> Result<(), Error> {
        let Part { start, head, .. } = part;
        let (data, len) = (start - head.covered, head.shard_len());
        let place = |number: u64| data + number * len..(data + (number + 1) * len).min(*start);
        if good.len() < wrong.len() {
            wrong.iter().for_each(|&number| push(&mut self.lost, place(number)));
            return Ok(());
        }
        let (count, recovery) = (head.group_shards(group) as usize, head.per_group as usize);
        // The decoder works on powers of two of both kinds of shards; a head may ask for very many.
        let needed = 2 * (count.next_power_of_two() + recovery.next_power_of_two()) as u64 * len;
        if needed > memory {
            return Err(Error::MemoryLimit { needed, limit: memory });
        }
        let mut decoder = ReedSolomonDecoder::new(count, recovery, len as usize).map_err(impossible)?;
        let mut shards = Shards { file: &mut *file, start: data, head };
        for (index, number) in shards.of_group(group).enumerate() {
            if wrong.binary_search(&number).is_err() {
                decoder.add_original_shard(index, shards.read(number)?).map_err(impossible)?;
            }
        }
        for index in &good[..wrong.len()] {
            let number = u64::from(group) * u64::from(head.per_group) + index;
            let shard = bytes_at(shards.file, start + head.shards().start + number * len, len)?;
            decoder.add_recovery_shard(*index as usize, shard).map_err(impossible)?;
        }
        let restored = decoder.decode().map_err(impossible)?;
        for (index, right) in restored.restored_original_iter() {
            let place = place(u64::from(group) + index as u64 * u64::from(head.groups));
            let right = &right[..(place.end - place.start) as usize];
            let found = bytes_at(file, place.start, right.len() as u64)?;
            let differs = |(found, right): (&u8, &u8)| found != right;
            // Where nothing differs, the table was damaged.
            if let Some(first) = found.iter().zip(right).position(differs) {
                let last = found.iter().zip(right).rposition(differs).unwrap_or(first);
                push(&mut self.damaged, place.start + first as u64..place.start + last as u64 + 1);
                self.patches.insert(place.start, right.to_vec());
            }
        }
        Ok(())
    }
}

/// Checks an archive by its recovery data, and mends what can be mended; `memory` is the most bytes of
/// memory that may be taken for mended shards. The file stays as it is.
///
/// An archive without recovery data, or one whose recovery data can't be found, has nothing to mend.
///
/// # Errors
///
/// [`Error::Input`] where the file can't be read; [`Error::MemoryLimit`].
pub fn mend(file: &mut (impl Read + Seek), memory: u64) -> Result<Mending, Error> {
    let mut mending = Mending::default();
    for part in find(file)? {
        mending.take(file, part, memory)?;
    }
    for ranges in [&mut mending.damaged, &mut mending.lost, &mut mending.recovery] {
        ranges.sort_by_key(|range| range.start);
    }
    Ok(mending)
}

/// Finds the recovery parts of an archive, in order.
fn find(file: &mut (impl Read + Seek)) -> Result<Vec<Part>, Error> {
    let mut end = file.seek(SeekFrom::End(0)).map_err(Error::Input)?;
    let mut parts = Vec::new();
    // Each part says where what it protects begins.
    while let Some((start, head)) = recovery_before(file, end)? {
        let len = end - start;
        end = start - head.covered;
        parts.push(Part { start, len, head });
    }
    let pieces = match list_until(file, end) {
        Err(ArchiveError::Io(error)) => return Err(Error::Input(error)),
        pieces => pieces.unwrap_or_default(),
    };
    let mut before: Vec<Part> = Vec::new();
    for piece in pieces {
        let protected = before.last().map_or(0, |part| part.start + part.len);
        if let PieceKind::Recovery(head) = piece.kind
            && piece.start.checked_sub(head.covered).is_some_and(|data| data >= protected)
        {
            before.push(Part { start: piece.start, len: piece.len, head });
        }
    }
    before.extend(parts.into_iter().rev());
    Ok(before)
}

/// Both tables of checksums of a part; where one is cut off, the other is used alone.
struct Tables([Vec<u8>; 2]);

impl Tables {
    fn read(file: &mut (impl Read + Seek), part: &Part) -> Result<Self, Error> {
        let [first, second] = part.head.tables();
        let mut read = |place: Range<u64>| {
            let len = part.len.min(place.end).saturating_sub(place.start);
            bytes_at(file, part.start + place.start, len)
        };
        Ok(Tables([read(first)?, read(second)?]))
    }

    /// Returns true if a shard has this checksum by either table.
    fn has(&self, number: u64, crc: u32) -> bool {
        let at = 4 * number as usize;
        self.0.iter().any(|table| table.get(at..at + 4) == Some(&crc.to_le_bytes()))
    }

    /// Checks the tables and those recovery shards that are there, and takes note of damage; returns
    /// which of these shards are intact.
    fn check(
        &self,
        file: &mut (impl Read + Seek),
        part: &Part,
        damage: &mut Vec<Range<u64>>,
    ) -> Result<Vec<bool>, Error> {
        let Part { start, len, head } = part;
        let place = head.shards();
        let there = place.end.min(*len).saturating_sub(place.start) / head.shard_len();
        let mut good = Vec::new();
        for number in 0..there {
            let at = start + place.start + number * head.shard_len();
            let shard = bytes_at(file, at, head.shard_len())?;
            good.push(self.has(head.data_shards() + number, crc32::hash(&shard)));
            if good.last() == Some(&false) {
                push(damage, at..at + head.shard_len());
            }
        }
        let [first, second] = &self.0;
        let places = head.tables();
        for ((at, one), other) in (0..).step_by(4).zip(first.chunks(4)).zip(second.chunks(4)) {
            if one != other {
                // Which of them is damaged is not told.
                push(damage, start + places[0].start + at..start + places[0].start + at + 4);
            }
        }
        Ok(good)
    }
}

/// Adds a range, joined to the last one if it follows on it.
fn push(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

fn copy(file: &mut (impl Read + Seek), at: u64, len: u64, output: &mut impl Write) -> Result<(), Error> {
    file.seek(SeekFrom::Start(at)).map_err(Error::Input)?;
    let mut input = io::BufReader::with_capacity(1 << 16, file.take(len));
    loop {
        let bytes = io::BufRead::fill_buf(&mut input).map_err(Error::Input)?;
        if bytes.is_empty() {
            return Ok(());
        }
        output.write_all(bytes).map_err(Error::Output)?;
        let len = bytes.len();
        io::BufRead::consume(&mut input, len);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::numerics::generator::random_u64;
    use crate::{Level, compress};

    /// An archive of noise, and a recovery part of it whose head claims very much and which is cut short.
    fn claiming(raw: usize, shard_bits: u8, per_group: u32, groups: impl Fn(u64) -> u32) -> (Vec<u8>, RecoveryHead) {
        let noise: Vec<u8> = (0..raw as u64 / 8).flat_map(|i| random_u64(1, i).to_le_bytes()).collect();
        let archive = compress(&noise, Level::FASTEST).unwrap();
        let covered = archive.len() as u64;
        let groups = groups(covered.div_ceil(1 << shard_bits));
        let head = RecoveryHead { percent: 100, shard_bits, covered, groups, per_group, hash: 0 };
        (archive, head)
    }

    #[test]
    fn memory_is_taken_for_shards_that_are_there() {
        // 2^32 recovery shards, of which none follows.
        let (mut file, head) = claiming(8 << 20, 6, 1 << 15, |shards| shards as u32);
        let len = file.len() as u64;
        assert!(head.recovery_shards() > 1 << 32);
        (0..3).for_each(|number| file.extend(head.to_bytes(number)));
        let mending = mend(&mut Cursor::new(file), 1 << 30).unwrap();
        assert_eq!((mending.damaged(), mending.lost()), (&[][..], std::slice::from_ref(&(0..len))));
    }

    #[test]
    fn a_code_that_needs_too_much_memory_is_refused() {
        // 2^15 recovery shards of 64 KiB, of which one follows.
        let (mut file, head) = claiming(100_000, 16, 1 << 15, |_| 1);
        let shard = vec![7; head.shard_len() as usize];
        let mut table = vec![0; head.table_len() as usize];
        let good = file[1 << 16..].iter().copied().chain(std::iter::repeat(0)).take(1 << 16).collect::<Vec<_>>();
        for (number, bytes) in [(1, &good), (head.data_shards() as usize, &shard)] {
            table[4 * number..][..4].copy_from_slice(&crc32::hash(bytes).to_le_bytes());
        }
        (0..3).for_each(|number| file.extend(head.to_bytes(number)));
        file.extend(table);
        file.extend(shard);
        let error = mend(&mut Cursor::new(file), 1 << 30).unwrap_err();
        assert!(matches!(error, Error::MemoryLimit { needed, limit } if needed > limit), "{error}");
    }
}
