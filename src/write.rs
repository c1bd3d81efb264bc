//! An encoder that is written to.

use std::io::{self, Write};

use crate::codec::Monitor;
use crate::options::Options;
use crate::pool::Pool;
use crate::{Error, asynchronous};

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
    encoder: asynchronous::Encoder,
    monitor: Box<dyn Monitor>,
    pool: Pool,
    /// True once the output has failed.
    failed: bool,
}

impl<W: Write> Encoder<W> {
    /// Returns an encoder that writes to `output`. [`Options::length`] makes the archive smaller,
    /// where the length is known.
    ///
    /// # Errors
    ///
    /// [`Error::BlockSize`] or [`Error::Threads`].
    pub fn new(output: W, options: &Options) -> Result<Self, Error> {
        Self::with_monitor(output, options, ())
    }

    /// Like [`Encoder::new`], with a monitor to follow progress and to cancel. Checkpoints are for
    /// [`compress_stream`](crate::compress_stream) alone.
    ///
    /// # Errors
    ///
    /// As [`Encoder::new`].
    pub fn with_monitor(output: W, options: &Options, monitor: impl Monitor + 'static) -> Result<Self, Error> {
        let encoder = asynchronous::Encoder::new(options)?;
        let pool = Pool::new(options)?;
        Ok(Encoder { output, encoder, monitor: Box::new(monitor), pool, failed: false })
    }

    /// Codes the rest, ends the archive, and returns the output.
    ///
    /// # Errors
    ///
    /// As [`compress_stream`](crate::compress_stream).
    pub fn finish(mut self) -> Result<W, Error> {
        self.check().map_err(Error::Output)?;
        let (mut archive, encoder, monitor) = (Vec::new(), self.encoder, &mut *self.monitor);
        let result = self.pool.run(|| pollster::block_on(encoder.finish(&mut archive, monitor)));
        // Blocks before an error are good.
        self.output.write_all(&archive).map_err(Error::Output)?;
        result?;
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
        let (mut archive, encoder, monitor) = (Vec::new(), &mut self.encoder, &mut *self.monitor);
        let result = self.pool.run(|| pollster::block_on(encoder.write(bytes, &mut archive, monitor)));
        // Blocks before an error are good.
        self.output.write_all(&archive).inspect_err(|_| self.failed = true)?;
        result?;
        Ok(bytes.len())
    }

    /// Flushes the output. Bytes of a block that is not full stay where they are: ending blocks
    /// early would cost compression.
    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
