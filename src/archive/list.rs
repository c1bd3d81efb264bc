//! The frames of an archive, read from headers and trailers, without decoding.

use std::io::{Read, Seek, SeekFrom};

use super::block::{BLOCK_HEADER_LEN, BlockHeader};
use super::header::HEADER_LEN;
use super::trailer::{TAIL_LEN, trailer_len};
use super::{
    ArchiveError, BlockLengths, END_MAGIC, Header, PRIOR_END_MAGIC, PRIOR_MAGIC, PRIOR_TAIL_LEN, Part, Trailer, fields,
    next_part,
};

/// A frame of an archive, as its header and its trailer describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The header.
    pub header: Header,
    /// The trailer.
    pub trailer: Trailer,
    /// Bytes of priors in front of the frame.
    pub priors: u64,
}

/// Lists all frames of an archive in a file, from its end.
pub fn list(file: &mut (impl Read + Seek)) -> Result<Vec<Frame>, ArchiveError> {
    let mut end = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    // The start shows best whether this is an archive, and of which version.
    match next_part(file, true)? {
        Some(Part::Frame) => Header::read_after_magic(file).map(|_| ())?,
        Some(Part::Prior) => {}
        Some(Part::Compact) | None => return Err(ArchiveError::NoList),
    }
    let mut frames: Vec<Frame> = Vec::new();
    while end > 0 {
        if let Some(start) = prior_before(file, end)? {
            frames.last_mut().ok_or(ArchiveError::NoList)?.priors += end - start;
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

/// Returns the start of the prior that ends at `end`, if there is one.
fn prior_before(file: &mut (impl Read + Seek), end: u64) -> Result<Option<u64>, ArchiveError> {
    let Some(tail) = end.checked_sub(PRIOR_TAIL_LEN) else { return Ok(None) };
    file.seek(SeekFrom::Start(tail))?;
    let len = fields::u64(file)?;
    if fields::array(file)? != PRIOR_END_MAGIC {
        return Ok(None);
    }
    let wrong = || ArchiveError::corrupt("a prior's length is wrong");
    let start = end.checked_sub(len).filter(|_| len > PRIOR_TAIL_LEN).ok_or_else(wrong)?;
    file.seek(SeekFrom::Start(start))?;
    if fields::array(file)? == PRIOR_MAGIC { Ok(Some(start)) } else { Err(wrong()) }
}

/// Reads the frame that ends at `end`.
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
    Ok(Frame { header, trailer, priors: 0 })
}

/// Lists all frames of an archive in a file block by block, for an archive with damaged trailers.
/// The checksums of the contents stay 0; payloads are not read.
pub fn walk(file: &mut (impl Read + Seek)) -> Result<Vec<Frame>, ArchiveError> {
    let end = file.seek(SeekFrom::End(0))?;
    let (mut frames, mut start) = (Vec::new(), 0);
    while start < end {
        file.seek(SeekFrom::Start(start))?;
        let header = Header::read(file)?;
        let mut trailer = Trailer { frame_len: HEADER_LEN.into(), ..Trailer::default() };
        loop {
            let at = start + trailer.frame_len;
            file.seek(SeekFrom::Start(at))?;
            let bytes = fields::at_most(file, BLOCK_HEADER_LEN)?;
            let block = bytes.first_chunk().and_then(|bytes| BlockHeader::parse(bytes, &header).ok());
            let Some(BlockHeader { raw_len: raw, coded_len: coded, .. }) = block else { break };
            if u64::from(coded) > end.saturating_sub(at + BLOCK_HEADER_LEN) {
                return Err(ArchiveError::Truncated);
            }
            trailer.frame_len += BLOCK_HEADER_LEN + u64::from(coded);
            trailer.raw_len += u64::from(raw);
            trailer.blocks.push(BlockLengths { raw, coded });
        }
        // Whatever is no block must be the trailer, or what is left of it.
        trailer.frame_len = (trailer.frame_len + trailer_len(trailer.blocks.len())).min(end.saturating_sub(start));
        start += trailer.frame_len;
        frames.push(Frame { header, trailer, priors: 0 });
    }
    Ok(frames)
}
