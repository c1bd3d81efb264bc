//! Words in memory that threads write for one another.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::crew::wait;
use crate::simd::AlignedBuffer;
use crate::simd::aligned::CACHE_LINE;

/// Words that tasks write, each task its own, and other tasks read in a later phase (see
/// [`super::phases`]). A reader waits for each word until it is written: a word that is not
/// written yet has a value that is never written.
#[derive(Default)]
pub struct Board {
    words: AlignedBuffer<AtomicU64>,
    empty: u64,
    is_abandoned: AtomicBool,
}

impl Board {
    /// Words of a cache line, which start at multiples of this number.
    pub const LINE: usize = CACHE_LINE / size_of::<u64>();

    /// `len` words, none of them written. `empty` is a word that is never written.
    pub fn new(len: usize, empty: u64) -> Self {
        Board { words: AlignedBuffer::from_fn(len, || AtomicU64::new(empty)), empty, is_abandoned: false.into() }
    }

    /// Lets no reader wait any longer: a panic keeps some words from being written.
    pub fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// True after [`Board::abandon`].
    pub fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Writes words from index `first` on.
    pub fn write(&self, first: usize, words: &[u64]) {
        debug_assert!(!words.contains(&self.empty));
        // Release: a thread that reads one of the words also sees what was cleared before.
        let to = &self.words[first..][..words.len()];
        to.iter().zip(words).for_each(|(to, &word)| to.store(word, Ordering::Release));
    }

    /// Marks words as not written, so that others can be written in their place. All tasks must
    /// have read the old words, and must read another word of this task, written later, before
    /// they read the new ones.
    pub fn clear(&self, first: usize, len: usize) {
        self.words[first..][..len].iter().for_each(|word| word.store(self.empty, Ordering::Relaxed));
    }

    /// Reads words from index `first` on, and waits for each until it is written.
    pub fn read(&self, first: usize, words: &mut [u64]) {
        for (word, from) in words.iter_mut().zip(&self.words[first..]) {
            *word = from.load(Ordering::Acquire);
            let mut attempts = 0;
            while *word == self.empty && !self.is_abandoned() {
                wait(&mut attempts);
                *word = from.load(Ordering::Acquire);
            }
        }
    }
}
