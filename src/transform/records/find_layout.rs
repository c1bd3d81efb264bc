//! Finds the layout of a table: the length of its records, and the numbers that change little.

use super::fields::{Field, LONGEST_RECORD, Layout};

/// Bytes of a block that are examined.
const SAMPLE: usize = 64 << 10;
/// The smallest number of records in a table.
const LEAST_RECORDS: usize = 64;
/// The number of record lengths that are tried.
const TRIED: usize = 4;

/// An amount of information in bits, Q8.
type Bits = u64;

/// Returns the logarithm of a number above 0, linear between powers of two.
fn log2(n: u32) -> Bits {
    let whole = n.ilog2();
    u64::from(whole << 8) + (u64::from(n) << 8 >> whole) - 256
}

/// Returns the order-0 information of bytes with the given counts.
fn information(counts: &[u32; 256]) -> Bits {
    let all: u32 = counts.iter().sum();
    let of = |n: u32| if n == 0 { 0 } else { u64::from(n) * log2(n) };
    of(all).saturating_sub(counts.iter().map(|&n| of(n)).sum())
}

/// Returns how much information a field's bytes lose, each counted separately, when the field
/// is replaced by differences.
fn saving(sample: &[u8], record_len: usize, at: usize, field: Field) -> Bits {
    let mut counts = [[[0; 256]; 8]; 2];
    let mut before = 0;
    for record in sample.chunks_exact(record_len) {
        let number = field.read(&record[at..]);
        for (counts, number) in counts.iter_mut().zip([number, number.wrapping_sub(before)]) {
            for (counts, byte) in counts.iter_mut().zip(number.to_le_bytes()) {
                counts[usize::from(byte)] += 1;
            }
        }
        before = number;
    }
    let [raw, differences] = counts.map(|counts| counts[..field.width()].iter().map(information).sum::<Bits>());
    raw.saturating_sub(differences)
}

/// Chooses the fields of records of a given length; returns the information they save, too.
fn fields(sample: &[u8], record_len: usize) -> (Bits, Vec<Field>) {
    let least = (sample.len() / record_len) as Bits * 128; // half a bit per record
    let (mut at, mut saved, mut fields) = (0, 0, Vec::new());
    while at < record_len {
        let fitting = Field::NUMBERS.into_iter().filter(|field| at + field.width() <= record_len);
        let savings = fitting.map(|field| (saving(sample, record_len, at, field), field));
        let best = savings.filter(|&(saving, _)| saving > least).max_by_key(|&(saving, _)| saving);
        let (saving, field) = best.unwrap_or((0, Field::Byte));
        saved += saving;
        at += field.width();
        fields.push(field);
    }
    (saved, fields)
}

/// Returns the record lengths at which most bytes repeat, the shortest first.
fn record_lens(sample: &[u8]) -> Vec<usize> {
    let equal = |len: &usize| sample.iter().zip(&sample[*len..]).filter(|(a, b)| a == b).count();
    let mut lens: Vec<usize> = (2..=LONGEST_RECORD.min(sample.len() / LEAST_RECORDS)).collect();
    lens.sort_by_cached_key(|len| std::cmp::Reverse(equal(len)));
    lens.truncate(TRIED);
    lens.sort();
    lens
}

/// Returns the layout of the records if the block looks like a table that gains from differences.
pub fn find_layout(raw: &[u8]) -> Option<Layout> {
    let middle = raw.len().saturating_sub(SAMPLE) / 2;
    let (mut best, mut layout) = (raw.len().min(SAMPLE) as Bits * 32, None); // an eighth of a bit per byte
    for len in record_lens(&raw[middle..raw.len().min(middle + SAMPLE)]) {
        let start = middle / len * len;
        let (saved, fields) = fields(&raw[start..raw.len().min(start + SAMPLE)], len);
        // Multiples of the true length seem to save slightly more, so require a clear gain.
        if saved > best + best / 16 {
            (best, layout) = (saved, Some(Layout::new(fields)));
        }
    }
    layout
}
