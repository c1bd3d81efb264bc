//! The header of a frame: version, model, block size.

use std::io::Read;
use std::ops::RangeInclusive;

use super::{ArchiveError, MAGIC, VERSION, fields};
use crate::crc32;
use crate::model::{Method, MixingConfig, MixingKind, ModelConfig};

/// Bytes of a header of this version.
pub(super) const HEADER_LEN: u16 = 70;
/// Bytes of magic, version and header length, which precede all other fields.
const PREFIX_LEN: u16 = 7;

/// The sizes that a block may have, in bytes.
pub const BLOCK_SIZES: RangeInclusive<u32> = 1..=1 << 30;

/// The header of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The method that codes the blocks.
    pub method: Method,
    /// Most raw bytes of a block.
    pub block_size: u32,
    /// The hash of the prior that predictors start from, 0 for none.
    pub prior: u64,
}

impl Header {
    /// Bytes of a header in the archive.
    pub const LEN: usize = HEADER_LEN as usize;
    /// Bytes that a header of any version is looked for in.
    pub(super) const LONGEST: u64 = 1 << 10;

    /// Returns the bytes of memory that decoding takes: the method's, and a block that is raw, coded and
    /// transformed in two steps.
    pub fn memory(&self) -> u64 {
        self.method.memory(self.block_size) + 4 * u64::from(self.block_size)
    }

