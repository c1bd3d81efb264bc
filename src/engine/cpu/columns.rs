//! Columns of a stream's record, so that several threads write into its rows, each its own part.

use ndarray::{ArrayViewMut2, Axis};

/// A run of columns of `[rows][width]` values.
pub struct Columns<'a, T>(ArrayViewMut2<'a, T>);

impl<'a, T> Columns<'a, T> {
    /// Cuts rows of `width` values into runs of columns, so many each; what is left over is nobody's.
    pub fn cut(values: &'a mut [T], width: usize, runs: impl Iterator<Item = usize>) -> impl Iterator<Item = Self> {
        let rows = values.len() / width;
        let mut rest = Some(ArrayViewMut2::from_shape((rows, width), values).expect("so many values"));
        runs.map_while(move |run| {
            let (columns, behind) = rest.take()?.split_at(Axis(1), run);
            rest = Some(behind);
            Some(Columns(columns))
        })
    }

    /// What a row has there.
    pub fn row(&self, row: usize) -> &[T] {
        self.0.index_axis(Axis(0), row).to_slice().expect("values lie side by side")
    }

    /// The same, to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        self.0.index_axis_mut(Axis(0), row).into_slice().expect("values lie side by side")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_written_apart() {
        let mut values: Vec<usize> = (0..21).collect();
        let mut columns: Vec<_> = Columns::cut(&mut values, 7, [2, 1, 3].into_iter()).collect();
        assert_eq!(columns[2].row(1), [10, 11, 12]);
        for (i, columns) in columns.iter_mut().enumerate() {
            columns.row_mut(2).fill(100 * i);
        }
        assert_eq!(values[13..], [13, 0, 0, 100, 200, 200, 200, 20]);
    }
}
