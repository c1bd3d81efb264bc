//! A decoder that is given its archive piece by piece.

use std::io::{self, Read};
use std::mem;

use crate::Error;
use crate::archive::Prefix;
use crate::codec::{ArchiveDecoder, Monitor, Unit, WithoutCheckpoints};
use crate::options::Options;

/// Decompresses an archive that comes piece by piece; the async form of
/// [`read::Decoder`](crate::read::Decoder).
///
/// A block is decoded when it has arrived; one of more than 64 KiB of code, at the latest when a quarter
/// more has. Only bytes of blocks whose checksums are right are
/// returned. Checkpoints are not used. See [`Encoder`](super::Encoder) for an example.
pub struct Decoder {
    decoder: ArchiveDecoder,
    input: Arriving,
    /// True once an error has ended the content.
    failed: bool,
}

/// The part of an archive that has arrived and is not decoded yet.
#[derive(Default)]
struct Arriving {
    bytes: Vec<u8>,
    /// Bytes read of it, and those of them that belong to whole units.
    read: usize,
    used: usize,
    /// True once the whole archive has arrived.
    is_all: bool,
    /// True if more was asked for than has arrived.
    is_short: bool,
    /// The number of bytes from which on it is worth reading a unit again that had not arrived whole.
    enough: usize,
}

/// Units of so many bytes are tried again with every piece.
const SMALL: usize = 64 << 10;

impl Arriving {
    /// Adds bytes, and forgets those of whole units.
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..mem::take(&mut self.used));
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The number of bytes that belong to no whole unit yet.
    fn left(&self) -> usize {
        self.bytes.len() - self.used
    }
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = (&self.bytes[self.read..]).read(buffer)?;
        self.read += len;
        self.is_short |= len == 0 && !buffer.is_empty() && !self.is_all;
        if self.is_short { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(len) }
    }
}

impl Decoder {
    /// Returns a decoder for one archive.
    pub fn new(options: &Options) -> Self {
        Decoder { decoder: ArchiveDecoder::new(options.decode_settings()), input: Arriving::default(), failed: false }
    }

    /// Takes bytes of the archive, and appends the content of each block that is whole to `content`.
    ///
    /// # Errors
    ///
    /// As [`decompress`](super::decompress). What was appended before an error is right.
    pub async fn write(&mut self, bytes: &[u8], content: &mut Vec<u8>, monitor: &mut dyn Monitor) -> Result<(), Error> {
        self.check()?;
        self.input.add(bytes);
        // A future that is dropped before its end leaves it set.
        self.failed = true;
        self.decode(content, monitor).await?;
        self.failed = false;
        Ok(())
    }

    /// Ends the archive: decodes the rest, and checks that nothing is missing.
    ///
    /// # Errors
    ///
    /// As [`decompress`](super::decompress). With
    /// [`ArchiveError::Trailer`](crate::ArchiveError::Trailer) all content was appended and is right.
    pub async fn finish(mut self, content: &mut Vec<u8>, monitor: &mut dyn Monitor) -> Result<(), Error> {
        self.check()?;
        self.input.is_all = true;
        self.decode(content, monitor).await?;
        self.decoder.finish().map(|_| ())
    }

    /// Decodes all units that have arrived.
    async fn decode(&mut self, content: &mut Vec<u8>, monitor: &mut dyn Monitor) -> Result<(), Error> {
        let monitor = &mut WithoutCheckpoints(monitor);
        while let Some(unit) = self.next_unit()? {
            let raw = self.decoder.decode(unit, [Prefix::default(); 2], monitor).await?;
            content.extend_from_slice(&raw);
        }
        Ok(())
    }

    /// Reads the next unit; nothing at the end of the archive, and where the unit has not arrived whole.
    fn next_unit(&mut self) -> Result<Option<Unit>, Error> {
        let input = &mut self.input;
        if input.left() < input.enough && !input.is_all {
            return Ok(None);
        }
        let unit = self.decoder.read(input);
        if mem::take(&mut input.is_short) {
            // It is read again from its start when more has arrived; not after every piece, as the time
            // for a large unit would grow with the square of its length.
            let arrived = input.left();
            input.enough = arrived + if arrived <= SMALL { 0 } else { arrived / 4 };
            input.read = input.used;
            return Ok(None);
        }
        input.used = input.read;
        input.enough = 0;
        unit
    }

    fn check(&self) -> Result<(), Error> {
        match self.failed {
            true => Err(Error::Input(io::Error::other("an earlier error has ended this archive"))),
            false => Ok(()),
        }
    }
}
