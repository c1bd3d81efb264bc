//! Finds noise that occurs twice: the second time it is a match, so the model must see both.

use std::ops::Range;

/// Equal bytes that count as a repetition: with noise this is no chance.
const LEAST_MATCH: usize = 32;
/// log2 of the most remembered positions, one in [`LEAST_MATCH`]: those of the last 32 MiB.
const MOST_REMEMBERED: u32 = 20;

/// Returns spans from the first to the last of repeated parts within `chunks`, which are in order.
pub fn find_repeats(raw: &[u8], chunks: &[Range<usize>]) -> Vec<Range<usize>> {
    let bytes: usize = chunks.iter().map(Range::len).sum();
    let bits = (bytes / LEAST_MATCH).next_power_of_two().ilog2().clamp(1, MOST_REMEMBERED);
    // Positions by the hash of the bytes there, plus 1; 0 for none.
    let mut table = vec![0u32; 1 << bits];
    let mut spans: Vec<Range<usize>> = Vec::new();
    for at in chunks.iter().cloned().flatten() {
        let Some(next) = raw.get(at..at + LEAST_MATCH) else { break };
        let key = next.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let slot = &mut table[(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize];
        if let Some(before) = slot.checked_sub(1).map(|before| before as usize)
            && raw[before..before + LEAST_MATCH] == *next
        {
            add(&mut spans, before..at + LEAST_MATCH);
        }
        if at % LEAST_MATCH == 0 {
            *slot = at as u32 + 1;
        }
    }
    spans
}

/// Adds a span that ends behind all others; joins those that it meets.
fn add(spans: &mut Vec<Range<usize>>, mut span: Range<usize>) {
    while let Some(last) = spans.pop_if(|last| last.end >= span.start) {
        span.start = span.start.min(last.start);
    }
    spans.push(span);
}
