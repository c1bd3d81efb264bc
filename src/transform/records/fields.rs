//! The fields of a record, and their stored form.

use super::super::TransformError;

/// Length of the longest record in bytes.
pub const LONGEST_RECORD: usize = 255;
/// Length of the longest stored layout in bytes.
pub const LONGEST_LAYOUT: usize = 1 + LONGEST_RECORD;

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A byte that is not transformed.
    Byte,
    /// A little-endian number with the given width in bytes.
    Number(usize),
}

impl Field {
    /// The numbers of every width.
    pub const NUMBERS: [Field; 4] = [Field::Number(1), Field::Number(2), Field::Number(4), Field::Number(8)];

    fn code(self) -> u8 {
        match self {
            Field::Byte => 0,
            Field::Number(width) => width as u8,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        std::iter::once(Field::Byte).chain(Field::NUMBERS).find(|field| field.code() == code)
    }

    /// Returns the width in bytes.
    pub fn width(self) -> usize {
        match self {
            Field::Byte => 1,
            Field::Number(width) => width,
        }
    }

    /// Reads the number at the start of `bytes`.
    pub fn read(self, bytes: &[u8]) -> u64 {
        bytes[..self.width()].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// Writes the low bytes of a number to the start of `bytes`.
    pub fn write(self, number: u64, bytes: &mut [u8]) {
        bytes[..self.width()].copy_from_slice(&number.to_le_bytes()[..self.width()]);
    }
}

/// The fields of a record, in order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(Vec<Field>);

impl Default for Layout {
    /// Records of one byte that is not transformed.
    fn default() -> Self {
        Layout(vec![Field::Byte])
    }
}

impl Layout {
    /// Creates a layout of at least one field and at most [`LONGEST_RECORD`] bytes.
    pub fn new(fields: Vec<Field>) -> Self {
        Layout(fields)
    }

    /// Returns the length of a record in bytes.
    pub fn record_len(&self) -> usize {
        self.0.iter().map(|field| field.width()).sum()
    }

    /// Returns the numbers with their offsets in the record.
    pub fn numbers(&self) -> impl Iterator<Item = (usize, Field)> {
        let starts = self.0.iter().scan(0, |next, &field| {
            let at = *next;
            *next += field.width();
            Some((at, field))
        });
        starts.filter(|&(_, field)| field != Field::Byte)
    }

    /// Returns the stored form: the length of a record, then one byte per field.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.record_len() as u8];
        bytes.extend(self.0.iter().map(|field| field.code()));
        bytes
    }

    /// Parses the stored form at the front of `coded`; returns the layout and the rest.
    pub fn read(coded: &[u8]) -> Result<(Self, &[u8]), TransformError> {
        let (&len, mut rest) = coded.split_first().ok_or(TransformError::Head)?;
        let mut fields = Vec::new();
        let mut missing = usize::from(len);
        while missing > 0 {
            let (&code, after) = rest.split_first().ok_or(TransformError::Head)?;
            let field = Field::from_code(code).ok_or(TransformError::Head)?;
            missing = missing.checked_sub(field.width()).ok_or(TransformError::Head)?;
            fields.push(field);
            rest = after;
        }
        if fields.is_empty() { Err(TransformError::Head) } else { Ok((Layout(fields), rest)) }
    }
}
