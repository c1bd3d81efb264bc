//! Integers that start at a cache line: vectors loaded from them lie in one line each.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// Bytes of a line.
const LINE: usize = 64;

#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Line([u8; LINE]);

/// A value that starts at a line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnLine<T>(pub T);

impl<T> Deref for OnLine<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for OnLine<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A list of whole lines, seen as a slice of integers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aligned<T>(Vec<Line>, PhantomData<T>);

impl<T: Pod> Aligned<T> {
    /// As many zeros, whole lines of them.
    pub fn zeros(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        assert!(bytes.is_multiple_of(LINE));
        Aligned(vec![Line([0; LINE]); bytes / LINE], PhantomData)
    }

    /// The same values, whole lines of them.
    pub fn copy_of(values: &[T]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.copy_from_slice(values);
        aligned
    }
}

impl<T: Pod> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.0)
    }
}

impl<T: Pod> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
