//! The contexts: parts of a stream's history, each with a hash by which its slot is found.

use super::history::History;
use super::image::ImageByte;
use super::stream::Stream;

/// The largest number of contexts of a kind.
pub const MOST_CONTEXTS: usize = 64;

/// A context.
#[derive(Clone, Copy, Debug)]
pub enum Context {
    /// The last n bytes, 0 to 8.
    Order(u32),
    /// The last eight bytes under a mask.
    Masked(u64),
    /// The current word and the last byte.
    Word,
    /// The current word and the n-th word before it.
    WordAndEarlier(usize),
    /// The current word and the two before it.
    ThreeWords,
    /// The byte above in the record, and the column.
    Column,
    /// The byte above in the record, and the last byte.
    Above,
    /// The byte that the match expects, the match's length, and the last byte.
    Expected,
    /// Classes of the last eight bytes, and the last byte.
    Classes,
    /// The byte above in the previous line, the last byte, and the position in the line.
    Line,
    /// The two bytes that followed the latest occurrences of the last byte, and the last byte.
    TwoSuccessors,
    /// The three bytes that followed the latest occurrences of the last byte.
    ThreeSuccessors,
}

/// The values of which contexts consist.
struct ContextValues {
    /// The last eight bytes, the last one lowest.
    recent: u64,
    words: [u64; 4],
    record_len: u64,
    column: u64,
    /// The byte above in the record.
    above: u64,
    /// The byte above in the previous line.
    above_in_line: u64,
    in_line: u64,
    /// The expected byte and the match's length, 0 without a match.
    expected: u64,
    classes: u64,
    successors: u64,
}

impl ContextValues {
    #[inline(always)]
    fn content(&self, context: Context) -> (u64, u64) {
        let ContextValues { recent, record_len, above, .. } = *self;
        let [word, one, two, _] = self.words;
        let last = recent & 255;
        match context {
            Context::Order(n) => (recent & 1u64.checked_shl(8 * n).map_or(u64::MAX, |bit| bit - 1), 0),
            Context::Masked(mask) => (recent & mask, 0),
            Context::Word => (word, last),
            Context::WordAndEarlier(n) => (word, self.words[n]),
            Context::ThreeWords => (word, one.wrapping_mul(31) + two),
            Context::Column => (self.column << 8 | above, record_len),
            Context::Above => (above << 8 | last, record_len),
            Context::Expected => (self.expected, last),
            Context::Classes => (self.classes & 0xffff, last),
            Context::Line => (self.above_in_line << 8 | last, self.in_line),
            Context::TwoSuccessors => (self.successors & 0xffff, last),
            Context::ThreeSuccessors => (self.successors & 0xff_ffff, 0),
        }
    }
}

/// Hashes a context's number and content.
#[inline(always)]
fn hash(number: usize, a: u64, b: u64) -> u64 {
    let mixed = a
        .wrapping_add(number as u64 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        .wrapping_add(b)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 32
}

/// Computes the hash of each context for a stream's next byte.
#[inline(always)]
pub fn hash_contexts(
    contexts: &[Context],
    stream: &Stream,
    history: &History,
    expected: Option<u8>,
    hashes: &mut [u64],
) {
    let record_len = stream.records.length;
    let values = ContextValues {
        recent: stream.recent,
        words: stream.words.map(u64::from),
        record_len: record_len.into(),
        column: u64::from((stream.age.wrapping_add(stream.column)) % record_len),
        above: stream.back(history, record_len),
        above_in_line: stream.above(history),
        in_line: stream.in_line().into(),
        expected: expected.map_or(0, |byte| 256 + u64::from(byte) + 512 * stream.matched.bucket() as u64),
        classes: stream.classes.into(),
        successors: stream.successors.0[stream.recent as usize & 255].into(),
    };
    for (i, (&context, slot)) in contexts.iter().zip(hashes).enumerate() {
        let (a, b) = values.content(context);
        *slot = hash(i, a, b);
    }
}

/// Computes the hashes of the first `hashes.len()` contexts of an image.
#[inline(always)]
pub fn hash_image_contexts(image: &ImageByte, hashes: &mut [u64]) {
    for (i, (content, slot)) in image.contexts().into_iter().zip(hashes).enumerate() {
        *slot = hash(MOST_CONTEXTS + i, content, 0);
    }
}
