//! Line ends apart from the text: carriage returns, and line feeds where a line was broken.

use super::TransformError;
use crate::coder::{Decoder, Encoder};

/// Columns that are told apart.
const COLUMNS: usize = 256;

/// How often a flag was 0 and 1: an adaptive probability.
#[derive(Clone, Copy, Default)]
struct Counts([u32; 2]);

impl Counts {
    /// Probability of a 1, Q16, 1..=65535.
    fn probability(self) -> u32 {
        let [zeros, ones] = self.0.map(|n| 8 * n + 1);
        ((ones << 16) / (zeros + ones)).clamp(1, 65535)
    }

    fn update(&mut self, bit: bool) {
        self.0[usize::from(bit)] += 1;
        if self.0[usize::from(bit)] > 1000 {
            self.0 = self.0.map(|n| n / 2);
        }
    }
}

/// What is known of flags.
struct Flags {
    /// Whether a space is a broken line, by the column where the next word would end.
    broken: [Counts; COLUMNS],
    /// Whether a line feed has a carriage return before it, by whether the last one had.
    returned: [Counts; 2],
    last_returned: bool,
}

impl Flags {
    fn new() -> Self {
        Flags { broken: [Counts::default(); COLUMNS], returned: [Counts::default(); 2], last_returned: false }
    }

    /// Passes a flag of a space through `code`, which gives it back.
    fn broken(&mut self, end: usize, code: impl FnOnce(u32) -> bool) -> bool {
        let counts = &mut self.broken[end.min(COLUMNS - 1)];
        let bit = code(counts.probability());
        counts.update(bit);
        bit
    }

    /// Passes a flag of a line feed through `code`, which gives it back.
    fn returned(&mut self, code: impl FnOnce(u32) -> bool) -> bool {
        let counts = &mut self.returned[usize::from(self.last_returned)];
        let bit = code(counts.probability());
        counts.update(bit);
        self.last_returned = bit;
        bit
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\n'
}

/// Whether the byte at `i` stands between two words in one line or two.
fn between_words(text: &[u8], i: usize) -> bool {
    i > 0 && !is_blank(text[i - 1]) && text.get(i + 1).is_some_and(|&next| !is_blank(next))
}

/// Bytes of the word that starts at `i`, as far as columns are told apart.
fn word_len(text: &[u8], i: usize) -> usize {
    text[i..].iter().take(COLUMNS).take_while(|&&b| !is_blank(b)).count()
}

/// The text without carriage returns before line feeds and, if `join`, with a space
/// for each line feed between two words; and the code of what that leaves open.
pub fn forward(raw: &[u8], join: bool) -> (Vec<u8>, Vec<u8>) {
    let mut text = Vec::with_capacity(raw.len());
    let mut returned = Vec::new();
    for (i, &byte) in raw.iter().enumerate() {
        match byte {
            b'\r' if raw.get(i + 1) == Some(&b'\n') => continue,
            b'\n' => returned.push(i > 0 && raw[i - 1] == b'\r'),
            _ => {}
        }
        text.push(byte);
    }
    let mut flags = Flags::new();
    let mut encoder = Encoder::default();
    let mut encode = |bit: bool, p: u32| {
        encoder.encode(bit, p);
        bit
    };
    let mut returned = returned.into_iter();
    let mut column = 0;
    for i in 0..text.len() {
        let feed = text[i] == b'\n';
        if join && is_blank(text[i]) && between_words(&text, i) {
            flags.broken(column + 1 + word_len(&text, i + 1), |p| encode(feed, p));
            text[i] = b' ';
        }
        if feed {
            let bit = returned.next().unwrap_or(false);
            flags.returned(|p| encode(bit, p));
        }
        column = if feed { 0 } else { column + 1 };
    }
    (text, encoder.finish())
}

/// The bytes that [`forward`] made text and code of; at most `limit`.
pub fn inverse(text: &[u8], code: &[u8], join: bool, limit: usize) -> Result<Vec<u8>, TransformError> {
    let mut raw = Vec::new();
    let mut flags = Flags::new();
    let mut decoder = Decoder::new(code);
    let mut column = 0;
    for (i, &byte) in text.iter().enumerate() {
        let mut feed = byte == b'\n';
        if join && byte == b' ' && between_words(text, i) {
            feed = flags.broken(column + 1 + word_len(text, i + 1), |p| decoder.decode(p));
        }
        let returned = feed && flags.returned(|p| decoder.decode(p));
        if raw.len() + 1 + usize::from(returned) > limit {
            return Err(TransformError::TooLong);
        }
        if returned {
            raw.push(b'\r');
        }
        raw.push(if feed { b'\n' } else { byte });
        column = if feed { 0 } else { column + 1 };
    }
    Ok(raw)
}