    /// Returns the encoded header.
    pub fn to_bytes(&self) -> Vec<u8> {
        let config = &self.method.model;
        let mut bytes = Vec::with_capacity(HEADER_LEN.into());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&HEADER_LEN.to_le_bytes());
        bytes.push(0); // flags
        // A validated configuration fits these widths.
        for value in [config.streams, config.segment, config.embedding, config.units] {
            bytes.extend_from_slice(&(value as u16).to_le_bytes());
        }
        for value in [config.layers, config.error_fraction] {
            bytes.push(value as u8);
        }
        bytes.extend_from_slice(&config.rate_start.to_le_bytes());
        bytes.extend_from_slice(&config.rate_end.to_le_bytes());
        bytes.extend_from_slice(&config.schedule_length.to_le_bytes());
        bytes.extend_from_slice(&config.seed.to_le_bytes());
        bytes.extend_from_slice(&self.block_size.to_le_bytes());
        bytes.push(config.dropout as u8);
        let mixing = self.method.mixing.map_or((0, 0), |mixing| (mixing.kind as u8, mixing.table_bits as u8));
        bytes.extend_from_slice(&[mixing.0, mixing.1]);
        bytes.push(self.method.network.into());
        bytes.extend_from_slice(&self.prior.to_le_bytes());
        for value in [config.replay_streams, config.replay_steps] {
            bytes.extend_from_slice(&(value as u16).to_le_bytes());
        }
        bytes.extend_from_slice(&self.method.panel.unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(&crc32::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a header after its magic.
    pub(super) fn read_after_magic(input: &mut dyn Read) -> Result<Self, ArchiveError> {
        // The version comes first: a newer header may have another layout.
        match fields::u8(input)? {
            VERSION => {}
            0 => return Err(ArchiveError::corrupt("there is no format 0")),
            older @ ..VERSION => return Err(ArchiveError::OlderVersion(older)),
            newer => return Err(ArchiveError::NewerVersion(newer)),
        }
        let len = fields::u16(input)?;
        if len < HEADER_LEN {
            return Err(ArchiveError::corrupt("the header is too short"));
        }
        let rest = fields::bytes(input, u64::from(len - PREFIX_LEN))?;
        let (rest, crc) = rest.split_at(rest.len() - 4);
        let mut hasher = crc32::Hasher::new();
        hasher.update(&MAGIC);
        hasher.update(&[VERSION]);
        hasher.update(&len.to_le_bytes());
        hasher.update(rest);
        if hasher.finalize().to_le_bytes() != crc {
            return Err(ArchiveError::corrupt("the header's checksum is wrong"));
        }
        let known = |what, id: u64, known: u64| {
            if id == known { Ok(()) } else { Err(ArchiveError::Unsupported { what, id }) }
        };
        known("header length", len.into(), HEADER_LEN.into())?;
        let input: &mut &[u8] = &mut &rest[..];
        known("flag set", fields::u8(input)?.into(), 0)?;
        let mut config = ModelConfig {
            replay_streams: 0,
            replay_steps: 1,
            dropout: 0,
            streams: fields::u16(input)?.into(),
            segment: fields::u16(input)?.into(),
            embedding: fields::u16(input)?.into(),
            units: fields::u16(input)?.into(),
            layers: fields::u8(input)?.into(),
            error_fraction: fields::u8(input)?.into(),
            rate_start: fields::u32(input)?,
            rate_end: fields::u32(input)?,
            schedule_length: fields::u64(input)?,
            seed: fields::u64(input)?,
        };
        let block_size = fields::u32(input)?;
        config.dropout = fields::u8(input)?.into();
        let (mixing, table_bits, network) = (fields::u8(input)?, fields::u8(input)?, fields::u8(input)?);
        known("network", network.into(), u64::from(network == 1))?;
        let prior = fields::u64(input)?;
        (config.replay_streams, config.replay_steps) = (fields::u16(input)?.into(), fields::u16(input)?.into());
        let panel = Some(fields::u32(input)?).filter(|&bytes| bytes > 0);
        let kind = MixingKind::ALL.into_iter().find(|&kind| kind as u8 == mixing);
        if mixing != 0 && kind.is_none() {
            return Err(ArchiveError::Unsupported { what: "mixing", id: mixing.into() });
        }
        if mixing == 0 && table_bits != 0 {
            return Err(ArchiveError::corrupt("there is a size of mixing tables, but no mixing"));
        }
        let mixing = kind.map(|kind| MixingConfig { kind, table_bits: table_bits.into() });
        let method = Method { model: config, network: network == 1, mixing, panel };
        method.validate()?;
        if !BLOCK_SIZES.contains(&block_size) {
            return Err(ArchiveError::corrupt(format!("blocks of {block_size} bytes are not allowed")));
        }
        Ok(Header { method, block_size, prior })
    }

    /// Returns true if the checksum of a header of any version is right.
    pub(super) fn is_intact(bytes: &[u8]) -> bool {
        let len = bytes.get(5..7).map_or(0, |len| usize::from(u16::from_le_bytes([len[0], len[1]])));
        let header = bytes.get(..len).filter(|_| len >= usize::from(HEADER_LEN));
        header.is_some_and(|header| {
            let (fields, crc) = header.split_at(len - 4);
            crc32::hash(fields).to_le_bytes() == crc
        })
    }

    /// Returns the header that these bytes were before one of them was damaged, if there is one whose
    /// checksum is right.
    pub fn mended(bytes: &[u8; Self::LEN]) -> Option<Self> {
        (0..Self::LEN).find_map(|at| {
            let mut bytes = *bytes;
            (0..=u8::MAX).find_map(|value| {
                bytes[at] = value;
                let crc = crc32::hash(&bytes[..Self::LEN - 4]).to_le_bytes();
                (bytes[Self::LEN - 4..] == crc).then(|| Header::read(&mut &bytes[..]).ok()).flatten()
            })
        })
    }

    /// Reads a header with its magic.
    pub fn read(input: &mut dyn Read) -> Result<Self, ArchiveError> {
        if fields::array(input)? != MAGIC {
            return Err(ArchiveError::NotAnArchive);
        }
        Header::read_after_magic(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::levels::method_for;

    fn header() -> Header {
        let method = Method { panel: Some(1 << 16), ..method_for(5, 1 << 20) };
        Header { method, block_size: 1 << 20, prior: 0x1234 }
    }

    /// A header with one byte changed and its checksum made right again.
    fn forged(at: usize, value: u8) -> Vec<u8> {
        let mut bytes = header().to_bytes();
        bytes[at] = value;
        let body = bytes.len() - 4;
        let crc = crc32::hash(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&crc);
        bytes
    }

    #[test]
    fn header_comes_back() {
        let bytes = header().to_bytes();
        assert_eq!(bytes.len(), usize::from(HEADER_LEN));
        assert_eq!(Header::read(&mut &bytes[..]).unwrap(), header());
    }

    #[test]
    fn a_damaged_byte_is_mended_by_the_checksum() {
        let bytes: [u8; Header::LEN] = header().to_bytes().try_into().unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes;
            damaged[at] ^= 0x5a;
            assert_eq!(Header::mended(&damaged), Some(header()), "byte {at}");
            damaged[(at + 7) % bytes.len()] ^= 1;
            assert_eq!(Header::mended(&damaged), None, "byte {at} and another");
        }
    }

    #[test]
    fn newer_parts_are_told_apart_from_damage() {
        assert!(matches!(Header::read(&mut &forged(4, 1)[..]), Err(ArchiveError::OlderVersion(1))));
        assert!(matches!(Header::read(&mut &forged(4, VERSION + 1)[..]), Err(ArchiveError::NewerVersion(_))));
        for (at, part) in [(7, "flag set"), (47, "mixing"), (49, "network")] {
            match Header::read(&mut &forged(at, 9)[..]) {
                Err(ArchiveError::Unsupported { what, id: 9 }) => assert_eq!(what, part),
                other => panic!("{part}: {other:?}"),
            }
        }
        let mut longer = forged(5, 74);
        longer.truncate(66);
        longer.extend_from_slice(&[0; 4]);
        longer.extend_from_slice(&crc32::hash(&longer).to_le_bytes());
        assert!(matches!(Header::read(&mut &longer[..]), Err(ArchiveError::Unsupported { what: "header length", .. })));
    }

    #[test]
    fn impossible_models_and_block_sizes_are_refused() {
        assert!(matches!(Header::read(&mut &forged(16, 0)[..]), Err(ArchiveError::Config(_)))); // layers
        assert!(matches!(Header::read(&mut &forged(9, 255)[..]), Err(ArchiveError::Config(_)))); // streams
        assert!(matches!(Header::read(&mut &forged(46, 129)[..]), Err(ArchiveError::Config(_)))); // dropout
        assert!(matches!(Header::read(&mut &forged(48, 9)[..]), Err(ArchiveError::Config(_)))); // mixing tables
        assert!(matches!(Header::read(&mut &forged(48, 255)[..]), Err(ArchiveError::Config(_))));
        assert!(matches!(Header::read(&mut &forged(47, 0)[..]), Err(ArchiveError::Corrupt { .. }))); // no mixing
        assert!(matches!(Header::read(&mut &forged(65, 0xff)[..]), Err(ArchiveError::Config(_)))); // panel
        assert!(matches!(Header::read(&mut &forged(45, 0xff)[..]), Err(ArchiveError::Corrupt { .. }))); // block size
    }
}
