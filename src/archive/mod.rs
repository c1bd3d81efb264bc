//! The archive format: header, blocks, trailer; docs/FORMAT.md defines every byte.
//!
//! A file is one or more frames end to end, each with its own model. Nothing that is read here is
//! trusted: lengths are bounded before anything is allocated, and every byte is under a checksum.
//! The archive knows nothing of devices.

mod block;
mod compact;
mod error;
mod fields;
mod hashed;
mod header;
mod list;
mod reader;
mod recovery;
mod trailer;
mod writer;

pub use block::{BLOCK_HEADER_LEN, Block, BlockHead, Payload};
pub use compact::{COMPACT_LIMIT, COMPACT_MAGIC, Compact};
pub use error::ArchiveError;
pub use hashed::{Hashed, HashedWrite, Prefix};
pub use header::{BLOCK_SIZES, Header};
pub use list::{Frame, FrameEnd, Piece, PieceKind, PriorHead, list, list_until, recovery_before};
pub use reader::{FrameReader, Part, next_part};
pub use recovery::{HEAD_COPIES, RECOVERY_MAGIC, RecoveryHead};
pub use trailer::{BlockLengths, Trailer};
pub use writer::FrameWriter;

/// First bytes of every frame; not text, so that a text-mode transfer damages them.
pub const MAGIC: [u8; 4] = *b"\x89LKS";
/// Last bytes of every frame.
pub const END_MAGIC: [u8; 4] = *b"SKL\x89";
/// First bytes of a prior, which may precede the frames that start from it.
pub const PRIOR_MAGIC: [u8; 4] = *b"\x89LKP";
/// Last bytes of a prior.
pub const PRIOR_END_MAGIC: [u8; 4] = *b"PKL\x89";
/// Bytes at a prior's end: its length, and the end magic.
pub const PRIOR_TAIL_LEN: u64 = 12;
/// The version of the format that this crate writes and reads.
pub const VERSION: u8 = 11;
