//! Finds where the statistics of bytes change.
//!
//! Binary segmentation (Scott and Knott 1974): a part is split where two codes instead of one save
//! most, as long as that is much (the principle of minimum description length, Rissanen 1978); then
//! its two parts are split in the same way. Codes are of order 0, one for the bytes and one for the
//! distances to their last occurrences (interval coding, Elias 1987), in which records and pixels of
//! different lengths differ.

use std::iter;
use std::ops::Range;

use super::uniform::byte_counts;

/// Counts of bytes, then of classes of distances.
type Counts = [u32; BYTES + DISTANCES];
const BYTES: usize = 256;
/// Distances below 64 have a class each, longer ones one for each power of two.
const DISTANCES: usize = 64 + 26;

/// The fewest bytes between two changes.
pub const LEAST_PART: usize = 16 << 10;
/// Bytes whose counts are taken together, but in blocks with more than [`MOST_CHUNKS`] of them.
const CHUNK: usize = 4 << 10;
const MOST_CHUNKS: usize = 4096;
/// The least bits that a split saves for each byte of the shorter part, Q16: chapters of a text
/// differ by less, kinds of data by more.
const LEAST_SAVING: u64 = 3 << 13;

/// Returns the positions in `raw` where its statistics change, in order.
pub fn find_changes(raw: &[u8]) -> Vec<usize> {
    let chunk = CHUNK.max(raw.len().div_ceil(MOST_CHUNKS));
    if raw.len() < 2 * LEAST_PART {
        return Vec::new();
    }
    let information = Information::new();
    let counts = count(raw, chunk);
    let mut parts: Vec<Range<usize>> = iter::once(0..counts.len()).collect();
    let mut changes = Vec::new();
    while let Some(part) = parts.pop() {
        if let Some(split) = best_split(&counts[part.clone()], chunk, &information) {
            let split = part.start + split;
            changes.push(split);
            parts.extend([part.start..split, split..part.end]);
        }
    }
    changes.sort_unstable();
    exact(raw, chunk, &changes, &information)
}

/// Counts the bytes and the distances of each chunk.
fn count(raw: &[u8], chunk: usize) -> Vec<Counts> {
    let mut last = [0; BYTES];
    let mut at = 0;
    let count = |chunk: &[u8]| {
        let mut counts = [0; BYTES + DISTANCES];
        for &byte in chunk {
            at += 1;
            let distance: usize = at - std::mem::replace(&mut last[usize::from(byte)], at);
            let class = if distance < 64 { distance } else { 58 + distance.ilog2() as usize };
            counts[usize::from(byte)] += 1;
            counts[BYTES + class] += 1;
        }
        counts
    };
    raw.chunks(chunk).map(count).collect()
}

/// Returns the number of the chunk before which a split saves most, if it saves enough.
fn best_split(chunks: &[Counts], chunk: usize, information: &Information) -> Option<usize> {
    // At least three chunks, because a change moves by up to one to its exact place.
    let least = LEAST_PART.div_ceil(chunk).max(3);
    let mut parts = [[0; BYTES + DISTANCES], sum(chunks)];
    // The sum of n · log2(n) over the counts of each part.
    let mut sums = parts.map(|counts| counts.iter().map(|&n| information.of(n)).sum::<u64>());
    let whole = sums[1];
    let len = |counts: &Counts| counts[..BYTES].iter().sum::<u32>();
    let all = len(&parts[1]);
    let mut best = None;
    for (i, counts) in chunks.iter().enumerate() {
        if i >= least && i + least <= chunks.len() {
            let left = len(&parts[0]);
            let lengths = [left, all - left];
            // A code of n symbols takes n · log2(n) less the sum; there are two codes.
            let before = 2 * information.of(all) - whole;
            let after = lengths.map(|n| 2 * information.of(n)).iter().sum::<u64>() - sums[0] - sums[1];
            let shorter = lengths[0].min(lengths[1]);
            let saved = before.saturating_sub(after);
            if saved > u64::from(shorter) * LEAST_SAVING && best.is_none_or(|(most, _)| saved > most) {
                best = Some((saved, i));
            }
        }
        for (symbol, &n) in counts.iter().enumerate().filter(|&(_, &n)| n > 0) {
            for (part, change) in [(0, n), (1, n.wrapping_neg())] {
                let count = &mut parts[part][symbol];
                let old = information.of(*count);
                *count = count.wrapping_add(change);
                sums[part] = sums[part] - old + information.of(*count);
            }
        }
    }
    best.map(|(_, i)| i)
}

