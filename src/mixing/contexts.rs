//! What each context model looks at: the hashes of a stream's past.

use super::image::Image;
use super::kinds::MOST_CONTEXTS;
use super::matching::Past;
use super::stream::Stream;

/// A context, whose hash finds what is known of it.
#[derive(Clone, Copy, Debug)]
pub enum Context {
    /// The last n bytes, 0 to 8.
    Order(u32),
    /// The last eight bytes, but only those of the mask.
    Masked(u64),
    /// This word and the last byte.
    Word,
    /// This word and the n-th before.
    WordAndEarlier(usize),
    /// This word and the two before.
    ThreeWords,
    /// The byte above in a record, and the column.
    Column,
    /// The byte above in a record, and the last one.
    Above,
    /// The byte that a match foretells, its length, and the last byte.
    Foretold,
    /// Kinds of the last eight bytes, and the last one.
    Kinds,
    /// The byte above in the line before, the last one, and the place in the line.
    Line,
    /// The two bytes that followed the last byte's last occurrences, and it.
    Followers,
    /// The three bytes that followed them.
    ThreeFollowers,
}

/// What contexts are made of, at one byte.
struct View {
    r: u64,
    words: [u64; 4],
    length: u64,
    column: u64,
    above: u64,
    over: u64,
    in_line: u64,
    foretold: u64,
    kinds: u64,
    followers: u64,
}

impl View {
    #[inline(always)]
    fn content(&self, context: Context) -> (u64, u64) {
        let View { r, length, above, .. } = *self;
        let [word, one, two, _] = self.words;
        let last = r & 255;
        match context {
            Context::Order(n) => (r & 1u64.checked_shl(8 * n).map_or(u64::MAX, |bit| bit - 1), 0),
            Context::Masked(mask) => (r & mask, 0),
            Context::Word => (word, last),
            Context::WordAndEarlier(n) => (word, self.words[n]),
            Context::ThreeWords => (word, one.wrapping_mul(31) + two),
            Context::Column => (self.column << 8 | above, length),
            Context::Above => (above << 8 | last, length),
            Context::Foretold => (self.foretold, last),
            Context::Kinds => (self.kinds & 0xffff, last),
            Context::Line => (self.over << 8 | last, self.in_line),
            Context::Followers => (self.followers & 0xffff, last),
            Context::ThreeFollowers => (self.followers & 0xff_ffff, 0),
        }
    }
}

/// Mixes a context's number and content to a hash.
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

/// The hash of every context for the next byte.
#[inline(always)]
pub fn hashes(contexts: &[Context], stream: &Stream, past: &Past, expected: Option<u8>, hashes: &mut [u64]) {
    let length = stream.records.length;
    let view = View {
        r: stream.recent,
        words: stream.words.map(u64::from),
        length: length.into(),
        column: u64::from(stream.age % length),
        above: stream.back(past, length),
        over: stream.above(past),
        in_line: stream.in_line().into(),
        foretold: expected.map_or(0, |byte| 256 + u64::from(byte) + 512 * stream.matched.bucket() as u64),
        kinds: stream.kinds.into(),
        followers: stream.followers.0[stream.recent as usize & 255].into(),
    };
    for (i, (&context, slot)) in contexts.iter().zip(hashes).enumerate() {
        let (a, b) = view.content(context);
        *slot = hash(i, a, b);
    }
}

/// The hash of every context of an image, as many as there is room for.
#[inline(always)]
pub fn image_hashes(image: &Image, hashes: &mut [u64]) {
    for (i, (content, slot)) in image.contents().into_iter().zip(hashes).enumerate() {
        *slot = hash(MOST_CONTEXTS + i, content, 0);
    }
}
