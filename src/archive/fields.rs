//! Little-endian fields, and byte strings whose length is not trusted.

use std::io::Read;

use super::ArchiveError;

pub(super) fn array<const N: usize>(input: &mut dyn Read) -> Result<[u8; N], ArchiveError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn u8(input: &mut dyn Read) -> Result<u8, ArchiveError> {
    array(input).map(|[byte]| byte)
}

pub(super) fn u16(input: &mut dyn Read) -> Result<u16, ArchiveError> {
    array(input).map(u16::from_le_bytes)
}

pub(super) fn u32(input: &mut dyn Read) -> Result<u32, ArchiveError> {
    array(input).map(u32::from_le_bytes)
}

pub(super) fn u64(input: &mut dyn Read) -> Result<u64, ArchiveError> {
    array(input).map(u64::from_le_bytes)
}

/// Reads `len` bytes, or all that is left; memory grows only with the bytes that exist.
pub(super) fn at_most(input: &mut dyn Read, len: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    input.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads exactly `len` bytes.
pub(super) fn bytes(input: &mut dyn Read, len: u64) -> Result<Vec<u8>, ArchiveError> {
    let bytes = at_most(input, len)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(ArchiveError::Truncated) }
}
