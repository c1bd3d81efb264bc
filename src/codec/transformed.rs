//! The transform of a block: the choice of it, and the head of the payload that records it.

use std::borrow::Cow;

use super::report::TransformReason;
use super::trial;
use crate::archive::ArchiveError;
use crate::engine::EngineError;
use crate::model::{ModelConfig, Raster};
use crate::transform::{Choice, Transform, candidates};

/// The head of a coded block's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The transform that made the symbols.
    pub transform: Transform,
    /// The number of symbols.
    pub symbols: usize,
    /// The raster of [`Transform::Image`].
    pub raster: Option<Raster>,
}

/// Chooses the transform of a block that is not empty; returns its head, its symbols, and the
/// reason.
pub async fn choose<'a>(
    choice: Choice,
    raw: &'a [u8],
    model: &ModelConfig,
) -> Result<(Head, Cow<'a, [u8]>, TransformReason), EngineError> {
    let asked = matches!(choice, Choice::Only(_));
    let is_off = choice == Choice::Only(Transform::None);
    let mut reason = if is_off { TransformReason::Asked } else { TransformReason::NothingFits };
    // The last sample and its length in code without a transform: most transforms have the same one.
    let mut tried: Option<(Cow<'_, [u8]>, u64)> = None;
    for candidate in candidates(choice, raw) {
        let (transform, raster) = (candidate.transform, candidate.raster);
        if asked || candidate.sure {
            reason = if asked { TransformReason::Asked } else { TransformReason::Sure };
        } else {
            let sample = candidate.sample(raw);
            let without = match &tried {
                Some((before, len)) if *before == sample => *len,
                _ => trial::coded_len(&sample, None, model).await? as u64,
            };
            let with = trial::coded_len(&transform.forward(&sample), raster, model).await? as u64;
            let mut sums = [sample.len() as u64, without, with];
            // Records of the length that the middle has may not fit the start at all.
            if transform == Transform::Records && raw.len() > sample.len() {
                let starts = [&raw[..sample.len()], &candidate.coded[..sample.len()]];
                sums[0] += sample.len() as u64;
                for (sum, start) in sums[1..].iter_mut().zip(starts) {
                    *sum += trial::coded_len(start, None, model).await? as u64;
                }
            }
            tried = Some((sample, without));
            let [sample, without, with] = sums;
            reason = TransformReason::Trial { transform, sample, without, with };
            if 1000 * with >= 995 * without {
                continue;
            }
        }
        let head = Head { transform, symbols: candidate.coded.len(), raster };
        return Ok((head, Cow::Owned(candidate.coded), reason));
    }
    Ok((Head { transform: Transform::None, symbols: raw.len(), raster: None }, Cow::Borrowed(raw), reason))
}

/// Joins head and code to a coded block's payload.
pub fn join(head: Head, code: &[u8]) -> Vec<u8> {
    let mut payload = vec![head.transform as u8];
    if head.transform != Transform::None {
        payload.extend_from_slice(&(head.symbols as u32).to_le_bytes());
    }
    if let Some(raster) = head.raster {
        payload.extend_from_slice(&raster.bytes());
    }
    payload.extend_from_slice(code);
    payload
}

/// Reads the head of a coded block's payload.
pub fn read_head(payload: &[u8], raw_len: u32) -> Result<Head, ArchiveError> {
    split(payload, raw_len).map(|(head, _)| head)
}

/// Splits a coded block's payload into head and code.
pub fn split(payload: &[u8], raw_len: u32) -> Result<(Head, &[u8]), ArchiveError> {
    let corrupt = |what: &str| ArchiveError::Corrupt { what: what.into() };
    let (&number, rest) = payload.split_first().ok_or_else(|| corrupt("a coded block is empty"))?;
    let unknown = ArchiveError::Unsupported { what: "transform", id: number.into() };
    let transform = Transform::from_number(number).ok_or(unknown)?;
    if transform == Transform::None {
        return Ok((Head { transform, symbols: raw_len as usize, raster: None }, rest));
    }
    let too_short = || corrupt("a coded block is too short");
    let (&symbols, mut code) = rest.split_first_chunk().ok_or_else(too_short)?;
    let symbols = u32::from_le_bytes(symbols);
    if symbols == 0 || symbols > raw_len + transform.most_added() as u32 {
        return Err(corrupt("a transformed block's length is wrong"));
    }
    let mut raster = None;
    if transform == Transform::Image {
        let (&bytes, rest) = code.split_first_chunk().ok_or_else(too_short)?;
        raster = Some(Raster::read(bytes).ok_or_else(|| corrupt("an image's raster is wrong"))?);
        code = rest;
    }
    Ok((Head { transform, symbols: symbols as usize, raster }, code))
}
