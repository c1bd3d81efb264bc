//! A stream of bytes that is counted and hashed as it passes.

use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3;

/// Counts and hashes everything that is read from or written to the value it wraps.
pub struct Hashed<T> {
    inner: T,
    len: u64,
    hash: Xxh3,
}

/// The length of a stream so far, and its XXH3-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// The number of bytes.
    pub len: u64,
    /// Their XXH3-64.
    pub hash: u64,
}

impl<T> Hashed<T> {
    /// Wraps a value from which nothing was read, and to which nothing was written.
    pub fn new(inner: T) -> Self {
        Hashed { inner, len: 0, hash: Xxh3::new() }
    }

    /// The wrapped value.
    pub fn inner(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Returns the wrapped value.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if no byte has passed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Length and hash so far.
    pub fn prefix(&self) -> Prefix {
        Prefix { len: self.len, hash: self.hash.digest() }
    }

    /// Counts and hashes bytes that passed earlier.
    pub fn account(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

/// A writer that counts and hashes what is written, whatever it writes to.
pub trait HashedWrite: Write {
    /// Length and hash so far.
    fn prefix(&self) -> Prefix;
}

impl<W: Write> HashedWrite for Hashed<W> {
    fn prefix(&self) -> Prefix {
        Hashed::prefix(self)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.account(&buffer[..len]);
        Ok(len)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.inner.write(bytes)?;
        self.account(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
