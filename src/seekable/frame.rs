//! A frame of an archive, as its bytes describe it without being decoded.

use std::fmt;

use crate::archive::{BlockLengths, FrameEnd, Header, Trailer};
use crate::codec::{compact_header, memory_needed};
use crate::model::Method;
use crate::options::Options;
use crate::prior::Prior;

/// A frame of an archive, as its header and its trailer describe it.
///
/// Where one of them is damaged, the other and the blocks tell what they can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where the frame starts, behind its priors.
    pub(super) start: u64,
    /// Bytes of priors in front of the frame.
    pub(super) priors: u64,
    /// The header; that of a compact frame is known with its prior.
    pub(super) header: Option<Header>,
    pub(super) prior: Option<PriorHash>,
    pub(super) trailer: Trailer,
    pub(super) end: FrameEnd,
    pub(super) is_compact: bool,
}

/// The hash by which a frame names its prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorHash {
    /// The bits that are known: 64, or the lowest 32 where a compact frame names them alone.
    pub bits: u32,
    /// These bits of [`Prior::hash`].
    pub hash: u64,
}

impl PriorHash {
    /// True if this may be the hash of a prior.
    pub fn matches(self, prior: &Prior) -> bool {
        match self.bits {
            u64::BITS => prior.hash() == self.hash,
            _ => u64::from(prior.hash() as u32) == self.hash,
        }
    }
}

impl fmt::Display for PriorHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits {
            u64::BITS => write!(f, "{:016x}", self.hash),
            _ => write!(f, "...{:08x}", self.hash),
        }
    }
}

impl Frame {
    /// Raw bytes of the frame; of those blocks that are known, if [`Frame::is_whole`] is false.
    pub fn raw_len(&self) -> u64 {
        self.trailer.raw_len
    }

    /// Bytes of the frame in the archive, without priors in front of it.
    pub fn compressed_len(&self) -> u64 {
        self.trailer.frame_len
    }

    /// Bytes of priors that lie in front of the frame.
    pub fn prior_len(&self) -> u64 {
        self.priors
    }

    /// XXH3-64 of the frame's content; `None` if the trailer is damaged, or if the frame is compact.
    pub fn checksum(&self) -> Option<u64> {
        (self.end == FrameEnd::Intact && !self.is_compact).then_some(self.trailer.checksum)
    }

    /// Raw and compressed lengths of the blocks, in bytes; a stored block's are equal. A compact frame
    /// counts as one block.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        self.trailer.blocks.iter().map(|&BlockLengths { raw, coded }| (raw, coded))
    }

    /// True for a compact frame: a short one whose prior supplies its header.
    pub fn is_compact(&self) -> bool {
        self.is_compact
    }

    /// True if header and trailer are intact. Of a compact frame nothing is known before it is decoded.
    pub fn is_intact(&self) -> bool {
        (self.header.is_some() || self.is_compact) && self.end == FrameEnd::Intact
    }

    /// True if all blocks are known, so that the lengths are those of the whole frame.
    pub fn is_whole(&self) -> bool {
        self.end != FrameEnd::Unknown
    }

    /// The most raw bytes of a block; `None` if the header is damaged or not known.
    pub fn block_size(&self) -> Option<u32> {
        Some(self.header.as_ref()?.block_size)
    }

    /// The hyper-parameters that the frame was coded with; `None` if the header is damaged, and for a
    /// compact frame whose prior is not known (see [`Archive::know_prior`](super::Archive::know_prior)).
    pub fn method(&self) -> Option<&Method> {
        Some(&self.header.as_ref()?.method)
    }

    /// The hash of the prior that the frame starts from, if it starts from one.
    pub fn prior(&self) -> Option<PriorHash> {
        self.prior
    }

    /// Bytes of memory that decoding takes, within a few per cent, where [`Frame::method`] is known.
    pub fn memory(&self) -> Option<u64> {
        Some(self.header.as_ref()?.memory())
    }

    /// Bytes of memory that decoding with these options takes, within a few per cent: that of the
    /// frame, with its prior and, for a fallback, twice the model; `None` as for [`Frame::memory`].
    pub fn memory_needed(&self, options: &Options) -> Option<u64> {
        let prior = options.start_prior().map(|prior| &**prior);
        Some(memory_needed(self.header.as_ref()?, prior, options.decode_settings().fallback))
    }

    /// The place behind the frame.
    pub(super) fn behind(&self) -> u64 {
        self.start + self.trailer.frame_len
    }

    /// Supplies the header of a compact frame from its prior's method and hash.
    pub(super) fn supply_header(&mut self, method: &Method, hash: u64) {
        let Some(prior) = self.prior.filter(|_| self.is_compact && self.header.is_none()) else { return };
        if prior.hash == u64::from(hash as u32) {
            let raw_len = self.trailer.raw_len as u32;
            self.header = Some(compact_header(method, raw_len, hash));
            self.prior = Some(PriorHash { bits: u64::BITS, hash });
        }
    }
}
