//! The transform of a block: chosen, and named at the head of its payload.

use std::borrow::Cow;

use super::block::encode_block;
use super::predictor::Predictor;
use crate::archive::ArchiveError;
use crate::engine::EngineError;
use crate::model::{Method, MixingConfig, MixingKind, ModelConfig};
use crate::transform::{Choice, Transform, candidate};

/// log2 of the bytes of a trial's mixing table.
const TRIAL_TABLE: u32 = 22;

/// The transform for a block that is not empty, and the block so transformed.
pub async fn choose<'a>(
    choice: Choice,
    raw: &'a [u8],
    model: &ModelConfig,
) -> Result<(Transform, Cow<'a, [u8]>), EngineError> {
    let none = (Transform::None, Cow::Borrowed(raw));
    let Some(candidate) = candidate(choice, raw) else { return Ok(none) };
    let transform = candidate.transform;
    let pays = candidate.sure || {
        let sample = candidate.sample(raw);
        let (before, after) = (tried(sample, model).await?, tried(&transform.forward(sample), model).await?);
        1000 * after < 995 * before
    };
    Ok(if pays { (transform, Cow::Owned(candidate.coded)) } else { none })
}

/// Bytes that the mixing stage alone makes of some.
async fn tried(bytes: &[u8], model: &ModelConfig) -> Result<usize, EngineError> {
    let model = ModelConfig { streams: 1, ..model.clone() };
    let mixing = Some(MixingConfig { kind: MixingKind::Light, table_bits: TRIAL_TABLE });
    let method = Method { model, network: false, mixing };
    let mut predictor = Predictor::new(&method, None, bytes.len() as u32, None);
    Ok(encode_block(&mut predictor, bytes, 0, &mut |_, _| ()).await?.len())
}

/// A coded block's payload.
pub fn join(transform: Transform, symbols: usize, code: &[u8]) -> Vec<u8> {
    let mut payload = vec![transform as u8];
    if transform != Transform::None {
        payload.extend_from_slice(&(symbols as u32).to_le_bytes());
    }
    payload.extend_from_slice(code);
    payload
}

/// The transform, number of symbols, and code of a coded block's payload.
pub fn split(payload: &[u8], raw_len: u32) -> Result<(Transform, usize, &[u8]), ArchiveError> {
    let corrupt = |what: &str| ArchiveError::Corrupt { what: what.into() };
    let (&number, rest) = payload.split_first().ok_or_else(|| corrupt("a coded block is empty"))?;
    let unknown = ArchiveError::Unsupported { what: "transform", id: number.into() };
    match Transform::from_number(number).ok_or(unknown)? {
        Transform::None => Ok((Transform::None, raw_len as usize, rest)),
        transform => {
            let (&symbols, code) = rest.split_first_chunk().ok_or_else(|| corrupt("a coded block is too short"))?;
            let symbols = u32::from_le_bytes(symbols);
            if symbols == 0 || symbols > raw_len + transform.most_added() as u32 {
                return Err(corrupt("a transformed block's length is wrong"));
            }
            Ok((transform, symbols as usize, code))
        }
    }
}
