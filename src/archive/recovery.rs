//! The head of a recovery part: what the part protects, and how it is laid out.
//!
//! A recovery part is three copies of the head, the table of checksums, the recovery shards, the
//! table again, and three more copies of the head. docs/FORMAT.md defines it.

use std::io::Read;
use std::ops::Range;

use super::{ArchiveError, fields};
use crate::crc32;

/// First bytes of a recovery part, and of each copy of its head.
pub const RECOVERY_MAGIC: [u8; 4] = *b"\x89LKR";
/// Last bytes of a recovery part, and of each copy of its head.
const END_MAGIC: [u8; 4] = *b"RKL\x89";
/// The number of copies of the head: one more than the damaged bytes that are always mended.
pub const HEAD_COPIES: u8 = 6;
/// The number of copies at the front of the part; the others are at its end.
const FRONT_COPIES: u8 = 3;
/// The version of the recovery part that this crate writes and reads.
const VERSION: u8 = 1;
/// The most shards of a group, data and recovery: the field of the code has 2^16 elements.
const MOST_SHARDS: u64 = 1 << 15;

/// The head of a recovery part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryHead {
    /// The recovery data that was asked for, in per cent of the data, 1..=100.
    pub percent: u8,
    /// log2 of the bytes of a shard, 6..=16.
    pub shard_bits: u8,
    /// Bytes before the part that it protects, at least 1.
    pub covered: u64,
    /// The number of groups that shards of data are dealt to in turn.
    pub groups: u32,
    /// The number of recovery shards of each group.
    pub per_group: u32,
    /// XXH3-64 of the bytes that the part protects.
    pub hash: u64,
}

impl RecoveryHead {
    /// Bytes of a copy of the head.
    pub const LEN: u64 = 48;

    /// Bytes of a shard.
    pub fn shard_len(&self) -> u64 {
        1 << self.shard_bits
    }

    /// The number of shards of data; the last one is filled up with zeros.
    pub fn data_shards(&self) -> u64 {
        self.covered.div_ceil(self.shard_len())
    }

    /// The number of recovery shards of all groups.
    pub fn recovery_shards(&self) -> u64 {
        u64::from(self.groups) * u64::from(self.per_group)
    }

    /// The number of shards of data of a group.
    pub fn group_shards(&self, group: u32) -> u64 {
        (self.data_shards() - u64::from(group)).div_ceil(self.groups.into())
    }

    /// Bytes of a table: a CRC-32 for each shard of data and each recovery shard.
    pub fn table_len(&self) -> u64 {
        4 * (self.data_shards() + self.recovery_shards())
    }

    /// The places in the part of the copies of the head.
    pub fn heads(&self) -> [u64; HEAD_COPIES as usize] {
        std::array::from_fn(|number| match number as u8 {
            number @ ..FRONT_COPIES => Self::LEN * u64::from(number),
            number => self.part_len() - Self::LEN * u64::from(HEAD_COPIES - number),
        })
    }

    /// The places in the part of both tables.
    pub fn tables(&self) -> [Range<u64>; 2] {
        let (heads, len) = (Self::LEN * u64::from(FRONT_COPIES), self.table_len());
        let second = self.part_len() - Self::LEN * u64::from(HEAD_COPIES - FRONT_COPIES) - len;
        [heads..heads + len, second..second + len]
    }

    /// The place in the part of the recovery shards.
    pub fn shards(&self) -> Range<u64> {
        let [first, second] = self.tables();
        first.end..second.start
    }

    /// Bytes of the whole part.
    pub fn part_len(&self) -> u64 {
        Self::LEN * u64::from(HEAD_COPIES) + 2 * self.table_len() + self.recovery_shards() * self.shard_len()
    }

