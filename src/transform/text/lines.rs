//! Separates line ends from the text: carriage returns, and line feeds between words.

use super::super::TransformError;
use crate::coder::{Decoder, Encoder};

/// Columns from this one on share their counts.
const COLUMNS: usize = 256;

/// Counts of zeros and ones of a flag: an adaptive probability.
#[derive(Clone, Copy, Default)]
struct Counts([u32; 2]);

impl Counts {
    /// Returns the probability of a 1, Q16, 1..=65535.
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

/// Adaptive probabilities of the flags.
struct Flags {
    /// A space replaces a line feed; by the column where the next word would end.
    broken: [Counts; COLUMNS],
    /// A line feed follows a carriage return; by the flag of the last line feed.
    returned: [Counts; 2],
    last_returned: bool,
}

impl Flags {
    fn new() -> Self {
        Flags { broken: [Counts::default(); COLUMNS], returned: [Counts::default(); 2], last_returned: false }
    }

    /// Codes the flag of a space. `code` receives its probability (Q16) and returns the flag.
    fn broken(&mut self, end: usize, code: impl FnOnce(u32) -> bool) -> bool {
        let counts = &mut self.broken[end.min(COLUMNS - 1)];
        let bit = code(counts.probability());
        counts.update(bit);
        bit
    }

    /// Codes the flag of a line feed. `code` receives its probability (Q16) and returns the flag.
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

/// True if the bytes before and after `i` are neither spaces nor line feeds.
fn between_words(text: &[u8], i: usize) -> bool {
    i > 0 && !is_blank(text[i - 1]) && text.get(i + 1).is_some_and(|&next| !is_blank(next))
}

/// Returns the length of the word that starts at `i`, at most [`COLUMNS`].
fn word_len(text: &[u8], i: usize) -> usize {
    text[i..].iter().take(COLUMNS).take_while(|&&b| !is_blank(b)).count()
}

/// Removes carriage returns before line feeds and, if `join`, replaces each line feed between
/// two words by a space. Returns the text and the code of the flags that reverse this.
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

/// Reverses [`forward`]; the result has at most `limit` bytes.
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
