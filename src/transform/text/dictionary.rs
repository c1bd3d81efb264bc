//! The built-in English dictionary, and the codes of words.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// The words in the order of their codes. An upper-case letter begins a word and is the number
/// of letters shared with the previous word (A none, B one, ...); the other letters follow.
pub const ENGLISH_FILE: &[u8] = include_bytes!("../../../data/english.words");

/// The built-in words.
pub static ENGLISH: LazyLock<Dictionary> = LazyLock::new(|| Dictionary::parse(ENGLISH_FILE));

/// The number of words with a code of one byte.
pub const ONE_BYTE: usize = 64;
/// The number of words with a code of two bytes: 48 leading bytes, 64 last bytes.
pub const TWO_BYTES: usize = 48 * 64;
/// The largest number of a block's own words: 26 leading bytes, 64 last bytes.
pub const MOST_BLOCK_WORDS: usize = 26 * 64;
/// The number of letters in the longest word of any dictionary.
pub const LONGEST_WORD: usize = 32;

/// The last byte of a code is in LAST..LEAD.
const LAST: u8 = 0x80;
/// The leading and middle bytes of a built-in word's code are in LEAD..=255.
const LEAD: u8 = 0xc0;
/// The leading byte of a code of three bytes is in LEAD_OF_THREE..=255.
const LEAD_OF_THREE: u8 = LEAD + 48;

/// Hashes a word eight letters at a time.
#[derive(Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let letters = chunk.iter().fold(0, |letters, &b| letters << 8 | u64::from(b));
            self.0 = (self.0 ^ letters).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }
}

/// A list of words with an index.
pub struct Dictionary {
    words: Vec<Vec<u8>>,
    indices: HashMap<Vec<u8>, usize, BuildHasherDefault<WordHasher>>,
}

impl Dictionary {
    fn parse(file: &[u8]) -> Self {
        let mut words: Vec<Vec<u8>> = Vec::new();
        for &byte in file {
            match (byte.is_ascii_uppercase(), words.last_mut()) {
                (true, last) => {
                    let shared = last.map(|word| word[..usize::from(byte - b'A')].to_vec());
                    words.push(shared.unwrap_or_default());
                }
                (false, Some(word)) => word.push(byte),
                (false, None) => {}
            }
        }
        Dictionary::new(words)
    }

    /// Creates a dictionary of words in the order of their codes.
    pub fn new(words: Vec<Vec<u8>>) -> Self {
        let indices = words.iter().enumerate().map(|(index, word)| (word.clone(), index)).collect();
        Dictionary { words, indices }
    }

    /// Returns the index of a lower-case word.
    pub fn index(&self, word: &[u8]) -> Option<usize> {
        self.indices.get(word).copied()
    }

    /// Returns the word at an index.
    pub fn word(&self, index: usize) -> Option<&[u8]> {
        self.words.get(index).map(Vec::as_slice)
    }

    /// Returns all words in the order of their codes.
    pub fn words(&self) -> &[Vec<u8>] {
        &self.words
    }
}

/// The code of a word: one to three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    bytes: [u8; 3],
    len: usize,
}

impl Code {
    /// Returns the code of the built-in word at an index below 68,672.
    pub fn built_in(index: usize) -> Self {
        let last = LAST + (index % 64) as u8;
        match index.checked_sub(ONE_BYTE) {
            None => Code { bytes: [last, 0, 0], len: 1 },
            Some(rest) if rest < TWO_BYTES => Code { bytes: [LEAD + (rest / 64) as u8, last, 0], len: 2 },
            Some(rest) => {
                let rest = rest - TWO_BYTES;
                Code { bytes: [LEAD_OF_THREE + (rest / 4096) as u8, LEAD + (rest / 64 % 64) as u8, last], len: 3 }
            }
        }
    }

    /// Returns the code of the block's own word at an index below [`MOST_BLOCK_WORDS`].
    pub fn own(index: usize) -> Self {
        Code { bytes: [b'A' + (index / 64) as u8, LAST + (index % 64) as u8, 0], len: 2 }
    }

    /// Returns the bytes of the code.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A word by its dictionary and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordIndex {
    /// A word of the built-in dictionary.
    BuiltIn(usize),
    /// A word of the block's own list.
    Own(usize),
}

/// Parses the code at the start of `coded`; returns its word and its length in bytes.
pub fn read_code(coded: &[u8]) -> Option<(WordIndex, usize)> {
    let last = |i: usize| coded.get(i).filter(|b| (LAST..LEAD).contains(b)).map(|b| usize::from(b - LAST));
    let first = *coded.first()?;
    match first {
        b'A'..=b'Z' => Some((WordIndex::Own(usize::from(first - b'A') * 64 + last(1)?), 2)),
        LAST..LEAD => Some((WordIndex::BuiltIn(last(0)?), 1)),
        LEAD..LEAD_OF_THREE => Some((WordIndex::BuiltIn(ONE_BYTE + usize::from(first - LEAD) * 64 + last(1)?), 2)),
        LEAD_OF_THREE.. => {
            let middle = coded.get(1).filter(|&&b| b >= LEAD).map(|b| usize::from(b - LEAD))?;
            let rest = usize::from(first - LEAD_OF_THREE) * 4096 + middle * 64 + last(2)?;
            Some((WordIndex::BuiltIn(ONE_BYTE + TWO_BYTES + rest), 3))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of codes of built-in words; the long ones have 16 leading, 64 middle and 64 last bytes.
    const MOST_WORDS: usize = ONE_BYTE + TWO_BYTES + 16 * 64 * 64;

    #[test]
    fn every_code_is_parsed_whatever_follows_it() {
        for index in 0..MOST_WORDS {
            let mut coded = Code::built_in(index).bytes().to_vec();
            let len = coded.len();
            coded.extend_from_slice(&[0xff, 0x80, 0x80]);
            assert_eq!(read_code(&coded), Some((WordIndex::BuiltIn(index), len)));
        }
        for index in 0..MOST_BLOCK_WORDS {
            assert_eq!(read_code(Code::own(index).bytes()), Some((WordIndex::Own(index), 2)));
        }
    }

    #[test]
    fn truncated_codes_are_not_parsed() {
        for cut in [&b"A"[..], &[0xc0], &[0xf0], &[0xf0, 0xc0], &[0xf0, 0x80, 0x80], b"Aa", b"a", b""] {
            assert_eq!(read_code(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn the_built_in_words_are_distinct_lower_case_and_fit_their_codes() {
        let words = ENGLISH.words();
        assert!(words.len() <= MOST_WORDS);
        for (index, word) in words.iter().enumerate() {
            assert!((1..=LONGEST_WORD).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase));
            assert_eq!(ENGLISH.index(word), Some(index), "{} occurs twice", String::from_utf8_lossy(word));
        }
    }

    #[test]
    fn the_built_in_words_are_those_of_the_format() {
        // Archives refer to words by index, so other words need a new version of the format.
        assert_eq!(xxhash_rust::xxh3::xxh3_64(ENGLISH_FILE), 0x86e9_033f_bc0e_dc38);
    }
}
