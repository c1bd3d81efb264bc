//! Finds 16-bit audio samples in a block: in a WAVE file, or without a header.

use super::super::TransformError;

/// The largest number of channels.
const MOST_CHANNELS: usize = 8;
/// The length of a layout's stored form, in bytes.
pub const LAYOUT_LEN: usize = 3;
/// Bytes that are examined in a block without a header.
const SAMPLE: usize = 64 << 10;

/// The position of the samples in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The number of channels, 1..=8; 0 if there are no samples.
    pub channels: u8,
    /// Offset of the first sample in bytes.
    pub start: u16,
}

impl Layout {
    /// The layout of a block without samples.
    pub const NONE: Layout = Layout { channels: 0, start: 0 };

    /// Returns the stored form: the number of channels, then the start as a little-endian u16.
    pub fn bytes(self) -> [u8; LAYOUT_LEN] {
        let [a, b] = self.start.to_le_bytes();
        [self.channels, a, b]
    }

    /// Parses the stored form at the front of `coded`; returns the layout and the rest.
    pub fn read(coded: &[u8]) -> Result<(Self, &[u8]), TransformError> {
        let (&[channels, a, b], rest) = coded.split_first_chunk().ok_or(TransformError::Head)?;
        let layout = Layout { channels, start: u16::from_le_bytes([a, b]) };
        if usize::from(channels) > MOST_CHANNELS { Err(TransformError::Head) } else { Ok((layout, rest)) }
    }

    /// Returns the layout of a RIFF WAVE file with 16-bit samples.
    pub fn of_wave(bytes: &[u8]) -> Option<Self> {
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

    /// Returns the layout of samples without a header. They are recognised if successive samples
    /// of a channel are much closer to each other than to zero, and their low bytes differ much
    /// more than their high bytes: in pairs of 8-bit pixels, both bytes differ little.
    pub fn of_samples(bytes: &[u8]) -> Option<Self> {
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
