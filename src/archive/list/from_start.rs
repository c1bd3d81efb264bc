//! Parts found from their starts: by headers and blocks, which tell their lengths.

use std::io::{Read, Seek, SeekFrom};

use super::from_end::{frame_before, known, prior_at};
use super::landmarks::Landmarks;
use super::{Frame, FrameEnd, Piece, PieceKind};
use crate::archive::block::{BLOCK_HEADER_LEN, BlockHeader};
use crate::archive::header::HEADER_LEN;
use crate::archive::reader::Part;
use crate::archive::trailer::{TRAILER_LENGTHS, trailer_len};
use crate::archive::{
    ArchiveError, BLOCK_SIZES, BlockLengths, COMPACT_MAGIC, Compact, Header, RecoveryHead, Trailer, fields,
};

/// A part's length and content, if there is one.
type Found = Option<(u64, PieceKind)>;

/// Lists pieces from the start of a file on.
pub struct Lister<'a, F> {
    file: &'a mut F,
    /// Where the pieces begin that were found from the end of the file.
    end: u64,
    landmarks: Option<Landmarks>,
}

/// The blocks of a frame, as their headers describe them.
struct Walk {
    /// What the trailer must say, but for the checksum.
    trailer: Trailer,
    /// The place behind the last block, in the file.
    at: u64,
}

impl<'a, F: Read + Seek> Lister<'a, F> {
    /// Lists pieces up to `end`, where those begin that were found from the end of the file.
    pub fn new(file: &'a mut F, end: u64) -> Self {
        Lister { file, end, landmarks: None }
    }

    /// Returns the piece at `start`, which is before the end.
    pub fn piece(&mut self, start: u64) -> Result<Piece, ArchiveError> {
        let (len, kind) = match self.intact_part(start)? {
            Some(found) => found,
            None => match self.damaged_part(start)? {
                Some(found) => found,
                None => (self.next_start(start)? - start, PieceKind::Unknown),
            },
        };
        Ok(Piece { start, len, kind })
    }

    /// Reads the part at `start` if its magic and what is known of it without decoding are right.
    fn intact_part(&mut self, start: u64) -> Result<Found, ArchiveError> {
        let bytes = self.bytes(start, Header::LONGEST)?;
        match Part::starting_with(&bytes) {
            Some(Part::Frame) => self.frame(start, &bytes),
            Some(Part::Prior) => {
                Ok(prior_at(self.file, start, self.end)?.map(|(head, len)| (len, PieceKind::Prior(Some(head)))))
            }
            // Its fields prove nothing; the next part does.
            Some(Part::Compact) => self.compact_before_a_start(start),
            Some(Part::Recovery) => self.recovery(start),
            None => Ok(None),
        }
    }

    /// Reads the part at `start`, of which something is damaged, if the rest shows what it is.
    fn damaged_part(&mut self, start: u64) -> Result<Found, ArchiveError> {
        if let Some(found) = self.recovery(start)? {
            return Ok(Some(found));
        }
        if let Some(found) = self.damaged_frame(start)? {
            return Ok(Some(found));
        }
        if self.bytes(start, 4)?.starts_with(&COMPACT_MAGIC) {
            return self.compact(start);
        }
        self.compact_before_a_start(start)
    }

    fn bytes(&mut self, start: u64, len: u64) -> Result<Vec<u8>, ArchiveError> {
        self.file.seek(SeekFrom::Start(start))?;
        fields::at_most(self.file, len.min(self.end.saturating_sub(start)))
    }

    /// Returns true if a part starts at `at`, or if it is the end.
    fn is_start(&mut self, at: u64) -> Result<bool, ArchiveError> {
        Ok(at == self.end || Part::starting_with(&self.bytes(at, 4)?).is_some())
    }

    fn landmarks(&mut self, start: u64) -> Result<&Landmarks, ArchiveError> {
        match &mut self.landmarks {
            Some(landmarks) => Ok(landmarks),
            none => Ok(none.insert(Landmarks::find(self.file, start, self.end)?)),
        }
    }

    /// Returns the first place behind `start` where a part is known to start, or the end.
    fn next_start(&mut self, start: u64) -> Result<u64, ArchiveError> {
        let end = self.end;
        Ok(self.landmarks(start)?.start_behind(start, end))
    }

    /// Reads a compact frame's lengths, whatever its magic.
    fn compact(&mut self, start: u64) -> Result<Found, ArchiveError> {
        let bytes = self.bytes(start, Compact::LONGEST_START)?;
        let Some((len, prior, [raw_len, payload_len])) = Compact::lengths(&bytes) else { return Ok(None) };
        let kind = PieceKind::Compact { prior, raw_len, payload_len };
        Ok((len <= self.end - start).then_some((len, kind)))
    }

    /// Reads a compact frame's lengths, if another part or the end is behind it.
    fn compact_before_a_start(&mut self, start: u64) -> Result<Found, ArchiveError> {
        let Some((len, kind)) = self.compact(start)? else { return Ok(None) };
        Ok(self.is_start(start + len)?.then_some((len, kind)))
    }

