//! Compact frames: short inputs that start from a prior.

use std::io::Write;
use std::sync::Arc;

use super::block::{decode_block, encode_block};
use super::decode::DecompressSettings;
use super::encode::CompressSettings;
use super::error::CodecError;
use super::monitor::Monitor;
use super::predictor::Predictor;
use super::{check_memory, find_prior};
use crate::archive::{ArchiveError, COMPACT_LIMIT, Compact, Header};
use crate::engine::DeviceChoice;
use crate::model::Method;
use crate::prior::Prior;

/// The prior of an input of `length` bytes that a compact frame can hold.
pub fn compact_prior<'a>(prior: Option<&'a Arc<Prior>>, method: &Method, length: u64) -> Option<&'a Arc<Prior>> {
    let length = u32::try_from(length).ok().filter(|&length| length <= COMPACT_LIMIT)?;
    prior.filter(|prior| prior.compact_method(length) == *method)
}

/// The header that a compact frame stands for.
fn header(prior: &Prior, raw_len: u32) -> Header {
    Header { method: prior.compact_method(raw_len), block_size: raw_len.max(1), prior: prior.hash() }
}

/// Codes a frame; returns what the model ran on.
pub async fn encode(
    raw: &[u8],
    output: &mut dyn Write,
    prior: &Arc<Prior>,
    settings: &CompressSettings<'_>,
    monitor: &mut dyn Monitor,
) -> Result<String, CodecError> {
    let header = header(prior, raw.len() as u32);
    let code = async |device: &DeviceChoice| {
        let mut predictor = open(device, &header, prior).await?;
        let code = encode_block(&mut predictor, raw, 0, &mut |_, _| ()).await?;
        Ok((Compact::new(prior.hash(), raw, code), predictor))
    };
    let (frame, mut predictor) = match code(&settings.device).await {
        Err(CodecError::Engine(error)) if settings.fallback => {
            monitor.warn(&format!("{error}; going on on the CPU"));
            code(&DeviceChoice::Cpu).await?
        }
        result => result?,
    };
    output.write_all(&frame.to_bytes()).map_err(CodecError::Output)?;
    if frame.is_stored() {
        predictor.forget_block(prior.network()).await?;
    }
    let engine = predictor.description();
    if monitor.wants_model() {
        monitor.learnt(predictor.into_prior(header.method, raw.len() as u64).await?);
    }
    Ok(engine)
}

/// Decodes a frame; returns what the model ran on, if it was needed.
pub async fn decode(
    frame: Compact,
    output: &mut dyn Write,
    given: Option<&Arc<Prior>>,
    settings: &DecompressSettings,
    monitor: &mut dyn Monitor,
) -> Result<String, CodecError> {
    let Some(prior) = given.filter(|prior| prior.hash() as u32 == frame.prior) else {
        let wanted = format!("whose hash ends in {:08x}", frame.prior);
        return Err(CodecError::PriorMissing { wanted, given: given.map(|prior| prior.hash()) });
    };
    let header = header(prior, frame.raw_len);
    find_prior(&header, given)?;
    check_memory(&header, Some(prior), settings.fallback, settings.memory)?;
    let decode = async |device: &DeviceChoice| {
        let mut predictor = open(device, &header, prior).await?;
        let raw = match frame.is_stored() {
            true => frame.payload.clone(),
            false => {
                let len = frame.raw_len as usize;
                decode_block(&mut predictor, &frame.payload, len, 0, &mut |_, _| ()).await?
            }
        };
        match frame.matches(prior.hash(), &raw) {
            true => Ok((raw, predictor)),
            // What a device that computes wrongly would make of it looks the same.
            false => Err(ArchiveError::Corrupt { what: "the content of a compact frame is wrong".into() }.into()),
        }
    };
    let (raw, predictor) = match decode(&settings.device).await {
        Err(error @ (CodecError::Engine(_) | CodecError::Archive(_))) if settings.fallback => {
            monitor.warn(&format!("{error}; going on on the CPU"));
            decode(&DeviceChoice::Cpu).await?
        }
        result => result?,
    };
    output.write_all(&raw).map_err(CodecError::Output)?;
    let engine = predictor.description();
    if monitor.wants_model() {
        monitor.learnt(predictor.into_prior(header.method, raw.len() as u64).await?);
    }
    Ok(engine)
}

async fn open(device: &DeviceChoice, header: &Header, prior: &Arc<Prior>) -> Result<Predictor, CodecError> {
    Ok(Predictor::open(device, &header.method, header.block_size, Some(prior.clone())).await?)
}
