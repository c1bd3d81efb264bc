//! Zeroed memory that starts at a cache line.

use std::ops::{Deref, DerefMut};

use bytemuck::Zeroable;

/// Bytes of a cache line.
const LINE: usize = 64;

/// A list of words that starts at a cache line, all zero at first. Memory that
/// was never written is not made by the system until then, so large ones cost little.
pub struct Lines<T> {
    /// A vector that is aligned by its type would be written as a whole.
    words: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Zeroable + Clone> Lines<T> {
    /// As many zeros.
    pub fn zeros(len: usize) -> Self {
        let words = vec![T::zeroed(); len + LINE / size_of::<T>()];
        let start = words.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        Lines { words, start, len }
    }
}

impl<T: Zeroable + Copy> Lines<T> {
    /// The words of this list so many times over.
    pub fn repeat(&self, times: usize) -> Self {
        let mut lines = Lines::zeros(self.len * times);
        lines.chunks_exact_mut(self.len.max(1)).for_each(|part| part.copy_from_slice(self));
        lines
    }
}

impl<T: Zeroable + Copy> Clone for Lines<T> {
    fn clone(&self) -> Self {
        self.repeat(1) // which starts at a cache line of its own
    }
}

impl<T> Deref for Lines<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.words[self.start..][..self.len]
    }
}

impl<T> DerefMut for Lines<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.words[self.start..][..self.len]
    }
}
