//! Makes recovery data.

use std::io::{self, Read, Seek, SeekFrom, Write};

use reed_solomon_simd::ReedSolomonEncoder;
use xxhash_rust::xxh3::Xxh3;

use super::shards::Shards;
use crate::Error;
use crate::archive::{HEAD_COPIES, PieceKind, RecoveryHead, list};
use crate::crc32;

/// log2 of the bytes of the smallest and of the largest shard.
const SHARD_BITS: (u32, u32) = (6, 12);
/// The most shards of data of a group: it takes memory as it is coded.
const GROUP: u64 = 1 << 13;
/// The least number of recovery shards of a group: a damaged byte costs at most one, and one is spare.
const LEAST: u64 = 6;

/// Writes recovery data for an archive, to be appended to it: about `percent` per cent of what it
/// protects, more for small archives. Returns the number of bytes written, 0 if nothing has followed
/// the archive's last recovery data.
///
/// It protects all bytes behind the last recovery data, or the whole archive. At most about 100 MiB of
/// memory are taken. The data is read three times.
///
/// # Errors
///
/// [`Error::RecoveryPercent`] if `percent` is not 1 to 100, [`Error::Archive`] if there is no archive,
/// [`Error::Input`] and [`Error::Output`].
pub fn protect(mut archive: impl Read + Seek, output: impl Write, percent: u8) -> Result<u64, Error> {
    if !(1..=100).contains(&percent) {
        return Err(Error::RecoveryPercent(percent));
    }
    let pieces = list(&mut archive)?;
    let end = pieces.last().map_or(0, |piece| piece.start + piece.len);
    let last = pieces.iter().rev().find(|piece| matches!(piece.kind, PieceKind::Recovery(_)));
    let start = last.map_or(0, |piece| piece.start + piece.len);
    if start == end { Ok(0) } else { protect_range(&mut archive, start, end - start, percent, output) }
}

/// Writes recovery data for `covered` bytes from `start` on, at least one.
pub(super) fn protect_range(
    file: &mut (impl Read + Seek),
    start: u64,
    covered: u64,
    percent: u8,
    mut output: impl Write,
) -> Result<u64, Error> {
    let mut head = plan(covered, percent);
    let mut table = Vec::new();
    head.hash = checksums(file, start, &head, |crc| table.extend_from_slice(&crc.to_le_bytes()))?;
    // Twice, because the table comes first and memory is not for all shards.
    encode(file, start, &head, |shard| {
        table.extend_from_slice(&crc32::hash(shard).to_le_bytes());
        Ok(())
    })?;
    let mut put = |bytes: &[u8]| output.write_all(bytes).map_err(Error::Output);
    let (front, back) = (0..HEAD_COPIES).partition::<Vec<_>, _>(|&number| number < HEAD_COPIES / 2);
    for number in front {
        put(&head.to_bytes(number))?;
    }
    put(&table)?;
    encode(file, start, &head, &mut put)?;
    put(&table)?;
    for number in back {
        put(&head.to_bytes(number))?;
    }
    output.flush().map_err(Error::Output)?;
    Ok(head.part_len())
}

/// Returns the layout for a number of bytes, without their hash: shards of about the root of it.
fn plan(covered: u64, percent: u8) -> RecoveryHead {
    let shard_bits = covered.ilog2().div_ceil(2).clamp(SHARD_BITS.0, SHARD_BITS.1);
    let shards = covered.div_ceil(1 << shard_bits);
    let groups = shards.div_ceil(GROUP);
    let per_group = (shards.div_ceil(groups) * u64::from(percent)).div_ceil(100).max(LEAST);
    RecoveryHead {
        percent,
        shard_bits: shard_bits as u8,
        covered,
        groups: groups as u32,
        per_group: per_group as u32,
        hash: 0,
    }
}

/// Gives the CRC-32 of each shard of data to `take`; returns the XXH3-64 of the data.
pub(super) fn checksums(
    file: &mut (impl Read + Seek),
    start: u64,
    head: &RecoveryHead,
    mut take: impl FnMut(u32),
) -> Result<u64, Error> {
    file.seek(SeekFrom::Start(start)).map_err(Error::Input)?;
    let mut input = io::BufReader::with_capacity(1 << 18, file.take(head.covered));
    let (mut hash, mut left) = (Xxh3::new(), head.covered);
    let mut shard = vec![0; head.shard_len() as usize];
    while left > 0 {
        let len = left.min(head.shard_len()) as usize;
        input.read_exact(&mut shard[..len]).map_err(Error::Input)?;
        shard[len..].fill(0);
        hash.update(&shard[..len]);
        take(crc32::hash(&shard));
        left -= len as u64;
    }
    Ok(hash.digest())
}

/// Gives the recovery shards to `take`, group by group.
fn encode(
    file: &mut (impl Read + Seek),
    start: u64,
    head: &RecoveryHead,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut shards = Shards { file, start, head };
    for group in 0..head.groups {
        let (count, len) = (head.group_shards(group) as usize, head.shard_len() as usize);
        let mut encoder = ReedSolomonEncoder::new(count, head.per_group as usize, len).map_err(impossible)?;
        for number in shards.of_group(group) {
            encoder.add_original_shard(shards.read(number)?).map_err(impossible)?;
        }
        let coded = encoder.encode().map_err(impossible)?;
        coded.recovery_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// An error that the layout rules out.
pub(super) fn impossible(error: reed_solomon_simd::Error) -> Error {
    Error::Input(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_data_has_small_shards_and_large_data_has_groups() {
        for (covered, shard_bits, groups) in
            [(1, 6, 1), (1000, 6, 1), (10_000, 7, 1), (1 << 20, 10, 1), (1 << 25, 12, 1), ((1 << 25) + 1, 12, 2)]
        {
            let head = plan(covered, 5);
            assert_eq!((u32::from(head.shard_bits), head.groups), (shard_bits, groups), "{covered}");
            assert!(u64::from(head.per_group) >= LEAST);
            assert!(20 * u64::from(head.per_group) >= head.group_shards(0));
            for number in 0..HEAD_COPIES {
                assert_eq!(RecoveryHead::parse(&head.to_bytes(number)).map(|(head, _)| head), Some(head.clone()));
            }
        }
        assert!((plan(1 << 30, 5).part_len() as f64) < 0.055 * f64::from(1 << 30));
    }
}
