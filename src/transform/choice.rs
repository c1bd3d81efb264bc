//! Chooses the transform from which a block may gain.

use std::borrow::Cow;

use super::{Transform, arm64, audio, calls, find_raster, records, values};
use crate::model::Raster;

/// How the transform of a block is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The transform that the block's content suggests, if a trial shows a gain.
    #[default]
    Auto,
    /// This transform, unless its result is longer than [`Transform::most_added`] allows.
    Only(Transform),
}

/// A transformed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The transform.
    pub transform: Transform,
    /// The transformed block; its inverse and its length have been checked.
    pub coded: Vec<u8>,
    /// The raster of an image.
    pub raster: Option<Raster>,
    /// True if the transform is to be used without a trial on a [`sample`](Self::sample).
    pub sure: bool,
}

/// Bytes of a block that a trial uses.
const SAMPLE: usize = 24 << 10;
/// Rows of an image that a trial uses, but at least [`SAMPLE`] bytes and at most four times as many.
const SAMPLE_ROWS: usize = 24;

impl Candidate {
    /// Returns the part of the block on which to try whether the transform makes it shorter.
    pub fn sample<'a>(&self, raw: &'a [u8]) -> Cow<'a, [u8]> {
        let len = self.raster.map_or(SAMPLE, |raster| (SAMPLE_ROWS * raster.row as usize).clamp(SAMPLE, 4 * SAMPLE));
        // From the middle, because audio may begin with silence; at an even offset from the
        // start or from the end of a WAVE file's header, which is kept.
        let head = if self.transform == Transform::Samples { audio::header_len(raw) } else { 0 };
        let middle = middle(&raw[head.min(raw.len())..], len);
        if head == 0 { Cow::Borrowed(middle) } else { Cow::Owned([&raw[..head], middle].concat()) }
    }

    /// Returns the part of a block on which to try a transform that is none of its own.
    pub fn middle(raw: &[u8]) -> &[u8] {
        middle(raw, SAMPLE)
    }
}

/// Returns at most `len` bytes from the middle, from an even offset on.
fn middle(bytes: &[u8], len: usize) -> &[u8] {
    let start = bytes.len().saturating_sub(len) / 4 * 2;
    &bytes[start..bytes.len().min(start + len)]
}

/// Returns the block with each transform that may make its code shorter, the likeliest first; each is
/// made when it is asked for.
pub fn candidates(choice: Choice, raw: &[u8]) -> impl Iterator<Item = Candidate> {
    let is_tried = move |&transform: &Transform| choice == Choice::Auto || choice == Choice::Only(transform);
    ORDER.into_iter().filter(is_tried).filter_map(move |transform| candidate(choice, transform, raw))
}

/// The transforms in the order in which they are tried.
const ORDER: [Transform; 7] = [
    Transform::Text,
    Transform::Samples,
    Transform::Image,
    Transform::Arm64,
    Transform::Calls,
    Transform::Records,
    Transform::Values,
];

/// Returns the block with a transform, if the block's content suggests it and the result is short
/// enough and can be reversed.
fn candidate(choice: Choice, transform: Transform, raw: &[u8]) -> Option<Candidate> {
    let raster = if transform == Transform::Image { Some(find_raster(raw)?) } else { None };
    if choice == Choice::Auto && !is_likely(transform, raw) {
        return None;
    }
    let coded = transform.forward(raw);
    if coded.len() > raw.len() + transform.most_added() || transform.inverse(&coded, raw.len()).as_deref() != Ok(raw) {
        return None;
    }
    // Text that mostly consists of words with codes.
    let sure = choice != Choice::Auto || transform == Transform::Text && coded.len() < raw.len() / 4 * 3;
    Some(Candidate { transform, coded, raster, sure })
}

/// True if the block's content suggests a transform.
fn is_likely(transform: Transform, raw: &[u8]) -> bool {
    match transform {
        Transform::None => false,
        Transform::Text => is_text(raw) && !audio::is_wave(raw),
        Transform::Samples => audio::is_wave(raw) || audio::likely(raw),
        Transform::Image => true, // it has a raster
        Transform::Arm64 => arm64::likely(raw),
        Transform::Calls => calls::likely(raw),
        Transform::Records => records::likely(raw),
        Transform::Values => values::likely(raw),
    }
}

/// True if a third of the bytes are letters and few are control characters.
fn is_text(raw: &[u8]) -> bool {
    let letters = raw.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let controls = raw.iter().filter(|&&b| b < 32 && !b"\t\n\r".contains(&b)).count();
    letters > raw.len() / 3 && controls < raw.len() / 64
}
