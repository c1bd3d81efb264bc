//! Which transform a block gets.

use super::Transform;
use crate::coder::Encoder;
use crate::mixing::Mixing;
use crate::model::{MixingConfig, MixingKind};

/// What may be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Whatever pays, by the look of the block and by trial.
    #[default]
    Auto,
    /// This one, where its result is not longer than the block.
    Only(Transform),
}

/// Bytes of a block that are tried.
const SAMPLE: usize = 24 << 10;
/// log2 of the bytes of a trial's table.
const TRIAL_TABLE: u32 = 22;

/// The transform for a block that is not empty, and the block so transformed: never longer.
pub fn choose(choice: Choice, raw: &[u8]) -> (Transform, Vec<u8>) {
    let transformed = match choice {
        Choice::Only(transform) => exact(transform, raw),
        Choice::Auto if looks_like_text(raw) => {
            exact(Transform::Text, raw).filter(|(_, coded)| text_pays(raw, coded.len()))
        }
        Choice::Auto => None,
    };
    transformed.unwrap_or_else(|| (Transform::None, raw.to_vec()))
}

/// The block transformed, if that gets no longer and its inverse gives the block back.
fn exact(transform: Transform, raw: &[u8]) -> Option<(Transform, Vec<u8>)> {
    let coded = transform.forward(raw);
    let back = (coded.len() <= raw.len()).then(|| transform.inverse(&coded, raw.len()));
    (back == Some(Ok(raw.to_vec()))).then_some((transform, coded))
}

/// Whether most bytes are of kinds that text has.
fn looks_like_text(raw: &[u8]) -> bool {
    let letters = raw.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let controls = raw.iter().filter(|&&b| b < 32 && !b"\t\n\r".contains(&b)).count();
    letters > raw.len() / 3 && controls < raw.len() / 64
}

/// Whether so short a transformed text is worth it: surely if much shorter, else if a sample is.
fn text_pays(raw: &[u8], coded: usize) -> bool {
    let share = coded as f64 / raw.len() as f64;
    if share > 0.95 {
        return false;
    }
    let middle = raw.len().saturating_sub(SAMPLE) / 2;
    let sample = &raw[middle..raw.len().min(middle + SAMPLE)];
    share < 0.75 || 1000 * predicted_len(&Transform::Text.forward(sample)) < 995 * predicted_len(sample)
}

/// Bytes that the mixing stage alone makes of some.
fn predicted_len(bytes: &[u8]) -> usize {
    let mut mixing = Mixing::new(&MixingConfig { kind: MixingKind::Light, table_bits: TRIAL_TABLE }, TRIAL_TABLE, 1);
    let mut encoder = Encoder::default();
    mixing.start_block(bytes.len(), std::iter::once(0));
    for &byte in bytes {
        let mut bits = (0..8).rev().map(|shift| byte >> shift & 1 == 1);
        mixing.symbol(0, None::<fn(usize) -> u32>, |p| {
            let bit = bits.next().unwrap_or(false);
            encoder.encode(bit, p);
            bit
        });
    }
    encoder.len()
}