fn sum(chunks: &[Counts]) -> Counts {
    let mut sum = [0; BYTES + DISTANCES];
    chunks.iter().for_each(|counts| sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n));
    sum
}

/// Returns the exact places of the chunks' changes.
fn exact(raw: &[u8], chunk: usize, changes: &[usize], information: &Information) -> Vec<usize> {
    let edge = |i: usize| changes.get(i).map_or(raw.len(), |change| change * chunk);
    let starts = iter::once(0).chain((0..changes.len()).map(edge));
    let parts: Vec<Range<usize>> = starts.enumerate().map(|(i, start)| start..edge(i)).collect();
    let places = parts.windows(2).map(|pair| {
        let near = pair[0].end - chunk..pair[1].end.min(pair[1].start + chunk);
        exact_edge(raw, [pair[0].clone(), pair[1].clone()], near, information)
    });
    places.collect()
}

/// Returns the position `near` an edge between two parts where the bytes before it, in a code for the
/// left part, and those after it, in a code for the right one, are shortest together.
pub fn exact_edge(raw: &[u8], parts: [Range<usize>; 2], near: Range<usize>, information: &Information) -> usize {
    let [left, right] = parts.map(|part| information.costs(&byte_counts(&raw[part])));
    // What it costs more that the bytes up to a position belong to the left part.
    let costs = near.clone().scan(0, |cost, at| {
        let byte = usize::from(raw[at]);
        *cost += i64::from(left[byte]) - i64::from(right[byte]);
        Some((*cost, at + 1))
    });
    costs.chain([(0, near.start)]).min().map_or(near.start, |(_, at)| at)
}

/// Fraction bits of logarithms.
const FRACTION: u32 = 16;
/// log2 of the intervals between powers of two whose logarithms are in the table.
const INTERVALS: u32 = 10;

/// Logarithms to base 2, Q16, from a table made by squaring, interpolated between its entries.
pub struct Information([u32; (1 << INTERVALS) + 1]);

impl Information {
    /// Makes the table.
    pub fn new() -> Self {
        Information(std::array::from_fn(|i| {
            // 1 to 2, Q32: its square is above 2 if the next bit of its logarithm is 1.
            let mut number = (1u128 << 32) + ((i as u128) << (32 - INTERVALS));
            let whole = (number >> 33) as u32;
            number >>= whole;
            (0..FRACTION).fold(whole, |log, _| {
                number = (number * number) >> 32;
                let bit = (number >> 33) as u32;
                number >>= bit;
                log << 1 | bit
            })
        }))
    }

    /// Returns log2(n), 0 for 0.
    fn log2(&self, n: u32) -> u64 {
        let whole = n.max(1).ilog2();
        let mantissa = u64::from(n.max(1)) << (31 - whole) & 0x7fff_ffff;
        let (interval, rest) = ((mantissa >> (31 - INTERVALS)) as usize, mantissa & ((1 << (31 - INTERVALS)) - 1));
        let [low, high] = [self.0[interval], self.0[interval + 1]].map(u64::from);
        (u64::from(whole) << FRACTION) + low + (((high - low) * rest) >> (31 - INTERVALS))
    }

    /// Returns n · log2(n).
    fn of(&self, n: u32) -> u64 {
        u64::from(n) * self.log2(n)
    }

    /// Returns the bits, Q16, that each byte takes in a code for these counts.
    fn costs(&self, counts: &[u32; 256]) -> [u32; 256] {
        let all: u32 = counts.iter().sum::<u32>() + 256;
        counts.map(|n| (self.log2(all) - self.log2(n + 1)) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_close() {
        let information = Information::new();
        for n in (1..5000).chain([1 << 20, (1 << 30) - 1, 1 << 30, u32::MAX]) {
            let exact = f64::from(n).log2();
            assert!((information.log2(n) as f64 / 65536.0 - exact).abs() < 1e-4, "{n}");
        }
    }
}
