//! Tables of fixed-length records: numbers become their differences from the previous record.

mod fields;
mod find_layout;

use super::TransformError;

use fields::{Field, Layout};
use find_layout::find_layout;

pub use fields::LONGEST_LAYOUT;

/// Calls `code` with each number and the one in the previous record; `code` returns the number
/// to write and the number that the next record's is compared with.
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

/// Returns the layout of a record, then the table with differences.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    let layout = find_layout(raw).unwrap_or_default();
    let mut coded = layout.bytes();
    let head = coded.len();
    coded.extend_from_slice(raw);
    replace(&mut coded[head..], &layout, |number, before| (number.wrapping_sub(before), number));
    coded
}

/// Reverses [`forward`]; the result has at most `limit` bytes.
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

/// True if the block looks like a table of fixed-length records.
pub fn likely(raw: &[u8]) -> bool {
    find_layout(raw).is_some()
}
