//! Decides which changes of data are worth a cut: those where the parts gain from different
//! transforms, by more bytes than a cut costs.

use std::ops::Range;

use super::changes::find_changes;
use crate::codec::report::TransformReason;
use crate::codec::transformed::{Head, choose};
use crate::codec::trial;
use crate::engine::EngineError;
use crate::model::{ModelConfig, Raster};
use crate::transform::{Candidate, Choice, Transform, is_wave};

/// The least bytes that a transform must gain for a cut: a block takes some 45 bytes, and what
/// follows a cut is predicted worse at first.
const LEAST_GAIN: u64 = 512;

/// A part of the data, with the transform that it gains from.
struct Part {
    range: Range<usize>,
    like: Like,
}

/// What makes parts alike, so that they are not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Like {
    transform: Transform,
    /// The length of a record.
    record: u8,
    raster: Option<Raster>,
}

/// Returns the lengths of the pieces into which data is cut; they add up to its length.
pub async fn cut_data(raw: &[u8], model: &ModelConfig) -> Result<Vec<usize>, EngineError> {
    let changes = find_changes(raw);
    if changes.is_empty() {
        return Ok(vec![raw.len()]);
    }
    let starts = std::iter::once(0).chain(changes.iter().copied());
    let ends = changes.iter().copied().chain([raw.len()]);
    let mut parts = Vec::new();
    for range in starts.zip(ends).map(|(start, end)| start..end) {
        let like = gains_from(&raw[range.clone()], model).await?;
        parts.push(Part { range, like });
    }
    join_alike(&mut parts);
    join_foreign(&mut parts, raw, model).await?;
    join_alike(&mut parts);
    Ok(parts.into_iter().map(|part| part.range.len()).collect())
}

/// Joins neighbours that are alike.
fn join_alike(parts: &mut Vec<Part>) {
    parts.dedup_by(|part, before| {
        let alike = part.like == before.like;
        if alike {
            before.range.end = part.range.end;
        }
        alike
    });
}

/// Returns the transform that a part gains from.
async fn gains_from(part: &[u8], model: &ModelConfig) -> Result<Like, EngineError> {
    let (Head { transform, raster, .. }, symbols, reason) = choose(Choice::Auto, part, model).await?;
    let gains = match reason {
        TransformReason::Trial { sample, without, with, .. } => {
            without.saturating_sub(with) * part.len() as u64 / sample.max(1) >= LEAST_GAIN
        }
        _ => true,
    };
    let transform = if gains { transform } else { Transform::None };
    let record = if transform == Transform::Records { symbols[0] } else { 0 };
    Ok(Like { transform, record, raster: raster.filter(|_| gains) })
}

/// Joins a part without a transform to a neighbour with one, unless something is lost by it: then
/// there is no need to cut.
async fn join_foreign(parts: &mut Vec<Part>, raw: &[u8], model: &ModelConfig) -> Result<(), EngineError> {
    let mut i = 0;
    while i < parts.len() {
        let mut joined = false;
        for neighbour in [i.checked_sub(1), Some(i + 1)].into_iter().flatten() {
            if parts[i].like.transform != Transform::None || neighbour >= parts.len() {
                continue;
            }
            let (range, other) = (parts[i].range.clone(), &parts[neighbour]);
            let both = range.start.min(other.range.start)..range.end.max(other.range.end);
            if is_tolerated(&raw[range], &raw[both.clone()], other.like, model).await? {
                parts[neighbour].range = both;
                parts.remove(i);
                joined = true;
                break;
            }
        }
        i += usize::from(!joined);
    }
    Ok(())
}

/// True if a part may get the transform of a neighbour, which `both` together get, too.
async fn is_tolerated(part: &[u8], both: &[u8], like: Like, model: &ModelConfig) -> Result<bool, EngineError> {
    if like.transform == Transform::None {
        return Ok(false);
    }
    let sample = Candidate::middle(part);
    let of_part = |of_sample: usize| of_sample as u64 * part.len() as u64 / sample.len().max(1) as u64;
    let without = trial::coded_len(sample, None, model).await?;
    let with = match like.transform {
        // Hardly anything, whatever the transform.
        _ if of_part(without) < LEAST_GAIN => without,
        // Silence behind the header.
        Transform::Samples if is_wave(part) => without,
        // These make a layout of what they are given, so they can't be tried on a part alone.
        Transform::Samples | Transform::Records | Transform::Values => return Ok(false),
        transform => trial::coded_len(&transform.forward(sample), like.raster, model).await?,
    };
    Ok(of_part(with.saturating_sub(without)) < LEAST_GAIN && gains_from(both, model).await? == like)
}