    /// Reads a recovery part by any copy of its head at its front; its end may be cut off.
    fn recovery(&mut self, start: u64) -> Result<Found, ArchiveError> {
        for copy in 0..3 {
            let at = start + copy * RecoveryHead::LEN;
            if let Some((head, place)) = RecoveryHead::parse(&self.bytes(at, RecoveryHead::LEN)?)
                && at - place.min(at) == start
            {
                let len = head.part_len().min(self.end - start);
                return Ok(Some((len, PieceKind::Recovery(head))));
            }
        }
        Ok(None)
    }

    /// Reads the frame at `start` if its header is intact.
    fn frame(&mut self, start: u64, bytes: &[u8]) -> Result<Found, ArchiveError> {
        let Some(header) = known(Header::read(&mut &bytes[..]), bytes)? else { return Ok(None) };
        let walk = self.walk(start, header.block_size)?;
        let (trailer, end) = match self.end_of(start, &walk)? {
            Some(end) => end,
            None => self.search_end(start, walk)?,
        };
        Ok(Some((trailer.frame_len, PieceKind::Frame(Frame { header: Some(header), trailer, end }))))
    }

    /// Reads the frame at `start`, whose header is damaged, if anything else shows that it is one.
    fn damaged_frame(&mut self, start: u64) -> Result<Found, ArchiveError> {
        let walk = self.walk(start, *BLOCK_SIZES.end())?;
        let (trailer, end) = match self.end_of(start, &walk)? {
            Some((trailer, end)) if end == FrameEnd::Intact || !trailer.blocks.is_empty() => (trailer, end),
            _ if self.landmarks(start)?.end_of(start).is_none() && walk.trailer.blocks.is_empty() => return Ok(None),
            _ => self.search_end(start, walk)?,
        };
        Ok(Some((trailer.frame_len, PieceKind::Frame(Frame { header: None, trailer, end }))))
    }

    /// Passes over the blocks of the frame at `start` by their lengths.
    fn walk(&mut self, start: u64, block_size: u32) -> Result<Walk, ArchiveError> {
        let mut walk = Walk { trailer: Trailer::default(), at: start + u64::from(HEADER_LEN) };
        loop {
            let bytes = self.bytes(walk.at, BLOCK_HEADER_LEN)?;
            let block = bytes.first_chunk().and_then(|bytes| BlockHeader::parse(bytes, block_size).ok());
            let Some(BlockHeader { raw_len: raw, coded_len: coded, .. }) = block else { break };
            let behind = walk.at + BLOCK_HEADER_LEN + u64::from(coded);
            if behind > self.end {
                break;
            }
            walk.at = behind;
            walk.trailer.raw_len += u64::from(raw);
            walk.trailer.blocks.push(BlockLengths { raw, coded });
        }
        walk.trailer.frame_len = (walk.at - start) + trailer_len(walk.trailer.blocks.len());
        Ok(walk)
    }

    /// Returns the trailer behind the blocks, if the frame at `start` ends there.
    fn end_of(&mut self, start: u64, walk: &Walk) -> Result<Option<(Trailer, FrameEnd)>, ArchiveError> {
        let len = trailer_len(walk.trailer.blocks.len());
        if walk.at + len <= self.end
            && let Some((frame, frame_len)) = frame_before(self.file, walk.at + len, &mut { u64::MAX })?
            && frame_len == walk.trailer.frame_len
        {
            return Ok(Some((frame.trailer, FrameEnd::Intact)));
        }
        let bytes = self.bytes(walk.at, len)?;
        let expected = walk.trailer.to_bytes();
        let resembles = |part: std::ops::Range<usize>| bytes.get(part.clone()) == Some(&expected[part]);
        let trailer = Trailer { frame_len: walk.trailer.frame_len.min(self.end - start), ..walk.trailer.clone() };
        // What is behind all blocks and before the next part is the trailer, or what is left of it.
        let ends = match walk.at + len {
            behind if behind < self.end => self.is_start(behind)?,
            behind if behind == self.end => true,
            _ => TRAILER_LENGTHS.into_iter().all(resembles),
        };
        Ok(ends.then_some((trailer, FrameEnd::Damaged)))
    }

    /// Returns the end of the frame at `start`, where its blocks don't lead to it.
    fn search_end(&mut self, start: u64, walk: Walk) -> Result<(Trailer, FrameEnd), ArchiveError> {
        if let Some(behind) = self.landmarks(start)?.end_of(start)
            && let Some((frame, _)) = frame_before(self.file, behind, &mut { u64::MAX })?
        {
            return Ok((frame.trailer, FrameEnd::Intact));
        }
        let mut trailer = walk.trailer;
        trailer.frame_len = self.next_start(start)? - start;
        Ok((trailer, FrameEnd::Unknown))
    }
}
