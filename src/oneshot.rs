//! Whole inputs: slices, and streams from end to end.

use std::io::{BufReader, Read, Write};
use std::iter;

use crate::codec::{self, Monitor, Summary};
use crate::level::Level;
use crate::options::Options;
use crate::pool::Pool;
use crate::prior::Prior;
use crate::{Error, asynchronous};

/// Compresses a slice at a level.
///
/// ```
/// use lockstep::Level;
///
/// let text = b"A rose is a rose is a rose is a rose. ".repeat(10);
/// let archive = lockstep::compress(&text, Level::FASTEST)?;
/// assert!(archive.len() < text.len() / 2);
/// assert_eq!(lockstep::decompress(&archive, 1 << 20)?, text);
/// # Ok::<(), lockstep::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::OutOfMemory`] or [`Error::MemoryLimit`] where the level's model does not fit.
pub fn compress(data: &[u8], level: Level) -> Result<Vec<u8>, Error> {
    compress_with(data, &Options::new().level(level))
}

/// Compresses a slice.
///
/// # Errors
///
/// [`Error::Config`] for hyper-parameters that can't be used, [`Error::Device`] where the device
/// can't be used, [`Error::MemoryLimit`] and [`Error::OutOfMemory`].
pub fn compress_with(data: &[u8], options: &Options) -> Result<Vec<u8>, Error> {
    let mut archive = Vec::new();
    let options = options.clone().length(data.len() as u64);
    compress_stream(data, &mut archive, &options, &mut ())?;
    Ok(archive)
}

/// Decompresses an archive that holds at most `limit` bytes.
///
/// Nothing of an archive is believed: memory grows with what was decoded, and every byte returned
/// is under a checksum that was right.
///
/// # Errors
///
/// [`Error::SizeLimit`] if the archive holds more, [`Error::Archive`] if it is damaged or no
/// archive, [`Error::PriorMissing`] if it needs a prior.
pub fn decompress(archive: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
    decompress_with(archive, &Options::new().size_limit(limit))
}

/// Decompresses an archive; [`Options::size_limit`] bounds the result.
///
/// # Errors
///
/// As [`decompress`], and [`Error::Device`] where the device can't be used.
pub fn decompress_with(archive: &[u8], options: &Options) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    decompress_stream(archive, &mut data, options, &mut ())?;
    Ok(data)
}

/// Compresses all of `input` into `output`.
///
/// With [`Options::frame_size`] the CPU engine codes as many frames at a time as there are threads,
/// as far as [`Options::memory_limit`] allows; the bytes are the same. A monitor with
/// [`Monitor::checkpoints`] has frames coded one after the other.
///
/// # Errors
///
/// As [`compress_with`]; [`Error::Input`] and [`Error::Output`] where reading or writing fails;
/// [`Error::Cancelled`] where the monitor asks for it; the errors of checkpoints.
pub fn compress_stream(
    input: impl Read + Send,
    output: impl Write + Send,
    options: &Options,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    Pool::new(options)?.run(|| compress_here(input, output, options, monitor))
}

/// Compresses on the current rayon pool.
fn compress_here(
    input: impl Read,
    mut output: impl Write,
    options: &Options,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let settings = options.encode_settings();
    if let (Some(size), None) = (settings.frame_size, monitor.checkpoints()) {
        let (frame, _) = options.longest_frame();
        let method = options.method_for(frame);
        let most = settings.length.map_or(u64::MAX, |length| length.div_ceil(size));
        let each = options.memory_needed().saturating_add(frame.saturating_mul(2));
        let workers = codec::workers(&settings.device, iter::once(&method), settings.memory, each, most);
        if workers > 1 && !monitor.wants_model() {
            let embedded = embed(options, &mut output)?;
            let mut input = BufReader::new(input);
            let mut done = codec::compress_frames(&mut input, &mut output, &settings, size, workers, monitor)?;
            done.coded += embedded;
            return Ok(done);
        }
    }
    pollster::block_on(asynchronous::compress(input, output, options, monitor))
}

/// Writes the prior into an archive that is to hold it; returns its bytes.
pub(crate) fn embed(options: &Options, output: &mut dyn Write) -> Result<u64, Error> {
    match options.embedded_prior() {
        Some(prior) => Prior::clone(prior).write(output).map_err(Error::Output),
        None => Ok(0),
    }
}

/// Decompresses all frames of `input` into `output`, one after the other. Only blocks whose
/// checksums are right are written.
///
/// [`Archive::decompress`](crate::Archive::decompress) decodes several frames at a time, where the
/// input can be read at any place.
///
/// # Errors
///
/// As [`decompress_with`]; [`Error::Input`] and [`Error::Output`] where reading or writing fails;
/// [`Error::Cancelled`] where the monitor asks for it; the errors of checkpoints. With
/// [`ArchiveError::Trailer`](crate::ArchiveError::Trailer) all content was written and is right.
pub fn decompress_stream(
    input: impl Read + Send,
    output: impl Write + Send,
    options: &Options,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    Pool::new(options)?.run(|| pollster::block_on(asynchronous::decompress(input, output, options, monitor)))
}
