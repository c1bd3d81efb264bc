//! The built-in English words, and the codes of words.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// The words in the order of their codes: an upper-case letter says how many letters a
/// word shares with the one before (A none, B one...), the rest follows in lower case.
pub const ENGLISH_FILE: &[u8] = include_bytes!("../../data/english.words");

/// The built-in words.
pub static ENGLISH: LazyLock<Dictionary> = LazyLock::new(|| Dictionary::parse(ENGLISH_FILE));

/// Words with a code of one byte.
pub const ONE_BYTE: usize = 64;
/// Words with a code of two bytes: 48 leading bytes, 64 last bytes.
pub const TWO_BYTES: usize = 48 * 64;
/// Most words of a block's own: 26 leading bytes, 64 last ones.
pub const MOST_BLOCK_WORDS: usize = 26 * 64;
/// Letters of the longest word in any dictionary.
pub const LONGEST_WORD: usize = 32;

/// First last byte of a code.
const LAST: u8 = 0x80;
/// First leading or middle byte of a built-in word's code.
const LEAD: u8 = 0xc0;
/// First leading byte of three.
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

/// A list of words, and where each is in it.
pub struct Dictionary {
    words: Vec<Vec<u8>>,
    places: HashMap<Vec<u8>, usize, BuildHasherDefault<WordHasher>>,
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

    /// Words in the order of their codes.
    pub fn new(words: Vec<Vec<u8>>) -> Self {
        let places = words.iter().enumerate().map(|(place, word)| (word.clone(), place)).collect();
        Dictionary { words, places }
    }

    /// Place of a lower-case word.
    pub fn place(&self, word: &[u8]) -> Option<usize> {
        self.places.get(word).copied()
    }

    /// The word at a place.
    pub fn word(&self, place: usize) -> Option<&[u8]> {
        self.words.get(place).map(Vec::as_slice)
    }

    /// All words.
    pub fn words(&self) -> &[Vec<u8>] {
        &self.words
    }
}

/// A word's code: up to three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    bytes: [u8; 3],
    len: usize,
}

impl Code {
    /// The code of the built-in word at a place below 68,672.
    pub fn built_in(place: usize) -> Self {
        let last = LAST + (place % 64) as u8;
        match place.checked_sub(ONE_BYTE) {
            None => Code { bytes: [last, 0, 0], len: 1 },
            Some(rest) if rest < TWO_BYTES => Code { bytes: [LEAD + (rest / 64) as u8, last, 0], len: 2 },
            Some(rest) => {
                let rest = rest - TWO_BYTES;
                Code { bytes: [LEAD_OF_THREE + (rest / 4096) as u8, LEAD + (rest / 64 % 64) as u8, last], len: 3 }
            }
        }
    }

    /// The code of the block's own word at a place below [`MOST_BLOCK_WORDS`].
    pub fn own(place: usize) -> Self {
        Code { bytes: [b'A' + (place / 64) as u8, LAST + (place % 64) as u8, 0], len: 2 }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Whose word a code names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    BuiltIn(usize),
    Own(usize),
}

/// Reads the code at the start of some bytes: what it names, and its length.
pub fn read_code(coded: &[u8]) -> Option<(Named, usize)> {
    let last = |i: usize| coded.get(i).filter(|b| (LAST..LEAD).contains(b)).map(|b| usize::from(b - LAST));
    let first = *coded.first()?;
    match first {
        b'A'..=b'Z' => Some((Named::Own(usize::from(first - b'A') * 64 + last(1)?), 2)),
        LAST..LEAD => Some((Named::BuiltIn(last(0)?), 1)),
        LEAD..LEAD_OF_THREE => Some((Named::BuiltIn(ONE_BYTE + usize::from(first - LEAD) * 64 + last(1)?), 2)),
        LEAD_OF_THREE.. => {
            let middle = coded.get(1).filter(|&&b| b >= LEAD).map(|b| usize::from(b - LEAD))?;
            let rest = usize::from(first - LEAD_OF_THREE) * 4096 + middle * 64 + last(2)?;
            Some((Named::BuiltIn(ONE_BYTE + TWO_BYTES + rest), 3))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most built-in words: 16 leading bytes, 64 middle and 64 last ones take the long codes.
    const MOST_WORDS: usize = ONE_BYTE + TWO_BYTES + 16 * 64 * 64;

    #[test]
    fn every_code_names_its_word_whatever_follows() {
        for place in 0..MOST_WORDS {
            let mut coded = Code::built_in(place).bytes().to_vec();
            let len = coded.len();
            coded.extend_from_slice(&[0xff, 0x80, 0x80]);
            assert_eq!(read_code(&coded), Some((Named::BuiltIn(place), len)));
        }
        for place in 0..MOST_BLOCK_WORDS {
            assert_eq!(read_code(Code::own(place).bytes()), Some((Named::Own(place), 2)));
        }
    }

    #[test]
    fn codes_cut_short_name_nothing() {
        for cut in [&b"A"[..], &[0xc0], &[0xf0], &[0xf0, 0xc0], &[0xf0, 0x80, 0x80], b"Aa", b"a", b""] {
            assert_eq!(read_code(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn the_built_in_words_are_distinct_lower_case_and_fit_their_codes() {
        let words = ENGLISH.words();
        assert!(words.len() <= MOST_WORDS);
        for (place, word) in words.iter().enumerate() {
            assert!((1..=LONGEST_WORD).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase));
            assert_eq!(ENGLISH.place(word), Some(place), "{} is there twice", String::from_utf8_lossy(word));
        }
    }

    #[test]
    fn the_built_in_words_are_those_of_the_format() {
        // Archives name words by place: other words need another version of the format.
        assert_eq!(xxhash_rust::xxh3::xxh3_64(ENGLISH_FILE), 0x86e9_033f_bc0e_dc38);
    }
}
