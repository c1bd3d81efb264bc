//! Packs the state of a long job: the tables of a young model are mostly zeros.
//!
//! A sequence of chunks: raw length (u32), packed length (u32), content. A chunk is deflated if it holds
//! many zeros; others would take long and gain little, and are written as they are.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

/// Bytes of a chunk.
const CHUNK: usize = 1 << 20;

/// Packs what is written to it.
pub struct Packer<W> {
    output: W,
    chunk: Vec<u8>,
    len: u64,
}

impl<W: Write> Packer<W> {
    /// Packs into `output`.
    pub fn new(output: W) -> Self {
        Packer { output, chunk: Vec::with_capacity(CHUNK), len: 0 }
    }

    /// Writes the last chunk; returns the output, and the number of bytes that were packed.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.write_chunk()?;
        Ok((self.output, self.len))
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let zeros = self.chunk.iter().filter(|&&byte| byte == 0).count();
        let mut packed = Vec::new();
        if zeros >= self.chunk.len() / 2 {
            DeflateEncoder::new(&self.chunk[..], Compression::fast()).read_to_end(&mut packed)?;
        }
        let is_packed = !packed.is_empty() && packed.len() < self.chunk.len();
        let content = if is_packed { &packed } else { &self.chunk };
        for len in [self.chunk.len(), content.len()] {
            self.output.write_all(&(len as u32).to_le_bytes())?;
        }
        self.output.write_all(content)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..len]);
        self.len += len as u64;
        if self.chunk.len() == CHUNK {
            self.write_chunk()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what was packed.
pub struct Unpacker<R> {
    input: R,
    chunk: Vec<u8>,
    read: usize,
}

impl<R: Read> Unpacker<R> {
    /// Unpacks `input`, which must hold nothing else.
    pub fn new(input: R) -> Self {
        Unpacker { input, chunk: Vec::new(), read: 0 }
    }

    /// Reads the next chunk, if there is one.
    fn read_chunk(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        (&mut self.input).take(8).read_to_end(&mut head)?;
        self.read = 0;
        self.chunk.clear();
        if head.is_empty() {
            return Ok(());
        }
        let wrong = || io::Error::from(io::ErrorKind::InvalidData);
        let (raw, packed) = head
            .split_first_chunk()
            .and_then(|(raw, packed)| Some((*raw, packed.try_into().ok()?)))
            .ok_or_else(wrong)?;
        let [raw, packed] = [raw, packed].map(|len| u32::from_le_bytes(len) as usize);
        if raw == 0 || raw > CHUNK || packed > raw {
            return Err(wrong());
        }
        let mut content = vec![0; packed];
        self.input.read_exact(&mut content)?;
        if packed < raw {
            DeflateDecoder::new(&content[..]).take(raw as u64).read_to_end(&mut self.chunk)?;
        } else {
            self.chunk = content;
        }
        if self.chunk.len() == raw { Ok(()) } else { Err(wrong()) }
    }
}

impl<R: Read> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.chunk.len() && !buffer.is_empty() {
            self.read_chunk()?;
        }
        let len = buffer.len().min(self.chunk.len() - self.read);
        buffer[..len].copy_from_slice(&self.chunk[self.read..self.read + len]);
        self.read += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(runs in prop::collection::vec((any::<bool>(), 0usize..900_000), 0..5)) {
            let noise = |len| (0..len as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 17) as u8).collect::<Vec<_>>();
            let runs = runs.into_iter().map(|(zeros, len)| if zeros { vec![0; len] } else { noise(len) });
            let content: Vec<u8> = runs.flatten().collect();
            let mut packer = Packer::new(Vec::new());
            packer.write_all(&content).unwrap();
            let (packed, len) = packer.finish().unwrap();
            prop_assert_eq!(len, content.len() as u64);
            prop_assert!(packed.len() <= content.len() + 8 * (content.len() / CHUNK + 1));
            let mut unpacked = Vec::new();
            Unpacker::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
            prop_assert_eq!(unpacked, content);
        }
    }

    #[test]
    fn zeros_take_no_space_and_damaged_chunks_are_errors() {
        let mut packer = Packer::new(Vec::new());
        packer.write_all(&vec![0; 10 << 20]).unwrap();
        let (packed, _) = packer.finish().unwrap();
        assert!(packed.len() < 100_000);
        for at in 0..8 {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x55;
            assert!(Unpacker::new(&damaged[..]).read_to_end(&mut Vec::new()).is_err(), "byte {at}");
        }
    }
}
