//! What an archive holds, from its headers and trailers, without decoding.

use std::io::{Read, Seek, SeekFrom};

use super::block::{BLOCK_HEADER_LEN, BlockHeader};
use super::header::HEADER_LEN;
use super::trailer::{TAIL_LEN, trailer_len};
use super::{ArchiveError, BlockLengths, END_MAGIC, Header, Trailer, fields};

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
    Header::read(file).map_err(|error| if end == 0 { ArchiveError::NotAnArchive } else { error })?;
    let mut frames = Vec::new();
    while end > 0 {
        let frame = frame_before(file, end)?;
        end -= frame.trailer.frame_len;
        frames.push(frame);
    }
    frames.reverse();
    Ok(frames)
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

/// All frames of an archive in a file, found by going from block to block: for one
/// whose trailers can't be believed. Checksums of contents are not known then, and
/// stay 0; payloads are not looked at.
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
            if u64::from(coded) > end - at - BLOCK_HEADER_LEN {
                return Err(ArchiveError::Truncated);
            }
            trailer.frame_len += BLOCK_HEADER_LEN + u64::from(coded);
            trailer.raw_len += u64::from(raw);
            trailer.blocks.push(BlockLengths { raw, coded });
        }
        // What is no block must be the trailer, whatever is left of it.
        trailer.frame_len = (trailer.frame_len + trailer_len(trailer.blocks.len())).min(end - start);
        start += trailer.frame_len;
        frames.push(Frame { header, trailer });
    }
    Ok(frames)
}
