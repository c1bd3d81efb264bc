//! Finds noise: encrypted or well compressed bytes, which no model can shorten.
//!
//! Noise must pass every test: bytes, and pairs of bytes at small distances, occur equally often; no
//! part of it occurs twice; and a trial on a sample does not make it shorter. JPEG and deflate, from
//! which mixing gains a little, fail the first.

use std::ops::Range;

use super::changes::{Information, exact_edge};
use super::repeats::find_repeats;
use super::uniform::{byte_counts, is_uniform, pairs_are_uniform};
use super::{Kind, meets};
use crate::codec::trial;
use crate::engine::EngineError;
use crate::model::ModelConfig;

/// Bytes that are tested at a time.
const CHUNK: usize = 4 << 10;
/// The fewest bytes of noise.
pub const LEAST_NOISE: usize = 32 << 10;
/// The distances of pairs that are tested.
const DISTANCES: [usize; 4] = [1, 2, 3, 4];
/// Bytes of each of the three parts of a sample.
const SAMPLE_PART: usize = 8 << 10;

/// The noise of a block.
pub struct Noise {
    /// The noise, each with its trial.
    pub found: Vec<(Range<usize>, Kind)>,
    /// Spans that hold noise twice: they are to stay whole.
    pub repeats: Vec<Range<usize>>,
}

/// Finds the noise of a block outside its runs.
pub async fn find_noise(raw: &[u8], runs: &[Range<usize>], model: &ModelConfig) -> Result<Noise, EngineError> {
    let mut chunks = even_chunks(raw, runs);
    let repeats = find_repeats(raw, &chunks);
    chunks.retain(|chunk| !meets(&repeats, chunk));
    let information = Information::new();
    let mut found = Vec::new();
    for range in joined(&chunks).into_iter().filter(|range| range.len() >= LEAST_NOISE) {
        let bytes = &raw[range.clone()];
        let is_even = is_uniform(&byte_counts(bytes), bytes.len());
        if !is_even || !DISTANCES.iter().all(|&distance| pairs_are_uniform(bytes, distance)) {
            continue;
        }
        let sample = sample(bytes);
        let coded = trial::coded_len(&sample, None, model).await?;
        if coded >= sample.len() {
            let range = whole(raw, range, [runs, &repeats], &information);
            found.push((range, Kind::Noise { sample: sample.len(), coded }));
        }
    }
    Ok(Noise { found, repeats })
}

/// Returns noise with the noise of the chunks beside it, as far as `others` are not in them.
fn whole(raw: &[u8], noise: Range<usize>, others: [&[Range<usize>]; 2], information: &Information) -> Range<usize> {
    let others = || others.into_iter().flatten();
    let before = others().map(|other| other.end).filter(|&end| end <= noise.start).max().unwrap_or(0);
    let behind = others().map(|other| other.start).filter(|&start| start >= noise.end).min().unwrap_or(raw.len());
    let is_noise = |range: &Range<usize>| is_uniform(&byte_counts(&raw[range.clone()]), range.len());
    let near = before.max(noise.start.saturating_sub(CHUNK))..noise.start;
    let parts = [before.max(noise.start.saturating_sub(LEAST_NOISE))..noise.start, noise.clone()];
    let start = if is_noise(&near) { near.start } else { exact_edge(raw, parts, near, information) };
    let near = noise.end..behind.min(noise.end + CHUNK);
    let parts = [noise.clone(), noise.end..behind.min(noise.end + LEAST_NOISE)];
    let end = if is_noise(&near) { near.end } else { exact_edge(raw, parts, near, information) };
    start..end
}

/// Returns the chunks outside runs in which all bytes occur equally often, in order.
fn even_chunks(raw: &[u8], runs: &[Range<usize>]) -> Vec<Range<usize>> {
    let count = raw.len() / CHUNK;
    // The last chunk takes the rest.
    let chunk = |i| i * CHUNK..if i + 1 == count { raw.len() } else { (i + 1) * CHUNK };
    let is_even = |chunk: &Range<usize>| {
        let bytes = &raw[chunk.clone()];
        is_uniform(&byte_counts(bytes), bytes.len()) && !meets(runs, chunk)
    };
    (0..count).map(chunk).filter(is_even).collect()
}

/// Joins chunks that meet.
fn joined(chunks: &[Range<usize>]) -> Vec<Range<usize>> {
    chunks.chunk_by(|a, b| a.end == b.start).map(|chunks| chunks[0].start..chunks[chunks.len() - 1].end).collect()
}

/// Returns parts of noise: near its start, where a header may stand, from the middle, and near its end.
fn sample(noise: &[u8]) -> Vec<u8> {
    let last = noise.len() - CHUNK - SAMPLE_PART;
    [CHUNK, last / 2, last].map(|start| &noise[start..start + SAMPLE_PART]).concat()
}
