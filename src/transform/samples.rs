//! Sound in 16-bit samples: each becomes its difference from what is predicted.

use super::TransformError;
use super::sound::Predictor;
use crate::simd::vectorized;

/// Most channels.
const MOST_CHANNELS: usize = 8;
/// Bytes that tell a layout.
pub const HEAD: usize = 3;

/// Where samples lie in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// 1..=8; 0 if there are no samples.
    channels: u8,
    /// The first sample's place.
    start: u16,
}

impl Layout {
    fn bytes(self) -> [u8; HEAD] {
        let [a, b] = self.start.to_le_bytes();
        [self.channels, a, b]
    }

    /// Takes its form off the front.
    fn read(coded: &[u8]) -> Result<(Self, &[u8]), TransformError> {
        let (&[channels, a, b], rest) = coded.split_first_chunk().ok_or(TransformError::Head)?;
        let layout = Layout { channels, start: u16::from_le_bytes([a, b]) };
        if usize::from(channels) > MOST_CHANNELS { Err(TransformError::Head) } else { Ok((layout, rest)) }
    }

    /// That of a RIFF WAVE file of 16-bit samples.
    fn of_wave(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"RIFF") || bytes.get(8..12)? != b"WAVE" {
            return None;
        }
        let mut channels = None;
        let mut at = 12;
        while let Some((head, body)) = bytes.get(at..)?.split_first_chunk::<8>() {
            let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            match &head[..4] {
                b"fmt " => {
                    let field = |at: usize| body.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
                    let count = field(2).filter(|&count| (1..=MOST_CHANNELS).contains(&usize::from(count)));
                    channels = count.filter(|_| field(14) == Some(16));
                }
                b"data" => {
                    let start = u16::try_from(at + head.len()).ok()?;
                    return channels.map(|channels| Layout { channels: channels as u8, start });
                }
                _ => {}
            }
            at = at.checked_add(len.checked_next_multiple_of(2)?)?.checked_add(head.len())?;
        }
        None
    }

    /// That of samples without a header, if neighbours of a channel are much nearer to each
    /// other than they are to silence, and low bytes do not tell that: pairs of pixels do.
    fn of_samples(bytes: &[u8]) -> Option<Self> {
        let middle = &bytes[bytes.len().saturating_sub(SAMPLE) / 4 * 2..];
        let middle = &middle[..middle.len().min(SAMPLE)];
        let one = |channels: usize, start: usize| {
            let samples: &[[u8; 2]] = middle.get(start..)?.as_chunks().0;
            let number = |bytes: [u8; 2]| i32::from(i16::from_le_bytes(bytes));
            let (mut level, mut steps, mut bytes) = (0, 0, [0; 2]);
            for (&a, &b) in samples.iter().zip(samples.get(channels..)?) {
                level += u64::from(number(a).unsigned_abs());
                steps += u64::from(number(a).abs_diff(number(b)));
                for (sum, (a, b)) in bytes.iter_mut().zip(a.into_iter().zip(b)) {
                    *sum += u64::from((a.wrapping_sub(b) as i8).unsigned_abs());
                }
            }
            let layout = Layout { channels: channels as u8, start: start as u16 };
            (2 * steps < level && bytes[0] > 4 * bytes[1]).then_some((steps, layout))
        };
        let all = (1..=MOST_CHANNELS).flat_map(|channels| [0, 1].map(|start| one(channels, start)));
        all.flatten().min_by_key(|&(steps, _)| steps).map(|(_, layout)| layout)
    }
}

/// Bytes of a block without a header that are looked at.
const SAMPLE: usize = 64 << 10;

/// Passes each sample and its prediction through `code`, which changes the bytes and gives the sample.
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

/// The layout, and the block with differences, high byte first, in place of samples.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    let layout = Layout::of_wave(raw).or_else(|| Layout::of_samples(raw));
    let layout = layout.unwrap_or(Layout { channels: 0, start: 0 });
    let mut coded = layout.bytes().to_vec();
    coded.extend_from_slice(raw);
    replace(&mut coded[HEAD..], layout, |bytes, prediction| {
        let sample = i16::from_le_bytes(*bytes);
        *bytes = sample.wrapping_sub(prediction).to_be_bytes();
        sample
    });
    coded
}

/// The samples that [`forward`] made differences of.
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

/// Bytes of a block's header, none without one.
pub fn header_len(raw: &[u8]) -> usize {
    Layout::of_wave(raw).map_or(0, |layout| layout.start.into())
}

/// Whether a block says that it is such sound.
pub fn surely(raw: &[u8]) -> bool {
    Layout::of_wave(raw).is_some()
}

/// Whether a block looks like such sound without saying so.
pub fn likely(raw: &[u8]) -> bool {
    Layout::of_samples(raw).is_some()
}
