//! Places in a damaged stretch of an archive where a part starts or ends: found byte by byte, by
//! magics and the checksums behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};

use super::from_end::{frame_before, prior_at};
use crate::archive::header::HEADER_LEN;
use crate::archive::reader::Part;
use crate::archive::{ArchiveError, Compact, END_MAGIC, Header, MAGIC, RecoveryHead, fields};

/// Bytes that are searched at a time.
const STRIDE: u64 = 1 << 20;
/// Bytes of trailers to check for each byte of the stretch: hostile ones could overlap.
const MOST_CHECKED: u64 = 16;

/// The parts that a search has found.
#[derive(Default)]
pub struct Landmarks {
    /// The places where a part starts.
    starts: BTreeSet<u64>,
    /// The ends of the frames whose trailers are intact, by their starts.
    ends: BTreeMap<u64, u64>,
}

impl Landmarks {
    /// Searches the bytes from `start` to `end`.
    pub fn find(file: &mut (impl Read + Seek), start: u64, end: u64) -> Result<Self, ArchiveError> {
        let (mut found, mut at) = (Landmarks::default(), start);
        let mut left = MOST_CHECKED.saturating_mul(end - start);
        while at < end {
            file.seek(SeekFrom::Start(at))?;
            // What a stretch ends with is seen again with the next one.
            let bytes = fields::at_most(file, (STRIDE + MAGIC.len() as u64 - 1).min(end - at))?;
            for (here, word) in (at..).zip(bytes.windows(MAGIC.len())) {
                if word == END_MAGIC {
                    found.take_trailer(file, start, here + word.len() as u64, &mut left)?;
                } else if word.starts_with(&MAGIC[..3]) {
                    found.take_start(file, start, here, end)?;
                }
            }
            at += STRIDE;
        }
        Ok(found)
    }

    /// Returns the first start of a part behind `at`, or `end`.
    pub fn start_behind(&self, at: u64, end: u64) -> u64 {
        self.starts.range(at + 1..end).next().copied().unwrap_or(end)
    }

    /// Returns the end of the frame that starts at `start`, if its trailer is intact.
    pub fn end_of(&self, start: u64) -> Option<u64> {
        self.ends.get(&start).copied()
    }

    /// Takes note of the frame whose trailer ends at `here`, if it is a trailer.
    fn take_trailer(
        &mut self,
        file: &mut (impl Read + Seek),
        start: u64,
        here: u64,
        left: &mut u64,
    ) -> Result<(), ArchiveError> {
        if let Some((_, len)) = whatever_its_version(frame_before(file, here, left))?
            && here - len >= start
        {
            self.starts.insert(here - len);
            self.ends.insert(here - len, here);
        }
        Ok(())
    }

    /// Takes note of the part that starts at `here`, if it is one.
    fn take_start(
        &mut self,
        file: &mut (impl Read + Seek),
        start: u64,
        here: u64,
        end: u64,
    ) -> Result<(), ArchiveError> {
        file.seek(SeekFrom::Start(here))?;
        let bytes = fields::at_most(file, u64::from(HEADER_LEN).min(end - here))?;
        let part = match Part::starting_with(&bytes) {
            Some(Part::Frame) => Header::read(&mut &bytes[..]).is_ok().then_some(here),
            Some(Part::Prior) => whatever_its_version(prior_at(file, here, end))?.map(|_| here),
            Some(Part::Recovery) => {
                let copy = &bytes[..bytes.len().min(RecoveryHead::LEN as usize)];
                RecoveryHead::parse(copy).and_then(|(_, place)| here.checked_sub(place)).filter(|&part| part >= start)
            }
            // Nothing else shows that it is one before it is decoded.
            Some(Part::Compact) => Compact::lengths(&bytes).filter(|&(len, ..)| len <= end - here).map(|_| here),
            None => None,
        };
        self.starts.extend(part);
        Ok(())
    }
}

/// Takes a part of another version for none: it may lie within a block.
fn whatever_its_version<T>(part: Result<Option<T>, ArchiveError>) -> Result<Option<T>, ArchiveError> {
    match part {
        Err(error @ ArchiveError::Io(_)) => Err(error),
        part => Ok(part.ok().flatten()),
    }
}
