//! Tables of records of one length: numbers become their differences from the record before.

use super::TransformError;
use super::fields::{Field, Layout};
use super::tables;

/// Passes each number that is to be changed, and that of the record before, through
/// `code`; it gives the number to put in its place and the one to remember.
fn replace(table: &mut [u8], layout: &Layout, code: impl Fn(u64, u64) -> (u64, u64)) {
    let mut numbers: Vec<(usize, Field, u64)> = layout.numbers().map(|(at, field)| (at, field, 0)).collect();
    for record in table.chunks_exact_mut(layout.record_len()) {
        for (at, field, before) in &mut numbers {
            let number;
            (number, *before) = code(field.read(&record[*at..]), *before);
            field.write(number, &mut record[*at..]);
        }
    }
}

/// The layout of a record, and the table with differences.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    let layout = tables::layout(raw).unwrap_or_default();
    let mut coded = layout.bytes();
    let head = coded.len();
    coded.extend_from_slice(raw);
    replace(&mut coded[head..], &layout, |number, before| (number.wrapping_sub(before), number));
    coded
}

/// The table that [`forward`] made differences of.
pub fn inverse(coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
    let (layout, table) = Layout::read(coded)?;
    if table.len() > limit {
        return Err(TransformError::TooLong);
    }
    let mut table = table.to_vec();
    replace(&mut table, &layout, |difference, before| {
        let number = difference.wrapping_add(before);
        (number, number)
    });
    Ok(table)
}

/// Whether bytes look like such a table.
pub fn likely(raw: &[u8]) -> bool {
    tables::layout(raw).is_some()
}
