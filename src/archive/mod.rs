//! The archive: header, blocks, trailer; docs/FORMAT.md lays out every byte.
//!
//! A file is one or more frames end to end, each with its own model. Nothing
//! read here is trusted: lengths are bounded before anything is allocated, and
//! every byte is under a checksum. The archive knows nothing of devices.

mod block;
mod error;
mod fields;
mod hashed;
mod header;
mod list;
mod reader;
mod trailer;
mod writer;

pub use block::{Block, Payload};
pub use error::ArchiveError;
pub use hashed::{Hashed, Prefix};
pub use header::{BLOCK_SIZES, Header};
pub use list::{Frame, list, walk};
pub use reader::FrameReader;
pub use trailer::{BlockLengths, Trailer};
pub use writer::FrameWriter;

/// First bytes of every frame; not text, so that text-mode transfers show.
pub const MAGIC: [u8; 4] = *b"\x89LKS";
/// Last bytes of every frame.
pub const END_MAGIC: [u8; 4] = *b"SKL\x89";
/// The format's version that this crate writes and reads.
pub const VERSION: u8 = 3;
