//! Replaces words by codes, and capitals by flags before lower-case words.

use super::super::TransformError;
use super::dictionary::{Code, Dictionary, ENGLISH, LONGEST_WORD, WordIndex, read_code};

/// The next letter, or the first letter of the next word, is a capital.
const CAPITAL: u8 = 1;
/// All letters are capitals up to the next byte that is not a letter, or the next flag.
const CAPITALS: u8 = 2;
/// A UTF-8 character of two to four bytes follows.
const CHARACTER: u8 = 3;
/// A byte follows that is not a code.
const BYTE: u8 = 4;

/// The shortest prefix of a word that is coded as a word.
const SHORTEST_STEM: usize = 5;

/// Finds the next run of letters in one case pattern: lower case, one capital before lower
/// case, or capitals only. Returns its length and the flag to write before it.
fn next_word(letters: &[u8]) -> (usize, Option<u8>) {
    let lower = |from: usize| letters[from..].iter().take_while(|b| b.is_ascii_lowercase()).count();
    let upper = letters.iter().take_while(|b| b.is_ascii_uppercase()).count();
    match upper {
        0 => (lower(0), None),
        1 => (1 + lower(1), Some(CAPITAL)),
        // The last capital begins the next word.
        _ if lower(upper) > 0 && upper == 2 => (1, Some(CAPITAL)),
        _ if lower(upper) > 0 => (upper - 1, Some(CAPITALS)),
        _ => (upper, Some(CAPITALS)),
    }
}

/// Returns the length of the UTF-8 character at the start of `bytes` if it has more than one byte.
fn character_len(bytes: &[u8]) -> Option<usize> {
    let len = match bytes.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let rest = bytes.get(1..len)?;
    rest.iter().all(|b| b & 0xc0 == 0x80).then_some(len)
}

/// Calls `word` with each word in lower case and its flag, and `other` with the bytes between words.
pub fn split<'a>(text: &'a [u8], mut word: impl FnMut(&[u8], Option<u8>), mut other: impl FnMut(&'a [u8])) {
    let mut lower = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.iter().position(u8::is_ascii_alphabetic).unwrap_or(rest.len());
        other(&rest[..gap]);
        rest = &rest[gap..];
        let run = rest.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (mut letters, after) = rest.split_at(run);
        while !letters.is_empty() {
            let (len, flag) = next_word(letters);
            lower.clear();
            lower.extend(letters[..len].iter().map(u8::to_ascii_lowercase));
            word(&lower, flag);
            letters = &letters[len..];
        }
        rest = after;
    }
}

/// Returns the code of a whole word if it has one that is not longer than the word.
fn code(word: &[u8], own: &Dictionary) -> Option<Code> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let code = own.index(word).map(Code::own).or_else(|| ENGLISH.index(word).map(Code::built_in))?;
    (code.bytes().len() <= word.len()).then_some(code)
}

/// Appends a lower-case word: its code, else the code of its longest prefix that has one and
/// the remaining letters, else its letters.
pub fn encode_word(word: &[u8], own: &Dictionary, coded: &mut Vec<u8>) {
    let stems = (SHORTEST_STEM..word.len().min(LONGEST_WORD + 1)).rev();
    let known = std::iter::once(word.len()).chain(stems).find_map(|len| Some((len, code(&word[..len], own)?)));
    if let Some((len, code)) = known {
        coded.extend_from_slice(code.bytes());
        coded.extend_from_slice(&word[len..]);
    } else {
        coded.extend_from_slice(word);
    }
}

/// Appends bytes that are not letters.
fn encode_other(mut bytes: &[u8], coded: &mut Vec<u8>) {
    while let Some(&byte) = bytes.first() {
        let mut len = 1;
        if let Some(character) = character_len(bytes) {
            coded.push(CHARACTER);
            len = character;
        } else if byte >= 0x80 || (CAPITAL..=BYTE).contains(&byte) {
            coded.push(BYTE);
        }
        coded.extend_from_slice(&bytes[..len]);
        bytes = &bytes[len..];
    }
}

/// Appends any bytes with their words replaced by codes of `own` and built-in words.
pub fn forward(text: &[u8], own: &Dictionary, coded: &mut Vec<u8>) {
    // Both closures append to the output.
    let output = std::cell::RefCell::new(coded);
    let word = |word: &[u8], flag: Option<u8>| {
        let coded = &mut *output.borrow_mut();
        coded.extend(flag);
        encode_word(word, own, coded);
    };
    split(text, word, |bytes| encode_other(bytes, &mut output.borrow_mut()));
}

/// Reverses [`forward`]; the result has at most `limit` bytes.
pub fn inverse(mut coded: &[u8], own: &Dictionary, limit: usize) -> Result<Vec<u8>, TransformError> {
    let mut text = Vec::new();
    let mut flag = 0;
    while let Some(&byte) = coded.first() {
        let (letters, len) = match byte {
            CAPITAL | CAPITALS => {
                flag = byte;
                coded = &coded[1..];
                continue;
            }
            b'a'..=b'z' => (&coded[..1], 1),
            b'A'..=b'Z' | 0x80.. => {
                let (index, len) = read_code(coded).ok_or(TransformError::Code)?;
                let word = match index {
                    WordIndex::BuiltIn(index) => ENGLISH.word(index),
                    WordIndex::Own(index) => own.word(index),
                };
                (word.ok_or(TransformError::Code)?, len)
            }
            _ => {
                let (skipped, len) = match byte {
                    CHARACTER => (1, character_len(&coded[1..]).ok_or(TransformError::Code)?),
                    BYTE if coded.len() > 1 => (1, 1),
                    BYTE => return Err(TransformError::Code),
                    _ => (0, 1),
                };
                let (bytes, after) = coded[skipped..].split_at(len);
                push(&mut text, bytes, limit)?;
                (coded, flag) = (after, 0);
                continue;
            }
        };
        let start = text.len();
        push(&mut text, letters, limit)?;
        match flag {
            CAPITAL => {
                text[start..=start].make_ascii_uppercase();
                flag = 0;
            }
            CAPITALS => text[start..].make_ascii_uppercase(),
            _ => {}
        }
        coded = &coded[len..];
    }
    Ok(text)
}

fn push(text: &mut Vec<u8>, bytes: &[u8], limit: usize) -> Result<(), TransformError> {
    if bytes.len() > limit - text.len() {
        return Err(TransformError::TooLong);
    }
    text.extend_from_slice(bytes);
    Ok(())
}
