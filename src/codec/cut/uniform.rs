//! Pearson's chi-squared test: whether bytes, and pairs of bytes, occur equally often.

/// The most standard deviations from the mean that count as chance.
const MOST_DEVIATIONS: u64 = 8;

/// True if `n` events have fallen into cells of equal probability, as far as their counts tell.
/// Counts that are more even than chance makes them are refused too: counters have those.
///
/// With k cells, chi-squared is k · (sum of squared counts) / n − n; its mean is k − 1 and its
/// variance 2 · (k − 1) (Pearson 1900).
pub fn is_uniform(counts: &[u32], n: usize) -> bool {
    let (cells, n) = (counts.len() as u128, n as u128);
    let squares: u128 = counts.iter().map(|&count| u128::from(count) * u128::from(count)).sum();
    let mean = (cells - 1) * n;
    let spread = u128::from((MOST_DEVIATIONS * MOST_DEVIATIONS * 2 * (cells as u64 - 1)).isqrt());
    (cells * squares - n * n).abs_diff(mean) <= spread * n
}

/// Counts the bytes.
pub fn byte_counts(bytes: &[u8]) -> [u32; 256] {
    let mut counts = [0; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    counts
}

/// True if pairs of bytes at a distance occur equally often.
pub fn pairs_are_uniform(bytes: &[u8], distance: usize) -> bool {
    let mut counts = vec![0; 1 << 16];
    let pairs = bytes.iter().zip(&bytes[distance..]);
    let n = pairs.len();
    pairs.for_each(|(&a, &b)| counts[usize::from(a) << 8 | usize::from(b)] += 1);
    is_uniform(&counts, n)
}
