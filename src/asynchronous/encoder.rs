//! An encoder that is given its input piece by piece.

use std::io;

use crate::archive::{Hashed, Prefix};
use crate::codec::{ArchiveEncoder, Monitor, WithoutCheckpoints};
use crate::options::Options;
use crate::{Error, embed};

/// Compresses bytes that come piece by piece; the async form of [`write::Encoder`](crate::write::Encoder).
///
/// Bytes are held until a block is full ([`Options::block_size`]), then coded. **[`Encoder::finish`]
/// must be called**: it codes the rest and ends the archive. Checkpoints are not used.
///
/// ```
/// # use lockstep::{Options, asynchronous::{Decoder, Encoder}};
/// # pollster::block_on(async {
/// let mut encoder = Encoder::new(&Options::new())?;
/// let mut archive = Vec::new();
/// for piece in ["once ", "upon ", "a time"] {
///     encoder.write(piece.as_bytes(), &mut archive, &mut ()).await?;
/// }
/// encoder.finish(&mut archive, &mut ()).await?;
///
/// let mut decoder = Decoder::new(&Options::new());
/// let mut text = Vec::new();
/// for piece in archive.chunks(7) {
///     decoder.write(piece, &mut text, &mut ()).await?;
/// }
/// decoder.finish(&mut text, &mut ()).await?;
/// assert_eq!(text, b"once upon a time");
/// # Ok::<(), lockstep::Error>(())
/// # }).unwrap();
/// ```
pub struct Encoder {
    encoder: ArchiveEncoder,
    pending: Vec<u8>,
    /// Code that the caller has not received yet.
    coded: Hashed<Vec<u8>>,
    /// True once an error has ended the archive.
    failed: bool,
}

impl Encoder {
    /// Returns an encoder. [`Options::length`] makes the archive smaller, where the length is known.
    ///
    /// # Errors
    ///
    /// [`Error::BlockSize`].
    pub fn new(options: &Options) -> Result<Self, Error> {
        let encoder = ArchiveEncoder::new(options.encode_settings())?;
        let mut prior = Vec::new();
        embed(options, &mut prior)?;
        // Offsets in the archive count from behind the prior.
        Ok(Encoder { encoder, pending: Vec::new(), coded: Hashed::new(prior), failed: false })
    }

    /// Takes bytes of the input, and appends the code of each block that is full to `archive`.
    ///
    /// # Errors
    ///
    /// As [`compress`](super::compress). An error ends the archive; what was appended before it is good.
    pub async fn write(
        &mut self,
        mut bytes: &[u8],
        archive: &mut Vec<u8>,
        monitor: &mut dyn Monitor,
    ) -> Result<(), Error> {
        self.check()?;
        while !bytes.is_empty() {
            // A full block waits for the byte that shows whether it is the last one.
            if self.pending.len() as u64 >= self.encoder.block_len() {
                self.code_block(false, archive, monitor).await?;
            }
            let room = self.encoder.block_len() - self.pending.len() as u64;
            let taken = bytes.split_off(..room.min(bytes.len() as u64) as usize);
            self.pending.extend_from_slice(taken.unwrap_or_default());
        }
        archive.append(self.coded.inner());
        Ok(())
    }

    /// Codes the rest and ends the archive.
    ///
    /// # Errors
    ///
    /// As [`Encoder::write`].
    pub async fn finish(mut self, archive: &mut Vec<u8>, monitor: &mut dyn Monitor) -> Result<(), Error> {
        self.check()?;
        self.code_block(true, archive, monitor).await
    }

    /// Codes what is pending as a part of the archive, the last one or not.
    async fn code_block(&mut self, last: bool, archive: &mut Vec<u8>, monitor: &mut dyn Monitor) -> Result<(), Error> {
        let monitor = &mut WithoutCheckpoints(monitor);
        // A future that is dropped before its end leaves it set.
        self.failed = true;
        let result = self.encoder.block(&self.pending, last, Prefix::default(), &mut self.coded, monitor).await;
        archive.append(self.coded.inner());
        self.pending.clear();
        self.failed = result.is_err();
        result
    }

    fn check(&self) -> Result<(), Error> {
        match self.failed {
            true => Err(Error::Output(io::Error::other("an earlier error has ended this archive"))),
            false => Ok(()),
        }
    }
}
