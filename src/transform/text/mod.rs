//! Text: words become codes, and line ends are coded separately.
//!
//! A word's code comes from the built-in dictionary or from a list of words at the
//! start of the block.

mod dictionary;
mod lines;
mod words;

use std::collections::HashMap;

use super::TransformError;

use dictionary::{Code, Dictionary, ENGLISH, LONGEST_WORD, MOST_BLOCK_WORDS};

/// Ends each word in the list of the block's own words.
const SEPARATOR: u8 = b'\n';
/// The smallest number of bytes that a listed word must save, net of its entry in the list.
const LEAST_SAVING: usize = 32;

/// Returns the words of a text that it should list as its own, sorted.
fn own_words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut built_in = vec![0; ENGLISH.words().len()];
    let mut others: HashMap<Vec<u8>, usize> = HashMap::new();
    let count = |word: &[u8], _| {
        if let Some(index) = ENGLISH.index(word) {
            built_in[index] += 1;
        } else if (3..=LONGEST_WORD).contains(&word.len()) {
            match others.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(others.insert(word.to_vec(), 1)),
            }
        }
    };
    words::split(text, count, |_| {});
    let built_in = ENGLISH.words().iter().cloned().zip(built_in);
    let counts = built_in.filter(|&(_, count)| count > 1).chain(others);
    let none = Dictionary::new(Vec::new());
    let mut coded = Vec::new();
    let saving = |(word, count): (Vec<u8>, usize)| {
        coded.clear();
        words::encode_word(&word, &none, &mut coded);
        let saved = count * coded.len().checked_sub(Code::own(0).bytes().len())?;
        let saved = saved.checked_sub(coded.len() + 1).filter(|&saved| saved >= LEAST_SAVING)?;
        Some((saved, word))
    };
    let mut best: Vec<(usize, Vec<u8>)> = counts.filter_map(saving).collect();
    best.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    best.truncate(MOST_BLOCK_WORDS);
    let mut words: Vec<Vec<u8>> = best.into_iter().map(|(_, word)| word).collect();
    words.sort();
    words
}

/// Appends a number, seven bits per byte, the lowest first; only the last byte is below 128.
fn push_number(mut number: usize, coded: &mut Vec<u8>) {
    while number >= 128 {
        coded.push(number as u8 | 128);
        number >>= 7;
    }
    coded.push(number as u8);
}

/// Removes a number from the front of `coded`.
fn take_number(coded: &mut &[u8]) -> Result<usize, TransformError> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = coded.split_first().ok_or(TransformError::Head)?;
        *coded = rest;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return usize::try_from(number).map_err(|_| TransformError::Head);
        }
    }
    Err(TransformError::Head)
}

/// Separates the line ends. Returns whether lines were joined (where the code for that is
/// short), the text, and the code of the line ends.
fn without_line_ends(raw: &[u8]) -> (bool, Vec<u8>, Vec<u8>) {
    let feeds = |text: &[u8]| text.iter().filter(|&&b| b == b'\n').count();
    let (text, flags) = lines::forward(raw, true);
    let joined = feeds(raw) - feeds(&text);
    // A line feed costs the models more than two bits.
    if joined > 0 && flags.len() * 4 <= joined {
        return (true, text, flags);
    }
    let (text, flags) = lines::forward(raw, false);
    (false, text, flags)
}

/// Transforms any bytes.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    let (join, text, flags) = without_line_ends(raw);
    let own = Dictionary::new(own_words(&text));
    let mut coded = vec![join.into()];
    push_number(flags.len(), &mut coded);
    push_number(own.words().len(), &mut coded);
    let none = Dictionary::new(Vec::new());
    for word in own.words() {
        words::encode_word(word, &none, &mut coded);
        coded.push(SEPARATOR);
    }
    words::forward(&text, &own, &mut coded);
    coded.extend_from_slice(&flags);
    coded
}

/// Reverses [`forward`]; the result has at most `limit` bytes.
pub fn inverse(mut coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
    let join = take_number(&mut coded)? == 1;
    let flags_len = take_number(&mut coded)?;
    let words = take_number(&mut coded)?;
    if words > MOST_BLOCK_WORDS {
        return Err(TransformError::Head);
    }
    let none = Dictionary::new(Vec::new());
    let mut own = Vec::with_capacity(words);
    for _ in 0..words {
        let end = coded.iter().position(|&b| b == SEPARATOR).ok_or(TransformError::Head)?;
        let word = words::inverse(&coded[..end], &none, LONGEST_WORD)?;
        if word.is_empty() || !word.iter().all(u8::is_ascii_lowercase) {
            return Err(TransformError::Head);
        }
        own.push(word);
        coded = &coded[end + 1..];
    }
    let body = coded.len().checked_sub(flags_len).ok_or(TransformError::Head)?;
    let (body, flags) = coded.split_at(body);
    let text = words::inverse(body, &Dictionary::new(own), limit)?;
    lines::inverse(&text, flags, join, limit)
}