    /// Returns the bytes of a copy of the head, the first one being number 0.
    pub fn to_bytes(&self, number: u8) -> Vec<u8> {
        let mut bytes = RECOVERY_MAGIC.to_vec();
        bytes.extend_from_slice(&[VERSION, number, self.percent, self.shard_bits]);
        bytes.extend_from_slice(&self.covered.to_le_bytes());
        bytes.extend_from_slice(&self.part_len().to_le_bytes());
        bytes.extend_from_slice(&self.groups.to_le_bytes());
        bytes.extend_from_slice(&self.per_group.to_le_bytes());
        bytes.extend_from_slice(&self.hash.to_le_bytes());
        bytes.extend_from_slice(&crc32::hash(&bytes).to_le_bytes());
        bytes.extend_from_slice(&END_MAGIC);
        bytes
    }

    /// Parses a copy of the head; returns it with its place in the part. `None` if it is damaged, or
    /// of another version.
    pub fn parse(bytes: &[u8]) -> Option<(Self, u64)> {
        let input: &mut &[u8] = &mut bytes.get(4..)?;
        let [version, number, percent, shard_bits] = fields::array(input).ok()?;
        let (covered, _len) = (fields::u64(input).ok()?, fields::u64(input).ok()?);
        let (groups, per_group) = (fields::u32(input).ok()?, fields::u32(input).ok()?);
        let head = RecoveryHead { percent, shard_bits, covered, groups, per_group, hash: fields::u64(input).ok()? };
        let possible = version == VERSION
            && number < HEAD_COPIES
            && (1..=100).contains(&percent)
            && (6..=16).contains(&shard_bits)
            && (1..1 << 62).contains(&covered)
            && (1..=head.data_shards()).contains(&groups.into())
            && (1..=MOST_SHARDS).contains(&per_group.into())
            && head.group_shards(0) <= MOST_SHARDS;
        // All other fields follow from these.
        let place = (possible && head.to_bytes(number) == bytes).then(|| head.heads()[usize::from(number)])?;
        Some((head, place))
    }

    /// Reads the copies at the front of a part after its magic, and passes over the rest of it.
    pub fn skip_after_magic(input: &mut dyn Read) -> Result<(), ArchiveError> {
        let mut front = RECOVERY_MAGIC.to_vec();
        front.extend(fields::at_most(input, Self::LEN * u64::from(FRONT_COPIES) - 4)?);
        let copies = front.chunks(Self::LEN as usize);
        let Some((head, _)) = copies.filter_map(Self::parse).next() else {
            return Err(ArchiveError::corrupt("the recovery data is damaged"));
        };
        let rest = head.part_len() - front.len() as u64;
        if std::io::copy(&mut input.take(rest), &mut std::io::sink())? == rest {
            Ok(())
        } else {
            Err(ArchiveError::Truncated)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> RecoveryHead {
        RecoveryHead { percent: 5, shard_bits: 7, covered: 10_000, groups: 2, per_group: 6, hash: 99 }
    }

    #[test]
    fn every_copy_tells_where_it_lies() {
        for (number, place) in head().heads().into_iter().enumerate() {
            let bytes = head().to_bytes(number as u8);
            assert_eq!(bytes.len() as u64, RecoveryHead::LEN);
            assert_eq!(RecoveryHead::parse(&bytes), Some((head(), place)));
        }
        assert_eq!(head().heads()[5] + RecoveryHead::LEN, head().part_len());
        assert_eq!((head().group_shards(0), head().group_shards(1)), (40, 39));
    }

    #[test]
    fn every_changed_byte_of_a_head_is_noticed() {
        let bytes = head().to_bytes(1);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(RecoveryHead::parse(&damaged), None, "byte {at}");
            assert_eq!(RecoveryHead::parse(&bytes[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn a_part_is_passed_over_by_any_copy_at_its_front() {
        let mut part = vec![7; head().part_len() as usize];
        let [.., last, _, _, _] = head().heads();
        part[last as usize..][..RecoveryHead::LEN as usize].copy_from_slice(&head().to_bytes(2));
        part.extend(b"rest");
        let mut input = &part[4..];
        RecoveryHead::skip_after_magic(&mut input).unwrap();
        assert_eq!(input, b"rest");
        assert!(RecoveryHead::skip_after_magic(&mut &part[4..part.len() - 5]).is_err());
        assert!(RecoveryHead::skip_after_magic(&mut &vec![7; part.len()][..]).is_err());
    }
}
