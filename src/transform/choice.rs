//! Which transform a block may gain from.

use std::borrow::Cow;

use super::{Transform, arm64, calls, find_raster, records, samples};
use crate::model::Raster;

/// What may be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Whatever pays, by the look of the block and by trial.
    #[default]
    Auto,
    /// This one, where its result is not longer than is allowed.
    Only(Transform),
}

/// A block, transformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// How.
    pub transform: Transform,
    /// Its bytes, of which the inverse is the block: no longer than is allowed.
    pub coded: Vec<u8>,
    /// Of an image.
    pub raster: Option<Raster>,
    /// Whether it surely pays; if not, a [`sample`](Self::sample) tells.
    pub sure: bool,
}

/// Bytes of a block that are tried.
const SAMPLE: usize = 24 << 10;
/// Rows of an image that are tried, in as many bytes at least and four times as many at most.
const SAMPLE_ROWS: usize = 24;

impl Candidate {
    /// The part of the block whose size, predicted with and without the transform, tells whether that pays.
    pub fn sample<'a>(&self, raw: &'a [u8]) -> Cow<'a, [u8]> {
        let len = self.raster.map_or(SAMPLE, |raster| (SAMPLE_ROWS * raster.row as usize).clamp(SAMPLE, 4 * SAMPLE));
        // From the middle, as sound may begin in silence, at an even place, behind the header of sound.
        let head = if self.transform == Transform::Samples { samples::header_len(raw) } else { 0 };
        let body = &raw[head.min(raw.len())..];
        let start = body.len().saturating_sub(len) / 4 * 2;
        let middle = &body[start..body.len().min(start + len)];
        if head == 0 { Cow::Borrowed(middle) } else { Cow::Owned([&raw[..head], middle].concat()) }
    }
}

/// The transform that a block may gain from, if there is one.
pub fn candidate(choice: Choice, raw: &[u8]) -> Option<Candidate> {
    let (transform, raster) = match choice {
        Choice::Only(Transform::None) => return None,
        Choice::Only(Transform::Image) => (Transform::Image, Some(find_raster(raw)?)),
        Choice::Only(transform) => (transform, None),
        Choice::Auto => likely(raw)?,
    };
    let coded = transform.forward(raw);
    if coded.len() > raw.len() + transform.most_added() || transform.inverse(&coded, raw.len()).as_deref() != Ok(raw) {
        return None;
    }
    // A text of which most is words that have codes.
    let sure = choice != Choice::Auto || transform == Transform::Text && coded.len() < raw.len() / 4 * 3;
    Some(Candidate { transform, coded, raster, sure })
}

/// The transform for what a block looks like, and the raster of an image.
fn likely(raw: &[u8]) -> Option<(Transform, Option<Raster>)> {
    if samples::surely(raw) {
        return Some((Transform::Samples, None));
    }
    let letters = raw.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let controls = raw.iter().filter(|&&b| b < 32 && !b"\t\n\r".contains(&b)).count();
    if letters > raw.len() / 3 && controls < raw.len() / 64 {
        return Some((Transform::Text, None));
    }
    if samples::likely(raw) {
        return Some((Transform::Samples, None));
    }
    if let Some(raster) = find_raster(raw) {
        return Some((Transform::Image, Some(raster)));
    }
    if arm64::likely(raw) {
        return Some((Transform::Arm64, None));
    }
    if calls::likely(raw) {
        return Some((Transform::Calls, None));
    }
    records::likely(raw).then_some((Transform::Records, None))
}
