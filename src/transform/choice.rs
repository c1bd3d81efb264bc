//! Which transform a block may gain from.

use super::{Transform, arm64, calls, records, samples};

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
    /// Whether it surely pays; if not, a [`sample`](Self::sample) tells.
    pub sure: bool,
}

/// Bytes of a block that are tried.
const SAMPLE: usize = 24 << 10;

impl Candidate {
    /// The part of the block whose size, predicted with and without the transform, tells whether that pays.
    pub fn sample<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        let start = match self.transform {
            Transform::Samples => 0, // with the header
            _ => raw.len().saturating_sub(SAMPLE) / 2,
        };
        &raw[start..raw.len().min(start + SAMPLE)]
    }
}

/// The transform that a block may gain from, if there is one.
pub fn candidate(choice: Choice, raw: &[u8]) -> Option<Candidate> {
    let transform = match choice {
        Choice::Only(Transform::None) => return None,
        Choice::Only(transform) => transform,
        Choice::Auto => likely(raw)?,
    };
    let coded = transform.forward(raw);
    if coded.len() > raw.len() + transform.most_added() || transform.inverse(&coded, raw.len()).as_deref() != Ok(raw) {
        return None;
    }
    // A text of which most is words that have codes.
    let sure = choice != Choice::Auto || transform == Transform::Text && coded.len() < raw.len() / 4 * 3;
    Some(Candidate { transform, coded, sure })
}

/// The transform for what a block looks like.
fn likely(raw: &[u8]) -> Option<Transform> {
    if samples::likely(raw) {
        return Some(Transform::Samples);
    }
    let letters = raw.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let controls = raw.iter().filter(|&&b| b < 32 && !b"\t\n\r".contains(&b)).count();
    if letters > raw.len() / 3 && controls < raw.len() / 64 {
        return Some(Transform::Text);
    }
    if arm64::likely(raw) {
        return Some(Transform::Arm64);
    }
    if calls::likely(raw) {
        return Some(Transform::Calls);
    }
    records::likely(raw).then_some(Transform::Records)
}
