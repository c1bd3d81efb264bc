//! Compact frames: short inputs that start from a prior.

use std::io::Write;
use std::sync::Arc;

use super::block::{BlockDecoder, BlockEncoder, BlockSpan};
use super::frame::{FrameCoder, JobSpan};
use super::monitor::Monitor;
use super::report::{BlockForm, BlockReport, TransformReason};
use super::settings::{DecodeSettings, EncodeSettings};
use super::{check_memory, find_prior};
use crate::Error;
use crate::archive::{ArchiveError, COMPACT_LIMIT, Compact, Header};
use crate::engine::EngineInfo;
use crate::model::Method;
use crate::prior::{Prior, compact_method};
use crate::transform::Transform;

/// Returns the prior if a compact frame can hold an input of `length` bytes coded by `method`.
pub fn compact_prior<'a>(prior: Option<&'a Arc<Prior>>, method: &Method, length: u64) -> Option<&'a Arc<Prior>> {
    let length = u32::try_from(length).ok().filter(|&length| length <= COMPACT_LIMIT)?;
    prior.filter(|prior| prior.compact_method(length) == *method)
}

/// Returns the header that a compact frame stands for, from the method and the hash of its prior.
pub fn compact_header(prior: &Method, raw_len: u32, hash: u64) -> Header {
    Header { method: compact_method(prior, raw_len), block_size: raw_len.max(1), prior: hash }
}

fn header(prior: &Prior, raw_len: u32) -> Header {
    compact_header(prior.method(), raw_len, prior.hash())
}

/// Encodes and writes a frame; returns what the model ran on.
pub async fn encode(
    raw: &[u8],
    output: &mut dyn Write,
    prior: &Arc<Prior>,
    settings: &EncodeSettings,
    job: JobSpan,
    monitor: &mut dyn Monitor,
) -> Result<EngineInfo, Error> {
    let header = header(prior, raw.len() as u32);
    let mut coder = FrameCoder::new(header, Some(prior.clone()), settings.device.clone(), settings.fallback);
    let mut block = BlockEncoder::new(coder.predictor(monitor).await?, raw, BlockSpan::plain(raw.len(), 0));
    let frame = if raw.is_empty() {
        Compact::new(prior.hash(), raw, Vec::new())
    } else {
        coder.begin(&mut block, monitor).await?;
        coder.run(&mut block, &job, monitor).await?;
        let code = if block.is_hopeless() { raw.to_vec() } else { block.finish() };
        Compact::new(prior.hash(), raw, code)
    };
    output.write_all(&frame.to_bytes()).map_err(Error::Output)?;
    if !raw.is_empty() {
        let form = match frame.is_stored() {
            true => BlockForm::Stored,
            false => BlockForm::Coded { transform: Transform::None, reason: TransformReason::Asked },
        };
        monitor.block(&BlockReport { start: job.raw, raw: raw.len() as u64, coded: frame.payload.len() as u64, form });
    }
    if frame.is_stored() {
        coder.forget_block(monitor).await?;
    }
    finish(coder, raw.len(), monitor).await
}

/// Decodes a frame; returns its content and what the model ran on.
pub async fn decode(
    frame: &Compact,
    given: Option<&Arc<Prior>>,
    settings: &DecodeSettings,
    job: JobSpan,
    monitor: &mut dyn Monitor,
) -> Result<(Vec<u8>, EngineInfo), Error> {
    let Some(prior) = given.filter(|prior| prior.hash() as u32 == frame.prior) else {
        let given = given.map(|prior| prior.hash());
        return Err(Error::PriorMissing { wanted: frame.prior.into(), bits: u32::BITS, given });
    };
    let header = header(prior, frame.raw_len);
    find_prior(&header, given)?;
    check_memory(&header, Some(prior), settings.fallback, settings.memory)?;
    let len = frame.raw_len as usize;
    let mut coder = FrameCoder::new(header, Some(prior.clone()), settings.device.clone(), settings.fallback);
    let wrong = || Error::Archive(ArchiveError::Corrupt { what: "the content of a compact frame is wrong".into() });
    if frame.is_stored() {
        if !frame.matches(prior.hash(), &frame.payload) {
            return Err(wrong());
        }
        coder.predictor(monitor).await?;
        return Ok((frame.payload.clone(), finish(coder, len, monitor).await?));
    }
    let mut block = BlockDecoder::new(coder.predictor(monitor).await?, &frame.payload, BlockSpan::plain(len, 0));
    coder.begin(&mut block, monitor).await?;
    loop {
        coder.run(&mut block, &job, monitor).await?;
        if frame.matches(prior.hash(), block.data()) {
            return Ok((block.finish(), finish(coder, len, monitor).await?));
        }
        // The result of a device that computes wrongly looks like damage.
        coder.fall_back(&mut block, wrong(), monitor).await?;
    }
}

async fn finish(coder: FrameCoder, len: usize, monitor: &mut dyn Monitor) -> Result<EngineInfo, Error> {
    Ok(coder.finish(len as u64, monitor).await?.unwrap_or_else(EngineInfo::mixing_alone))
}
