//! A decoder that is read from.

use std::io::{self, BufReader, Read};

use crate::Error;
use crate::archive::Prefix;
use crate::codec::{ArchiveDecoder, Monitor, WithoutCheckpoints};
use crate::options::Options;
use crate::pool::Pool;

/// Reads the content of an archive that is read from `R`, block by block.
///
/// Only bytes of blocks whose checksums are right are returned. Errors of the archive are
/// [`io::Error`]s of kind [`io::ErrorKind::InvalidData`] that hold an [`Error`].
///
/// ```
/// use std::io::Read;
///
/// let archive = lockstep::compress(b"once upon a time", lockstep::Level::FASTEST)?;
/// let mut decoder = lockstep::read::Decoder::new(&archive[..], &lockstep::Options::new())?;
/// let mut text = String::new();
/// decoder.read_to_string(&mut text)?;
/// assert_eq!(text, "once upon a time");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Decoder<R> {
    input: BufReader<R>,
    decoder: ArchiveDecoder,
    /// The block at hand, and how much of it was returned.
    block: Vec<u8>,
    returned: usize,
    monitor: Box<dyn Monitor>,
    pool: Pool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
    Failed,
}

impl<R: Read> Decoder<R> {
    /// Returns a decoder that reads an archive from `input`.
    ///
    /// # Errors
    ///
    /// [`Error::Threads`] where threads can't be started.
    pub fn new(input: R, options: &Options) -> Result<Self, Error> {
        Self::with_monitor(input, options, ())
    }

    /// Like [`Decoder::new`], with a monitor to follow progress and to cancel.
    ///
    /// # Errors
    ///
    /// As [`Decoder::new`].
    pub fn with_monitor(input: R, options: &Options, monitor: impl Monitor + 'static) -> Result<Self, Error> {
        Ok(Decoder {
            input: BufReader::new(input),
            decoder: ArchiveDecoder::new(options.decode_settings()),
            block: Vec::new(),
            returned: 0,
            monitor: Box::new(monitor),
            pool: Pool::new(options)?,
            state: State::Reading,
        })
    }

    /// Decodes the next block that is not empty; an empty one means the end.
    fn next_block(&mut self) -> Result<Vec<u8>, Error> {
        while let Some(unit) = self.decoder.read(&mut self.input)? {
            let Decoder { decoder, monitor, pool, .. } = self;
            let monitor = &mut WithoutCheckpoints(&mut **monitor);
            let block = decoder.decode(unit, [Prefix::default(); 2], monitor);
            let raw = pool.run(|| pollster::block_on(block))?;
            if !raw.is_empty() {
                return Ok(raw);
            }
        }
        self.state = State::Ended;
        self.decoder.finish().map(|_| Vec::new())
    }

    /// Returns the input, of which more may have been read than was decoded.
    pub fn into_inner(self) -> R {
        self.input.into_inner()
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.returned == self.block.len() {
            match self.state {
                State::Reading => {}
                State::Ended => return Ok(0),
                State::Failed => return Err(io::Error::other("an earlier error has ended this archive")),
            }
            self.returned = 0;
            self.block = Vec::new();
            match self.next_block() {
                Ok(block) => self.block = block,
                Err(error) => {
                    self.state = State::Failed;
                    return Err(error.into());
                }
            }
        }
        let len = buffer.len().min(self.block.len() - self.returned);
        buffer[..len].copy_from_slice(&self.block[self.returned..][..len]);
        self.returned += len;
        Ok(len)
    }
}
