//! Sound in 16-bit samples: each becomes its difference from the one before in its channel.

/// Bytes of a RIFF WAVE header of the plainest form.
const HEADER: usize = 44;
/// Most channels.
const MOST_CHANNELS: usize = 8;

/// The channels that a RIFF WAVE header of 16-bit samples tells.
fn channels(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..HEADER)?;
    let field = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let is_wave = head.starts_with(b"RIFF") && &head[8..16] == b"WAVEfmt " && &head[36..40] == b"data";
    let channels = usize::from(field(22));
    (is_wave && field(34) == 16 && (1..=MOST_CHANNELS).contains(&channels)).then_some(channels)
}

/// Passes each sample, and the one before in its channel, through `code`; bytes without
/// the header stay as they are. `code` gets two bytes and a sample, and changes both.
fn replace(bytes: &[u8], code: impl Fn(&mut [u8; 2], &mut u16)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let Some(channels) = channels(&bytes) else { return bytes };
    let mut before = [0; MOST_CHANNELS];
    let (samples, _) = bytes[HEADER..].as_chunks_mut();
    for (i, sample) in samples.iter_mut().enumerate() {
        code(sample, &mut before[i % channels]);
    }
    bytes
}

/// Differences, high byte first, behind the header.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    replace(raw, |bytes, before| {
        let sample = u16::from_le_bytes(*bytes);
        *bytes = sample.wrapping_sub(*before).to_be_bytes();
        *before = sample;
    })
}

/// The samples that [`forward`] made differences of.
pub fn inverse(coded: &[u8]) -> Vec<u8> {
    replace(coded, |bytes, before| {
        *before = before.wrapping_add(u16::from_be_bytes(*bytes));
        *bytes = before.to_le_bytes();
    })
}

/// Whether a block says that it is such sound.
pub fn likely(raw: &[u8]) -> bool {
    channels(raw).is_some()
}
