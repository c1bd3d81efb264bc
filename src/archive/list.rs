//! What an archive holds, from its headers and trailers, without decoding.

use std::io::{Read, Seek, SeekFrom};

use super::block::BLOCK_HEADER_LEN;
use super::header::HEADER_LEN;
use super::trailer::{TAIL_LEN, trailer_len};
use super::{
    ArchiveError, END_MAGIC, Header, PRIOR_END_MAGIC, PRIOR_MAGIC, PRIOR_TAIL_LEN, Part, Trailer, fields, next_part,
};

/// A frame of an archive, as its header and its trailer describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it starts with.
    pub header: Header,
    /// What it ends with.
    pub trailer: Trailer,
}

/// All frames of an archive in a file, found from its end.
pub fn list(file: &mut (impl Read + Seek)) -> Result<Vec<Frame>, ArchiveError> {
    let mut end = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    // The start tells best whether this is an archive, and of which version.
    match next_part(file, true)? {
        Some(Part::Frame) => Header::read_after_magic(file).map(|_| ())?,
        Some(Part::Prior) => {}
        Some(Part::Compact) | None => return Err(ArchiveError::NoList),
    }
    let mut frames = Vec::new();
    while end > 0 {
        if let Some(start) = prior_before(file, end)? {
            end = start;
            continue;
        }
        let frame = frame_before(file, end)?;
        end -= frame.trailer.frame_len;
        frames.push(frame);
    }
    frames.reverse();
    Ok(frames)
}

/// Where a prior that ends at `end` starts, if there is one.
fn prior_before(file: &mut (impl Read + Seek), end: u64) -> Result<Option<u64>, ArchiveError> {
    let Some(tail) = end.checked_sub(PRIOR_TAIL_LEN) else { return Ok(None) };
    file.seek(SeekFrom::Start(tail))?;
    let len = fields::u64(file)?;
    if fields::array(file)? != PRIOR_END_MAGIC {
        return Ok(None);
    }
    let start = end.checked_sub(len).ok_or_else(|| ArchiveError::corrupt("a prior's length is wrong"))?;
    file.seek(SeekFrom::Start(start))?;
    if fields::array(file)? == PRIOR_MAGIC && len > 0 { Ok(Some(start)) } else { Ok(None) }
}

/// The frame that ends at `end`.
fn frame_before(file: &mut (impl Read + Seek), end: u64) -> Result<Frame, ArchiveError> {
    let damaged = || ArchiveError::corrupt("the trailer is damaged or cut off");
    file.seek(SeekFrom::Start(end.checked_sub(TAIL_LEN).ok_or_else(damaged)?))?;
    let (frame_len, len, _crc) = (fields::u64(file)?, u64::from(fields::u32(file)?), fields::u32(file)?);
    if fields::array(file)? != END_MAGIC || len < trailer_len(0) || len > end {
        return Err(damaged());
    }
    file.seek(SeekFrom::Start(end - len))?;
    let trailer = Trailer::parse(&fields::bytes(file, len)?)?;
    let start = end.checked_sub(frame_len).ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(start))?;
    let header = Header::read(file)?;
    let blocks: u64 = trailer.blocks.iter().map(|b| BLOCK_HEADER_LEN + u64::from(b.coded)).sum();
    let raw: u64 = trailer.blocks.iter().map(|b| u64::from(b.raw)).sum();
    if u64::from(HEADER_LEN) + blocks + len != frame_len || raw != trailer.raw_len {
        return Err(ArchiveError::corrupt("the trailer contradicts itself"));
    }
    Ok(Frame { header, trailer })
}
