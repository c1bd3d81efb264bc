//! The blocks of a frame, as their heads describe them without being decoded.

use std::io::{Read, Seek, SeekFrom};

use super::Archive;
use crate::Error;
use crate::archive::{ArchiveError, BLOCK_HEADER_LEN, BlockHead, Header};
use crate::codec::read_head;
use crate::transform::Transform;

/// A block of a frame: its lengths, and how it is represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Raw bytes.
    pub raw_len: u32,
    /// Bytes of the payload.
    pub compressed_len: u32,
    /// The kind of the block in words: `coded`, `stored`, `verbatim` or `run`; `damaged` if its header
    /// can't be read.
    pub kind: &'static str,
    /// The transform before a coded block's model.
    pub transform: Option<Transform>,
    /// Bytes of a pixel and of a row, with [`Transform::Image`].
    pub raster: Option<(u8, u32)>,
}

impl<R: Read + Seek> Archive<R> {
    /// Describes the blocks of a frame by their heads, which are read but not checked. A compact frame
    /// counts as one block, without a transform.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] where the archive can't be read.
    ///
    /// # Panics
    ///
    /// If there is no such frame.
    pub fn blocks(&mut self, frame: usize) -> Result<Vec<BlockInfo>, Error> {
        let frame = &self.frames[frame];
        let block_size = frame.block_size();
        let is_compact = frame.is_compact();
        let mut at = frame.start + Header::LEN as u64;
        let mut blocks = Vec::with_capacity(frame.trailer.blocks.len());
        for (raw_len, compressed_len) in frame.blocks() {
            let mut info = BlockInfo { raw_len, compressed_len, kind: "damaged", transform: None, raster: None };
            if is_compact {
                info.kind = if raw_len == compressed_len { "stored" } else { "coded" };
            } else {
                self.file.seek(SeekFrom::Start(at)).map_err(Error::Input)?;
                match BlockHead::read(&mut self.file, block_size) {
                    Ok(Some(head)) => {
                        info.kind = head.kind;
                        // A coded block's payload says more.
                        if let Some(head) = head.payload.and_then(|payload| read_head(&payload, raw_len).ok()) {
                            info.transform = Some(head.transform);
                            info.raster = head.raster.map(|raster| (raster.pixel, raster.row));
                        }
                    }
                    Err(ArchiveError::Io(error)) => return Err(Error::Input(error)),
                    Ok(None) | Err(_) => {}
                }
                at += BLOCK_HEADER_LEN + u64::from(compressed_len);
            }
            blocks.push(info);
        }
        Ok(blocks)
    }
}
