//! The pieces of an archive in a file, found without decoding, even where it is damaged.
//!
//! Trailers lead from the end of the file towards its start. What they don't reach is found from the
//! start, where headers and blocks tell their lengths: behind a compact frame, which has no trailer,
//! or before a damaged trailer. Where neither leads on, landmarks do.

mod from_end;
mod from_start;
mod landmarks;

use std::io::{Read, Seek, SeekFrom};

use super::reader::Part;
use super::{ArchiveError, Header, MAGIC, RecoveryHead, Trailer, fields, next_part};
use from_end::piece_before;
use from_start::Lister;

pub use from_end::recovery_before;

/// A piece of an archive's file. The pieces lie end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where the piece starts in the file.
    pub start: u64,
    /// Bytes of the piece.
    pub len: u64,
    /// The content of the piece.
    pub kind: PieceKind,
}

/// The content of a [`Piece`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// A frame.
    Frame(Frame),
    /// A compact frame, whose fields can't be checked before it is decoded.
    Compact {
        /// The low half of the prior's hash.
        prior: u32,
        /// Raw bytes.
        raw_len: u32,
        /// Bytes of the payload.
        payload_len: u32,
    },
    /// A prior; `None` if its start is damaged.
    Prior(Option<PriorHead>),
    /// A recovery part, which may be cut short.
    Recovery(RecoveryHead),
    /// Bytes that are no known part, or no longer.
    Unknown,
}

/// A frame of an archive, as its header, its blocks and its trailer describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The header; `None` if it is damaged.
    pub header: Option<Header>,
    /// The trailer, or what the headers of the blocks say in its place; its checksum is then 0.
    pub trailer: Trailer,
    /// The state of the trailer.
    pub end: FrameEnd,
}

/// How a frame ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEnd {
    /// With an intact trailer.
    Intact,
    /// With a damaged trailer behind all blocks.
    Damaged,
    /// Somewhere behind the blocks that are known: others may be missing.
    Unknown,
}

impl Frame {
    /// True if header and trailer are intact.
    pub fn is_intact(&self) -> bool {
        self.header.is_some() && self.end == FrameEnd::Intact
    }
}

/// The start of a prior in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorHead {
    /// The header.
    pub header: Header,
    /// The prior's hash.
    pub hash: u64,
}

/// Lists the pieces of an archive in a file.
///
/// # Errors
///
/// Returns an error if the file has no part of an archive, or one of another version.
pub fn list(file: &mut (impl Read + Seek)) -> Result<Vec<Piece>, ArchiveError> {
    let end = file.seek(SeekFrom::End(0))?;
    list_until(file, end)
}

/// Lists the pieces of an archive that ends at `end`; see [`list`].
pub fn list_until(file: &mut (impl Read + Seek), end: u64) -> Result<Vec<Piece>, ArchiveError> {
    let (mut behind, mut reached, mut left) = (Vec::new(), end, u64::MAX);
    while let Some(piece) = piece_before(file, reached, &mut left)? {
        reached = piece.start;
        behind.push(piece);
    }
    if behind.is_empty() && !starts_like_an_archive(file)? {
        return Err(start_error(file)?);
    }
    let mut lister = Lister::new(file, reached);
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < reached {
        let piece = lister.piece(at)?;
        at += piece.len;
        pieces.push(piece);
    }
    pieces.extend(behind.into_iter().rev());
    if pieces.iter().all(|piece| piece.kind == PieceKind::Unknown) {
        return Err(start_error(file)?);
    }
    Ok(pieces)
}

/// Returns true if the file starts with the magic of a part, of which one byte may be damaged.
fn starts_like_an_archive(file: &mut (impl Read + Seek)) -> Result<bool, ArchiveError> {
    file.rewind()?;
    let start = fields::at_most(file, MAGIC.len() as u64)?;
    Ok(start.iter().zip(&MAGIC).filter(|(byte, magic)| byte == magic).count() + 1 >= MAGIC.len()
        || Part::starting_with(&start).is_some())
}

/// Returns what is wrong with the start of a file that has no part of an archive.
fn start_error(file: &mut (impl Read + Seek)) -> Result<ArchiveError, ArchiveError> {
    file.rewind()?;
    Ok(match next_part(file, true) {
        Err(error) => error,
        Ok(Some(Part::Frame)) => match Header::read_after_magic(file) {
            Err(error) => error,
            Ok(_) => ArchiveError::Truncated,
        },
        Ok(_) => ArchiveError::Truncated,
    })
}
