//! The operations in plain loops: for targets without a vector unit of their own, and the
//! definitions that tests hold the other variants to.

use super::{GROUP, QUAD, Rows, TILE_INPUTS, TILE_ROWS, TileSums};

/// See [`super::multiply_inputs`].
pub fn multiply_inputs(x: &[&[i8]], weights: &[u8], sums: &mut TileSums) {
    for (row, sums) in x.iter().zip(sums.iter_mut()) {
        for (quad, weights) in row.chunks_exact(QUAD).zip(weights.chunks_exact(QUAD * TILE_ROWS)) {
            let x: [i16; QUAD] = std::array::from_fn(|i| quad[i].into());
            for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<QUAD>().0) {
                let product = |i: usize| i32::from(x[i]) * i32::from(i16::from(weights[i]));
                *sum = sum.wrapping_add(product(0) + product(1) + product(2) + product(3));
            }
        }
    }
}

/// See [`super::multiply_samples`].
pub fn multiply_samples(a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    for (row, sums) in a.iter().zip(sums.iter_mut()) {
        for (pair, panel) in row.chunks_exact(2).zip(panel.chunks_exact(2 * TILE_ROWS)) {
            let (a0, a1) = (i32::from(pair[0]), i32::from(pair[1]));
            for (sum, p) in sums.iter_mut().zip(panel.chunks_exact(2)) {
                *sum = sum.wrapping_add((a0 * i32::from(p[0])).wrapping_add(a1 * i32::from(p[1])));
            }
        }
    }
}

/// See [`super::multiply_rows`].
pub fn multiply_rows(count: usize, terms: &[Rows<'_>], sums: &mut [[i32; TILE_INPUTS]; GROUP]) {
    for term in terms {
        let tiles = term.a[0].len() / TILE_ROWS;
        for (a, sums) in term.a.iter().zip(sums.iter_mut()).take(count) {
            for (i, sum) in sums.iter_mut().enumerate() {
                for (tile, a) in a.chunks_exact(TILE_ROWS).enumerate() {
                    let w = &term.w[((i / QUAD * tiles + tile) * QUAD + i % QUAD) * TILE_ROWS..][..TILE_ROWS];
                    let dot = a.iter().zip(w).fold(0i32, |s, (&x, &y)| s.wrapping_add(i32::from(x) * i32::from(y)));
                    *sum = sum.wrapping_add(dot);
                }
            }
        }
    }
}

/// See [`super::look_up`].
pub fn look_up<const N: usize>(table: &[u32; N], indices: &mut [u32]) {
    for index in indices {
        *index = table[*index as usize & (N - 1)];
    }
}
