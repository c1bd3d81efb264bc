//! Memory that starts at a cache line, so that a vector loaded from it lies in one line.
//!
//! Alignment is only a matter of speed: nothing relies on it to be correct, and so nothing here
//! is `unsafe`.

use std::fmt;
use std::ops::{Deref, DerefMut};

use bytemuck::Zeroable;

/// Bytes of a cache line.
pub const CACHE_LINE: usize = 64;

/// A value that starts at a cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aligned<T>(pub T);

impl<T> Deref for Aligned<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A slice on the heap that starts at a cache line; its length is fixed.
pub struct AlignedBuffer<T> {
    /// Some elements more than `len`, so that one of the first of them starts a line.
    ///
    /// A vector of a type that is itself aligned to 64 bytes would be simpler, but then the
    /// standard library writes the zeros itself. This way it asks the system for zeroed memory,
    /// which the system provides page by page at the first access: a large table costs nothing
    /// until it is used.
    elements: Vec<T>,
    start: usize,
    len: usize,
}

impl<T> AlignedBuffer<T> {
    /// Elements that may stand before the first cache line.
    const PADDING: usize = CACHE_LINE / size_of::<T>();

    /// Takes a vector made with [`Self::padded`] elements.
    fn from_padded(elements: Vec<T>, len: usize) -> Self {
        let start = elements.as_ptr().align_offset(CACHE_LINE).min(elements.len() - len);
        AlignedBuffer { elements, start, len }
    }

    /// The number of elements to allocate: an empty buffer allocates nothing.
    fn padded(len: usize) -> usize {
        if len > 0 { len + Self::PADDING } else { 0 }
    }

    /// `len` values of `element`.
    pub fn from_fn(len: usize, element: impl FnMut() -> T) -> Self {
        Self::from_padded(std::iter::repeat_with(element).take(Self::padded(len)).collect(), len)
    }
}

impl<T: Zeroable + Clone> AlignedBuffer<T> {
    /// `len` zeros. For primitive integers the system provides zeroed memory, see the fields.
    pub fn zeros(len: usize) -> Self {
        Self::from_padded(vec![T::zeroed(); Self::padded(len)], len)
    }
}

impl<T: Zeroable + Copy> AlignedBuffer<T> {
    /// A copy of a slice.
    pub fn copy_of(values: &[T]) -> Self {
        let mut buffer = Self::zeros(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// The elements of this buffer, repeated `times` times.
    pub fn repeat(&self, times: usize) -> Self {
        let mut buffer = Self::zeros(self.len * times);
        buffer.chunks_exact_mut(self.len.max(1)).for_each(|part| part.copy_from_slice(self));
        buffer
    }
}

impl<T: Zeroable + Copy> Clone for AlignedBuffer<T> {
    fn clone(&self) -> Self {
        // The clone's memory has another distance to its first cache line.
        Self::copy_of(self)
    }
}

impl<T> Default for AlignedBuffer<T> {
    fn default() -> Self {
        AlignedBuffer { elements: Vec::new(), start: 0, len: 0 }
    }
}

impl<T: PartialEq> PartialEq for AlignedBuffer<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for AlignedBuffer<T> {}

impl<T: fmt::Debug> fmt::Debug for AlignedBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Deref for AlignedBuffer<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.elements[self.start..][..self.len]
    }
}

impl<T> DerefMut for AlignedBuffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts_a_line<T>(values: &[T]) -> bool {
        values.as_ptr().addr().is_multiple_of(CACHE_LINE)
    }

    #[test]
    fn buffers_start_at_a_cache_line() {
        for len in 1..200 {
            let mut bytes = AlignedBuffer::<u8>::zeros(len);
            assert!(starts_a_line(&bytes) && *bytes == vec![0; len]);
            bytes[len - 1] = 7;
            let repeated = bytes.repeat(3);
            assert!(starts_a_line(&repeated) && *repeated == bytes.to_vec().repeat(3));
            let copy = bytes.clone();
            assert!(starts_a_line(&copy) && copy == bytes);
            let mut next = 0;
            let counted = AlignedBuffer::from_fn(len, || {
                next += 1;
                next as u64
            });
            assert!(starts_a_line(&counted) && counted.len() == len && counted[len - 1] - counted[0] == len as u64 - 1);
        }
    }

    #[test]
    fn an_empty_buffer_allocates_nothing() {
        assert_eq!(AlignedBuffer::<i32>::zeros(0).elements.capacity(), 0);
        assert_eq!(AlignedBuffer::<i32>::default().clone().len(), 0);
    }
}
