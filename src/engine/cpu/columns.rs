//! Columns of a stream's record: several threads write to its rows, each to columns of its own.

use ndarray::{ArrayViewMut2, Axis};

/// Consecutive columns of `[rows][width]` values.
pub struct Columns<'a, T>(ArrayViewMut2<'a, T>);

impl<'a, T> Columns<'a, T> {
    /// Splits rows of `width` values into columns of the given widths; the columns after the last
    /// of them belong to none.
    pub fn split(values: &'a mut [T], width: usize, widths: impl Iterator<Item = usize>) -> impl Iterator<Item = Self> {
        let rows = values.len() / width;
        let mut rest = Some(ArrayViewMut2::from_shape((rows, width), values).expect("whole rows"));
        widths.map_while(move |width| {
            let (columns, right) = rest.take()?.split_at(Axis(1), width);
            rest = Some(right);
            Some(Columns(columns))
        })
    }

    /// The values of these columns in a row.
    pub fn row(&self, row: usize) -> &[T] {
        self.0.index_axis(Axis(0), row).to_slice().expect("the values of a row are contiguous")
    }

    /// Like [`Self::row`], to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        self.0.index_axis_mut(Axis(0), row).into_slice().expect("the values of a row are contiguous")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_written_independently() {
        let mut values: Vec<usize> = (0..21).collect();
        let mut columns: Vec<_> = Columns::split(&mut values, 7, [2, 1, 3].into_iter()).collect();
        assert_eq!(columns[2].row(1), [10, 11, 12]);
        for (i, columns) in columns.iter_mut().enumerate() {
            columns.row_mut(2).fill(100 * i);
        }
        assert_eq!(values[13..], [13, 0, 0, 100, 200, 200, 200, 20]);
    }
}
