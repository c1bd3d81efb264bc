//! Parts found from their ends: by trailers, and by the ends of priors and recovery data.

use std::io::{Read, Seek, SeekFrom};

use super::{Frame, FrameEnd, Piece, PieceKind, PriorHead};
use crate::archive::block::BLOCK_HEADER_LEN;
use crate::archive::header::HEADER_LEN;
use crate::archive::trailer::{TAIL_LEN, trailer_len};
use crate::archive::{
    ArchiveError, END_MAGIC, Header, PRIOR_END_MAGIC, PRIOR_MAGIC, PRIOR_TAIL_LEN, RecoveryHead, Trailer, fields,
};

/// Returns the piece that ends at `end`, if its own end is intact. At most `left` bytes of trailers
/// are checked.
pub fn piece_before(file: &mut (impl Read + Seek), end: u64, left: &mut u64) -> Result<Option<Piece>, ArchiveError> {
    if let Some((frame, len)) = frame_before(file, end, left)? {
        return Ok(Some(Piece { start: end - len, len, kind: PieceKind::Frame(frame) }));
    }
    if let Some(start) = prior_before(file, end)? {
        let head = prior_at(file, start, end)?.filter(|(_, len)| *len == end - start).map(|(head, _)| head);
        return Ok(Some(Piece { start, len: end - start, kind: PieceKind::Prior(head) }));
    }
    let Some((start, head)) = recovery_before(file, end)? else { return Ok(None) };
    Ok(Some(Piece { start, len: end - start, kind: PieceKind::Recovery(head) }))
}

/// Returns the start of the prior that ends at `end`, if there is one.
fn prior_before(file: &mut (impl Read + Seek), end: u64) -> Result<Option<u64>, ArchiveError> {
    let Some(tail) = end.checked_sub(PRIOR_TAIL_LEN) else { return Ok(None) };
    file.seek(SeekFrom::Start(tail))?;
    let len = fields::u64(file)?;
    if fields::array(file)? != PRIOR_END_MAGIC {
        return Ok(None);
    }
    let Some(start) = end.checked_sub(len).filter(|_| len > PRIOR_TAIL_LEN) else { return Ok(None) };
    file.seek(SeekFrom::Start(start))?;
    Ok((fields::array(file)? == PRIOR_MAGIC).then_some(start))
}

/// Returns the head and the length of the prior at `start`, if both its start and its end are intact.
pub fn prior_at(file: &mut (impl Read + Seek), start: u64, end: u64) -> Result<Option<(PriorHead, u64)>, ArchiveError> {
    /// Bytes of a prior that are no packed content.
    const FIELDS_LEN: u64 = 28 + HEADER_LEN as u64 + PRIOR_TAIL_LEN;
    if end - start < FIELDS_LEN {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(start))?;
    if fields::array(file)? != PRIOR_MAGIC {
        return Ok(None);
    }
    let header = fields::bytes(file, HEADER_LEN.into())?;
    let [_learned_from, hash, packed] = [fields::u64(file)?, fields::u64(file)?, fields::u64(file)?];
    let Some(header) = known(Header::read(&mut &header[..]), &header)? else { return Ok(None) };
    let Some(len) = packed.checked_add(FIELDS_LEN).filter(|&len| len <= end - start) else { return Ok(None) };
    let ends_there = prior_before(file, start + len)? == Some(start);
    Ok(ends_there.then_some((PriorHead { header, hash }, len)))
}

/// Returns the start and the head of the recovery part that ends at `end`, if there is one.
pub fn recovery_before(file: &mut (impl Read + Seek), end: u64) -> Result<Option<(u64, RecoveryHead)>, ArchiveError> {
    for copy in 1..=3 {
        let Some(at) = end.checked_sub(copy * RecoveryHead::LEN) else { break };
        file.seek(SeekFrom::Start(at))?;
        if let Some((head, place)) = RecoveryHead::parse(&fields::bytes(file, RecoveryHead::LEN)?)
            && let Some(start) = at.checked_sub(place).filter(|&start| start + head.part_len() == end)
            && start >= head.covered
        {
            return Ok(Some((start, head)));
        }
    }
    Ok(None)
}

/// Returns the frame that ends at `end`, and its length, if its trailer is intact. At most `left`
/// bytes of trailers are checked.
pub fn frame_before(
    file: &mut (impl Read + Seek),
    end: u64,
    left: &mut u64,
) -> Result<Option<(Frame, u64)>, ArchiveError> {
    let Some(tail) = end.checked_sub(TAIL_LEN) else { return Ok(None) };
    file.seek(SeekFrom::Start(tail))?;
    let (frame_len, len, _crc) = (fields::u64(file)?, u64::from(fields::u32(file)?), fields::u32(file)?);
    let lengths = trailer_len(0)..=frame_len.min(end).saturating_sub(HEADER_LEN.into());
    if fields::array(file)? != END_MAGIC || !lengths.contains(&len) || frame_len > end || len > *left {
        return Ok(None);
    }
    *left -= len;
    file.seek(SeekFrom::Start(end - len))?;
    let Ok(trailer) = Trailer::parse(&fields::bytes(file, len)?) else { return Ok(None) };
    file.seek(SeekFrom::Start(end - frame_len))?;
    let header = fields::at_most(file, Header::LONGEST)?;
    let header = known(Header::read(&mut &header[..]), &header)?;
    let blocks: u64 = trailer.blocks.iter().map(|b| BLOCK_HEADER_LEN + u64::from(b.coded)).sum();
    let raw: u64 = trailer.blocks.iter().map(|b| u64::from(b.raw)).sum();
    if u64::from(HEADER_LEN) + blocks + len != frame_len || raw != trailer.raw_len {
        return Ok(None); // it contradicts itself
    }
    Ok(Some((Frame { header, trailer, end: FrameEnd::Intact }, frame_len)))
}

/// Returns a header that is intact, `None` if it is damaged.
///
/// # Errors
///
/// A header that is intact, but of another version, is an error.
pub fn known(header: Result<Header, ArchiveError>, bytes: &[u8]) -> Result<Option<Header>, ArchiveError> {
    match header {
        Ok(header) => Ok(Some(header)),
        Err(
            error @ (ArchiveError::NewerVersion(_) | ArchiveError::OlderVersion(_) | ArchiveError::Unsupported { .. }),
        ) if Header::is_intact(bytes) => Err(error),
        Err(_) => Ok(None),
    }
}
