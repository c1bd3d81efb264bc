//! The transform of a block: the choice of it, and the head of the payload that records it.

use std::borrow::Cow;

use super::block::{BlockSpan, encode_symbols};
use super::predictor::Predictor;
use crate::archive::ArchiveError;
use crate::engine::EngineError;
use crate::model::{Method, MixingConfig, MixingKind, ModelConfig, Raster};
use crate::transform::{Choice, Transform, candidate};

/// log2 of the bytes of a trial's mixing table.
const TRIAL_TABLE: u32 = 22;

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

/// Chooses the transform of a block that is not empty; returns its head and its symbols.
pub async fn choose<'a>(
    choice: Choice,
    raw: &'a [u8],
    model: &ModelConfig,
) -> Result<(Head, Cow<'a, [u8]>), EngineError> {
    let none = Head { transform: Transform::None, symbols: raw.len(), raster: None };
    let Some(candidate) = candidate(choice, raw) else { return Ok((none, Cow::Borrowed(raw))) };
    let (transform, raster) = (candidate.transform, candidate.raster);
    let pays = candidate.sure || {
        let sample = candidate.sample(raw);
        let before = tried(&sample, None, model).await?;
        let after = tried(&transform.forward(&sample), raster, model).await?;
        1000 * after < 995 * before
    };
    Ok(match pays {
        true => (Head { transform, symbols: candidate.coded.len(), raster }, Cow::Owned(candidate.coded)),
        false => (none, Cow::Borrowed(raw)),
    })
}

/// Returns the size of `bytes` as coded by the mixing stage alone.
async fn tried(bytes: &[u8], raster: Option<Raster>, model: &ModelConfig) -> Result<usize, EngineError> {
    let model = ModelConfig { streams: 1, ..model.clone() };
    let mixing = Some(MixingConfig { kind: MixingKind::Light, table_bits: TRIAL_TABLE });
    let method = Method { model, network: false, mixing };
    let mut predictor = Predictor::new(&method, None, bytes.len() as u32, None);
    let span = BlockSpan { raster, ..BlockSpan::plain(bytes.len(), 0) };
    Ok(encode_symbols(&mut predictor, bytes, span).await?.len())
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
