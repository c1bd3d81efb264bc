//! 16-bit integers that start at a cache line: vectors loaded from them lie in one line each.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Line([i16; 32]);

/// A list of whole lines, seen as a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aligned(Vec<Line>);

impl Aligned {
    /// As many zeros, a multiple of 32.
    pub fn zeros(len: usize) -> Self {
        assert!(len.is_multiple_of(32));
        Aligned(vec![Line([0; 32]); len / 32])
    }
}

impl Deref for Aligned {
    type Target = [i16];

    fn deref(&self) -> &[i16] {
        bytemuck::cast_slice(&self.0)
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [i16] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
