//! Input that JavaScript reads.

use std::io::{self, Read, Seek, SeekFrom};

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::output::io_error;

#[wasm_bindgen]
extern "C" {
    /// An object `{size, read(start, end)}`; `read` returns the bytes of a range at once.
    pub type Source;

    #[wasm_bindgen(method, getter)]
    fn size(this: &Source) -> f64;

    #[wasm_bindgen(method, catch)]
    fn read(this: &Source, start: f64, end: f64) -> Result<Uint8Array, JsValue>;
}

/// Bytes that are asked for at a time, so that calls of JavaScript are few.
const SLICE: u64 = 1 << 20;

/// A source that is read from its start, or at any place.
pub struct Input {
    source: Source,
    size: u64,
    at: u64,
    /// The slice at hand, and the place where it starts.
    slice: Vec<u8>,
    slice_start: u64,
}

impl Input {
    /// Returns the input that an object of JavaScript is.
    pub fn new(source: Source) -> Self {
        let size = source.size() as u64;
        Input { source, size, at: 0, slice: Vec::new(), slice_start: 0 }
    }

    /// The number of bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns what the slice at hand has from the current place on.
    fn at_hand(&self) -> &[u8] {
        let skipped = self.at.checked_sub(self.slice_start).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| self.slice.get(skipped..)).unwrap_or_default()
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at_hand().is_empty() && self.at < self.size {
            let end = self.size.min(self.at + SLICE);
            let bytes = self.source.read(self.at as f64, end as f64).map_err(io_error)?;
            if u64::from(bytes.length()) != end - self.at {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.slice = bytes.to_vec();
            self.slice_start = self.at;
        }
        let len = self.at_hand().read(buffer)?;
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
