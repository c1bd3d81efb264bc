//! An encoder that is written to.

use std::io::{self, Write};

use crate::archive::{Hashed, Prefix};
use crate::codec::{ArchiveEncoder, Monitor, WithoutCheckpoints};
use crate::options::Options;
use crate::pool::Pool;
use crate::{Error, embed};

/// Compresses what is written to it, and writes the archive to `W`.
///
/// Bytes are held until a block is full ([`Options::block_size`]), then coded and written.
/// **[`Encoder::finish`] must be called**: it codes the rest and ends the archive. An encoder that
/// is dropped unfinished leaves an archive that is cut short: decoders return the blocks that were
/// written, then an error.
///
/// ```
/// use std::io::Write;
///
/// let mut encoder = lockstep::write::Encoder::new(Vec::new(), &lockstep::Options::new())?;
/// for number in 0..100 {
///     writeln!(encoder, "line {number}")?;
/// }
/// let archive = encoder.finish()?;
/// assert!(archive.len() < 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Encoder<W: Write> {
    output: W,
    /// The code that is not yet written to the output.
    coded: Hashed<Vec<u8>>,
    encoder: ArchiveEncoder,
    pending: Vec<u8>,
    monitor: Box<dyn Monitor>,
    pool: Pool,
    /// True once an error has ended the archive.
    failed: bool,
}

impl<W: Write> Encoder<W> {
    /// Returns an encoder that writes to `output`. [`Options::length`] makes the archive smaller,
    /// where the length is known.
    ///
    /// # Errors
    ///
    /// [`Error::BlockSize`], [`Error::Threads`], or [`Error::Output`] where an embedded prior can't
    /// be written.
    pub fn new(output: W, options: &Options) -> Result<Self, Error> {
        Self::with_monitor(output, options, ())
    }

    /// Like [`Encoder::new`], with a monitor to follow progress and to cancel. Checkpoints are for
    /// [`compress_stream`](crate::compress_stream) alone.
    ///
    /// # Errors
    ///
    /// As [`Encoder::new`].
    pub fn with_monitor(mut output: W, options: &Options, monitor: impl Monitor + 'static) -> Result<Self, Error> {
        let encoder = ArchiveEncoder::new(options.encode_settings())?;
        let pool = Pool::new(options)?;
        embed(options, &mut output)?;
        let (coded, monitor) = (Hashed::new(Vec::new()), Box::new(WithoutCheckpoints(monitor)));
        Ok(Encoder { output, coded, encoder, pending: Vec::new(), monitor, pool, failed: false })
    }

    /// Codes what is pending as a block, the last one or not.
    fn code_block(&mut self, last: bool) -> Result<(), Error> {
        let Encoder { coded, encoder, pending, monitor, pool, .. } = self;
        let block = encoder.block(pending, last, Prefix::default(), coded, &mut **monitor);
        let result = pool.run(|| pollster::block_on(block));
        // Blocks before an error are good.
        let written = self.output.write_all(self.coded.inner()).map_err(Error::Output);
        self.coded.inner().clear();
        self.pending.clear();
        let result = result.and(written);
        self.failed = result.is_err();
        result
    }

    /// Codes the rest, ends the archive, and returns the output.
    ///
    /// # Errors
    ///
    /// As [`compress_stream`](crate::compress_stream).
    pub fn finish(mut self) -> Result<W, Error> {
        self.check().map_err(Error::Output)?;
        self.code_block(true)?;
        self.output.flush().map_err(Error::Output)?;
        Ok(self.output)
    }

    /// The output. What was written to the encoder may not have reached it yet.
    pub fn get_ref(&self) -> &W {
        &self.output
    }

    /// The output, mutable; writing to it damages the archive.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.output
    }

    fn check(&self) -> io::Result<()> {
        match self.failed {
            true => Err(io::Error::other("an earlier error has ended this archive")),
            false => Ok(()),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        // A full block waits for the byte that shows whether it is the last one.
        if !bytes.is_empty() && self.pending.len() as u64 >= self.encoder.block_len() {
            self.code_block(false)?;
        }
        let room = self.encoder.block_len() - self.pending.len() as u64;
        let taken = room.min(bytes.len() as u64) as usize;
        self.pending.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Flushes the output. Bytes of a block that is not full stay where they are: ending blocks
    /// early would cost compression.
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
