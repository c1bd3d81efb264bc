//! Audio in 16-bit samples: each sample becomes its difference from a prediction.

mod layout;
mod predictor;

use super::TransformError;
use crate::simd::vectorized;

use layout::Layout;
use predictor::Predictor;

pub use layout::LAYOUT_LEN;

/// Calls `code` with the bytes of each sample and its prediction; `code` replaces the bytes and
/// returns the sample.
fn replace(bytes: &mut [u8], layout: Layout, code: impl Fn(&mut [u8; 2], i16) -> i16) {
    let Some(samples) = bytes.get_mut(layout.start.into()..).filter(|_| layout.channels > 0) else { return };
    let mut predictor = Predictor::new(layout.channels.into());
    vectorized(
        #[inline(always)]
        || {
            for bytes in samples.as_chunks_mut().0 {
                let sample = code(bytes, predictor.predict());
                predictor.learn(sample);
            }
        },
    );
}

/// Returns the layout, then the block with big-endian differences in place of samples.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    let layout = Layout::of_wave(raw).or_else(|| Layout::of_samples(raw)).unwrap_or(Layout::NONE);
    let mut coded = layout.bytes().to_vec();
    coded.extend_from_slice(raw);
    replace(&mut coded[LAYOUT_LEN..], layout, |bytes, prediction| {
        let sample = i16::from_le_bytes(*bytes);
        *bytes = sample.wrapping_sub(prediction).to_be_bytes();
        sample
    });
    coded
}

/// Reverses [`forward`]; the result has at most `limit` bytes.
pub fn inverse(coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
    let (layout, coded) = Layout::read(coded)?;
    if coded.len() > limit {
        return Err(TransformError::TooLong);
    }
    let mut bytes = coded.to_vec();
    replace(&mut bytes, layout, |bytes, prediction| {
        let sample = i16::from_be_bytes(*bytes).wrapping_add(prediction);
        *bytes = sample.to_le_bytes();
        sample
    });
    Ok(bytes)
}

/// Returns the length of a WAVE file's header in bytes, 0 without one.
pub fn header_len(raw: &[u8]) -> usize {
    Layout::of_wave(raw).map_or(0, |layout| layout.start.into())
}

/// True if the block is a WAVE file with 16-bit samples.
pub fn is_wave(raw: &[u8]) -> bool {
    Layout::of_wave(raw).is_some()
}

/// True if the block looks like 16-bit samples without a header.
pub fn likely(raw: &[u8]) -> bool {
    Layout::of_samples(raw).is_some()
}
