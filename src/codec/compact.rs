//! Compact frames: short inputs that start from a prior.

use std::sync::Arc;

use super::block::{Progress, decode_block, encode_block};
use super::error::CodecError;
use super::predictor::Predictor;
use crate::archive::{ArchiveError, COMPACT_LIMIT, Compact};
use crate::engine::DeviceChoice;
use crate::model::Method;
use crate::prior::Prior;

/// The prior of an input of `length` bytes that a compact frame can hold.
pub fn compact_prior<'a>(prior: Option<&'a Arc<Prior>>, method: &Method, length: u64) -> Option<&'a Arc<Prior>> {
    let length = u32::try_from(length).ok().filter(|&length| length <= COMPACT_LIMIT)?;
    prior.filter(|prior| prior.compact_method(length) == *method)
}

/// Codes a whole input; returns what predicted, too.
pub async fn encode(
    device: &DeviceChoice,
    prior: &Arc<Prior>,
    raw: &[u8],
    progress: &mut Progress<'_>,
) -> Result<(Compact, Predictor), CodecError> {
    let mut predictor = open(device, prior, raw.len() as u32).await?;
    let code = encode_block(&mut predictor, raw, 0, progress).await?;
    Ok((Compact::new(prior.hash(), raw, code), predictor))
}

/// Decodes a frame; returns what predicted, too.
pub async fn decode(
    device: &DeviceChoice,
    prior: Option<&Arc<Prior>>,
    frame: Compact,
    progress: &mut Progress<'_>,
) -> Result<(Vec<u8>, Predictor), CodecError> {
    let Some(prior) = prior.filter(|prior| prior.hash() as u32 == frame.prior) else {
        let wanted = format!("whose hash ends in {:08x}", frame.prior);
        return Err(CodecError::PriorMissing { wanted, given: prior.map(|prior| prior.hash()) });
    };
    let mut predictor = open(device, prior, frame.raw_len).await?;
    let raw = if frame.is_stored() {
        frame.payload.clone()
    } else {
        decode_block(&mut predictor, &frame.payload, frame.raw_len as usize, 0, progress).await?
    };
    match frame.matches(&raw) {
        true => Ok((raw, predictor)),
        false if frame.is_stored() => {
            Err(ArchiveError::Corrupt { what: "the content of a compact frame is wrong".into() }.into())
        }
        false => Err(CodecError::Diverged { block: 1, engine: predictor.description() }),
    }
}

async fn open(device: &DeviceChoice, prior: &Arc<Prior>, length: u32) -> Result<Predictor, CodecError> {
    Ok(Predictor::open(device, &prior.compact_method(length), length.max(1), Some(prior.clone())).await?)
}
