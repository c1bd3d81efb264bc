//! Finds where the statistics of bytes change.
//!
//! Binary segmentation (Scott and Knott 1974): a part is split where two codes of order 0 instead of
//! one save most, as long as that is much (the principle of minimum description length, Rissanen
//! 1978); then its two parts are split in the same way.

use std::ops::Range;

use super::uniform::byte_counts;

/// The fewest bytes between two changes.
pub const LEAST_PART: usize = 16 << 10;
/// Bytes whose counts are taken together, but in blocks with more than [`MOST_CHUNKS`] of them.
const CHUNK: usize = 4 << 10;
const MOST_CHUNKS: usize = 4096;
/// The least bits that a split saves for each byte of the shorter part, Q16: chapters of a text
/// differ by less, kinds of data by more.
const LEAST_SAVING: u64 = 1 << 14;

/// Returns the positions in `raw` where its statistics change, in order.
pub fn find_changes(raw: &[u8]) -> Vec<usize> {
    let chunk = CHUNK.max(raw.len().div_ceil(MOST_CHUNKS));
    if raw.len() < 2 * LEAST_PART {
        return Vec::new();
    }
    let information = Information::new();
    let counts: Vec<[u32; 256]> = raw.chunks(chunk).map(byte_counts).collect();
    let (mut parts, mut changes) = (vec![0..counts.len()], Vec::new());
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

/// Returns the number of the chunk before which a split saves most, if it saves enough.
fn best_split(chunks: &[[u32; 256]], chunk: usize, information: &Information) -> Option<usize> {
    // At least three chunks, because a change moves by up to one to its exact place.
    let least = LEAST_PART.div_ceil(chunk).max(3);
    let mut parts = [[0; 256], sum(chunks)];
    // The sum of n · log2(n) over the counts of each part.
    let mut sums = parts.map(|counts| counts.iter().map(|&n| information.of(n)).sum::<u64>());
    let whole = sums[1];
    let all: u32 = parts[1].iter().sum();
    let (mut left, mut best) = (0, None);
    for (i, counts) in chunks.iter().enumerate() {
        if i >= least && i + least <= chunks.len() {
            let lengths = [left, all - left];
            let before = information.of(all) - whole;
            let after = lengths.map(|n| information.of(n)).iter().sum::<u64>() - sums[0] - sums[1];
            let shorter = lengths[0].min(lengths[1]);
            let saved = before.saturating_sub(after);
            if saved > u64::from(shorter) * LEAST_SAVING && best.is_none_or(|(most, _)| saved > most) {
                best = Some((saved, i));
            }
        }
        for (byte, &n) in counts.iter().enumerate().filter(|&(_, &n)| n > 0) {
            left += n;
            for (part, change) in [(0, n), (1, n.wrapping_neg())] {
                let count = &mut parts[part][byte];
                let old = information.of(*count);
                *count = count.wrapping_add(change);
                sums[part] = sums[part] - old + information.of(*count);
            }
        }
    }
    best.map(|(_, i)| i)
}

fn sum(chunks: &[[u32; 256]]) -> [u32; 256] {
    let mut sum = [0; 256];
    chunks.iter().for_each(|counts| sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n));
    sum
}

/// Returns the bytes before which the chunks' changes lie: within a chunk of each, where the code of
/// what is before it and the code of what follows it are shortest together.
fn exact(raw: &[u8], chunk: usize, changes: &[usize], information: &Information) -> Vec<usize> {
    let edge = |i: usize| changes.get(i).map_or(raw.len(), |change| change * chunk);
    let starts = std::iter::once(0).chain((0..changes.len()).map(edge));
    let parts: Vec<Range<usize>> = starts.enumerate().map(|(i, start)| start..edge(i)).collect();
    let pairs = parts.windows(2);
    pairs
        .map(|pair| {
            let [left, right] = [0, 1].map(|i| information.costs(&byte_counts(&raw[pair[i].clone()])));
            let near = pair[0].end - chunk..pair[1].end.min(pair[1].start + chunk);
            // What it costs that the bytes up to a position belong to the left part.
            let cost = near.clone().scan(0i64, |cost, at| {
                let byte = usize::from(raw[at]);
                *cost += i64::from(left[byte]) - i64::from(right[byte]);
                Some((*cost, at + 1))
            });
            cost.chain([(0, near.start)]).min().map_or(pair[1].start, |(_, at)| at)
        })
        .collect()
}

/// Fraction bits of logarithms.
const FRACTION: u32 = 16;
/// log2 of the intervals between powers of two whose logarithms are in the table.
const INTERVALS: u32 = 10;

/// Logarithms to base 2, Q16, from a table made by squaring, interpolated between its entries.
struct Information([u32; (1 << INTERVALS) + 1]);

impl Information {
    fn new() -> Self {
        Information(std::array::from_fn(|i| {
            // 1 to 2, Q32: its square is above 2 if the next bit of its logarithm is 1.
            let mut number = (1u128 << 32) + ((i as u128) << (32 - INTERVALS));
            let whole = (number >> 33) as u32;
            number >>= whole;
            (0..FRACTION).fold(whole, |log, _| {
                number = number * number >> 32;
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
        (u64::from(whole) << FRACTION) + low + ((high - low) * rest >> (31 - INTERVALS))
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
