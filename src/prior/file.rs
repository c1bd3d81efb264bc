//! The file of a prior: a header like an archive's, and the compressed content.

use std::io::{self, BufReader, BufWriter, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::{Prior, PriorError, blank_parameters};
use crate::archive::{ArchiveError, Header, PRIOR_END_MAGIC, PRIOR_MAGIC as MAGIC, PRIOR_TAIL_LEN};
use crate::mixing::Mixing;
use crate::model::{Layout, Method};
use crate::state::{StateReader, StateWriter};

impl Prior {
    /// Returns the fields before the content: the header, and the number of bytes learned from.
    pub(super) fn fields(&self) -> Vec<u8> {
        // The block size says how much history the mixing stage keeps.
        let past = self.mixing.as_ref().map_or(0, |mixing| mixing.past_bits());
        let header = Header { method: self.method.clone(), block_size: 1 << past, prior: 0 };
        [&header.to_bytes()[..], &self.learned_from.to_le_bytes()].concat()
    }

    /// Writes the prior's file; returns its length in bytes. (It takes `&mut self` because one walk
    /// over the content serves reading and writing.)
    ///
    /// # Errors
    ///
    /// Where `output` can't be written to.
    pub fn write(&mut self, mut output: impl Write) -> io::Result<u64> {
        let mut writer = StateWriter::new(BufWriter::new(DeflateEncoder::new(Vec::new(), Compression::default())));
        self.visit(&mut writer);
        let packed = writer.finish()?.into_inner()?.finish()?;
        let mut start = [&MAGIC[..], &self.fields()].concat();
        start.extend_from_slice(&self.hash.to_le_bytes());
        start.extend_from_slice(&(packed.len() as u64).to_le_bytes());
        let len = start.len() as u64 + packed.len() as u64 + PRIOR_TAIL_LEN;
        output.write_all(&start)?;
        output.write_all(&packed)?;
        output.write_all(&len.to_le_bytes())?;
        output.write_all(&PRIOR_END_MAGIC)?;
        Ok(len)
    }

    /// Reads a prior's file, which may be hostile: one that would take more than `memory` bytes is
    /// refused. Bytes behind the prior are not read.
    ///
    /// # Errors
    ///
    /// [`PriorError`] says what is wrong with the file.
    pub fn read(mut input: impl Read, memory: u64) -> Result<Self, PriorError> {
        Prior::read_from(&mut input, memory)
    }

    fn read_from(input: &mut dyn Read, memory: u64) -> Result<Self, PriorError> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|error| meaning(error, PriorError::NotAPrior))?;
        if magic != MAGIC {
            return Err(PriorError::NotAPrior);
        }
        Prior::read_after_magic(input, memory)
    }

    /// Like [`Prior::read`], after the magic has been read.
    pub(crate) fn read_after_magic(input: &mut dyn Read, memory: u64) -> Result<Self, PriorError> {
        let header = Header::read(input).map_err(|error| match error {
            ArchiveError::Truncated => CUT,
            error => PriorError::Header(error),
        })?;
        let [learned_from, hash, packed] = [number(input)?, number(input)?, number(input)?];
        let Header { method, block_size, .. } = &header;
        let needed = method.memory(*block_size);
        if needed > memory {
            return Err(PriorError::MemoryLimit { needed, limit: memory });
        }
        let network = method.network.then(|| blank_parameters(Layout::new(&method.model).total));
        let mixing = method.mixing.map(|config| Mixing::new(&config, Method::past_bits(*block_size), 0));
        let mut prior = Prior { method: header.method, learned_from, network, mixing, hash };
        let damaged = |error| meaning(error, PriorError::Corrupt("its content is damaged"));
        let mut reader = StateReader::new(BufReader::new(DeflateDecoder::new(input.take(packed))));
        prior.visit(&mut reader);
        let mut rest = reader.finish().map_err(damaged)?;
        if rest.read(&mut [0]).map_err(damaged)? != 0 || rest.into_inner().into_inner().limit() != 0 {
            return Err(PriorError::Corrupt("it holds more than it should"));
        }
        if prior.content_hash() != hash {
            return Err(PriorError::Corrupt("its content does not match its hash"));
        }
        let len = (MAGIC.len() + prior.fields().len()) as u64 + 16 + packed + PRIOR_TAIL_LEN;
        let mut end = [0; PRIOR_END_MAGIC.len()];
        if number(input)? != len {
            return Err(PriorError::Corrupt("its length is wrong"));
        }
        input.read_exact(&mut end).map_err(|error| meaning(error, CUT))?;
        if end == PRIOR_END_MAGIC { Ok(prior) } else { Err(PriorError::Corrupt("its end is wrong")) }
    }
}

const CUT: PriorError = PriorError::Corrupt("it is cut short");

/// Returns the meaning of an error: bad content, an early end, or that nothing can be read.
fn meaning(error: io::Error, invalid: PriorError) -> PriorError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof if matches!(invalid, PriorError::Corrupt(_)) => CUT,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => invalid,
        _ => PriorError::Io(error),
    }
}

fn number(input: &mut dyn Read) -> Result<u64, PriorError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes).map_err(|error| meaning(error, CUT))?;
    Ok(u64::from_le_bytes(bytes))
}
