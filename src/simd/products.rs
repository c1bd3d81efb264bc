//! The three products of the model, each for up to four rows of one operand.

use super::aligned::OnLine;
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Vectors, vectorized};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::model::layout::{CELLS, TILE};

/// Rows of the left operand that one call multiplies at most.
pub const GROUP: usize = 4;

/// Inputs whose weights lie side by side.
pub const QUAD: usize = 4;

/// Sums of one tile of rows for up to [`GROUP`] left operands.
pub type TileSums = OnLine<[[i32; TILE]; GROUP]>;

/// None yet.
pub const NO_SUMS: TileSums = OnLine([[0; TILE]; GROUP]);

/// Calls the variant for as many rows as there are.
macro_rules! by_count {
    ($rows:expr, $one:path, $two:path, $three:path, $four:path, $($rest:expr),+) => {
        match *$rows {
            [a] => $one([a], $($rest),+),
            [a, b] => $two([a, b], $($rest),+),
            [a, b, c] => $three([a, b, c], $($rest),+),
            [a, b, c, d] => $four([a, b, c, d], $($rest),+),
            _ => unreachable!("one to four rows"),
        }
    };
}

/// `sums[m][n] += x[m][j] * weights[j / 4][n][j % 4]` over all j, for each of up to four
/// rows of `x`, all of one length J, a multiple of 4; `weights` is `[J / 4][64][4]`.
///
/// Forward weights have 128 added for that, as AVX-512's product of bytes wants one operand
/// without a sign: [`excess`] is what comes of it.
pub fn multiply_inputs(x: &[&[i8]], weights: &[u8], sums: &mut TileSums) {
    multiply_inputs_with(Vectors::used(), x, weights, sums);
}

fn multiply_inputs_with(vectors: Vectors, x: &[&[i8]], weights: &[u8], sums: &mut TileSums) {
    let len = x[0].len();
    assert!(x.len() <= GROUP && len.is_multiple_of(QUAD) && x.iter().all(|row| row.len() == len));
    assert!(weights.len() >= len * TILE);
    match vectors {
        // SAFETY: these are there, and the lengths were just checked.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe {
            use avx512::multiply_inputs as any;
            by_count!(x, any, any, any, any, weights, sums)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe {
            use avx2::multiply_inputs as of;
            by_count!(x, of::<_, 8>, of::<_, 4>, of::<_, 2>, of::<_, 2>, weights, sums)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Vectors::Neon => unsafe {
            use neon::multiply_inputs as of;
            by_count!(x, of::<_, 4>, of::<_, 4>, of::<_, 2>, of::<_, 2>, weights, sums)
        },
        _ => multiply_inputs_plain(x, weights, sums),
    }
}

fn multiply_inputs_plain(x: &[&[i8]], weights: &[u8], sums: &mut TileSums) {
    for (row, sums) in x.iter().zip(sums.iter_mut()) {
        for (quad, weights) in row.chunks_exact(QUAD).zip(weights.chunks_exact(QUAD * TILE)) {
            let x: [i16; QUAD] = std::array::from_fn(|i| quad[i].into());
            for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<QUAD>().0) {
                let product = |i: usize| i32::from(x[i]) * i32::from(i16::from(weights[i]));
                *sum = sum.wrapping_add(product(0) + product(1) + product(2) + product(3));
            }
        }
    }
}

/// What 128 added to each weight adds to a sum over these inputs.
pub fn excess(x: &[i8]) -> i32 {
    vectorized(
        #[inline(always)]
        || 128 * x.iter().map(|&x| i32::from(x)).sum::<i32>(),
    )
}

/// `sums[m][n] += a[m][j] * panel[j / 2][n][j % 2]` over all j, for each of
/// up to four rows of `a`, all of one even length J; panel is `[J / 2][64][2]`.
pub fn multiply_samples(a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    multiply_samples_with(Vectors::used(), a, panel, sums);
}

fn multiply_samples_with(vectors: Vectors, a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    let len = a[0].len();
    assert!(a.len() <= GROUP && len.is_multiple_of(2) && a.iter().all(|row| row.len() == len));
    assert!(panel.len() >= len * TILE);
    match vectors {
        // SAFETY: these are there, and the lengths were just checked.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe {
            use avx512::multiply_samples as any;
            by_count!(a, any, any, any, any, panel, sums)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe {
            use avx2::multiply_samples as of;
            by_count!(a, of::<_, 8>, of::<_, 4>, of::<_, 2>, of::<_, 2>, panel, sums)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Vectors::Neon => unsafe {
            use neon::multiply_samples as of;
            by_count!(a, of::<_, 4>, of::<_, 4>, of::<_, 2>, of::<_, 2>, panel, sums)
        },
        _ => multiply_samples_plain(a, panel, sums),
    }
}

fn multiply_samples_plain(a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    for (row, sums) in a.iter().zip(sums.iter_mut()) {
        for (pair, panel) in row.chunks_exact(2).zip(panel.chunks_exact(2 * TILE)) {
            let (a0, a1) = (i32::from(pair[0]), i32::from(pair[1]));
            for (sum, p) in sums.iter_mut().zip(panel.chunks_exact(2)) {
                *sum = sum.wrapping_add((a0 * i32::from(p[0])).wrapping_add(a1 * i32::from(p[1])));
            }
        }
    }
}

/// One product of [`multiply_rows`].
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Up to four rows, as many values each as there are rows of weights.
    pub a: [&'a [i16]; GROUP],
    /// `[16 / 4][rows / 64][4][64]`: the weights of 16 inputs.
    pub w: &'a [i8],
}

/// `sums[m][i] += a[m][n] * w[i / 4][n / 64][i % 4][n % 64]` over all n and
/// terms, for the first `count` rows of each term.
pub fn multiply_rows(count: usize, terms: &[Rows<'_>], sums: &mut [[i32; CELLS]; GROUP]) {
    multiply_rows_with(Vectors::used(), count, terms, sums);
}

fn multiply_rows_with(vectors: Vectors, count: usize, terms: &[Rows<'_>], sums: &mut [[i32; CELLS]; GROUP]) {
    assert!((1..=GROUP).contains(&count));
    for term in terms {
        let rows = term.a[0].len();
        assert!(rows.is_multiple_of(TILE) && term.w.len() == CELLS * rows);
        assert!(term.a[..count].iter().all(|a| a.len() == rows));
    }
    match vectors {
        // SAFETY: these are there, and the lengths were just checked.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe {
            match count {
                1 => avx512::multiply_rows::<1>(terms, sums),
                2 => avx512::multiply_rows::<2>(terms, sums),
                3 => avx512::multiply_rows::<3>(terms, sums),
                _ => avx512::multiply_rows::<4>(terms, sums),
            }
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe {
            for first in (0..count).step_by(2) {
                match count - first {
                    1 => avx2::multiply_rows::<1>(first, terms, sums),
                    _ => avx2::multiply_rows::<2>(first, terms, sums),
                }
            }
        },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Vectors::Neon => unsafe {
            match count {
                1 => neon::multiply_rows::<1>(terms, sums),
                2 => neon::multiply_rows::<2>(terms, sums),
                3 => neon::multiply_rows::<3>(terms, sums),
                _ => neon::multiply_rows::<4>(terms, sums),
            }
        },
        _ => multiply_rows_plain(count, terms, sums),
    }
}

fn multiply_rows_plain(count: usize, terms: &[Rows<'_>], sums: &mut [[i32; CELLS]; GROUP]) {
    for term in terms {
        let tiles = term.a[0].len() / TILE;
        for (a, sums) in term.a.iter().zip(sums.iter_mut()).take(count) {
            for (i, sum) in sums.iter_mut().enumerate() {
                for (tile, a) in a.chunks_exact(TILE).enumerate() {
                    let w = &term.w[((i / QUAD * tiles + tile) * QUAD + i % QUAD) * TILE..][..TILE];
                    let dot = a.iter().zip(w).fold(0i32, |s, (&x, &y)| s.wrapping_add(i32::from(x) * i32::from(y)));
                    *sum = sum.wrapping_add(dot);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_i16(len: usize) -> impl Strategy<Value = Vec<i16>> {
        let value = prop_oneof![any::<i16>(), -127i16..=127, Just(i16::MAX), Just(-i16::MAX)];
        proptest::collection::vec(value, len)
    }

    fn any_i8(len: usize) -> impl Strategy<Value = Vec<i8>> {
        proptest::collection::vec(prop_oneof![any::<i8>(), Just(i8::MIN), Just(i8::MAX)], len)
    }

    /// The variants that can run here.
    fn variants() -> impl Iterator<Item = Vectors> {
        Vectors::ALL.into_iter().filter(|vectors| vectors.are_there())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn inputs_multiply_exactly(
            (len, x, weights) in (1usize..40, 1usize..=GROUP).prop_flat_map(|(quads, m)| {
                let weights = proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(255)], QUAD * quads * TILE);
                (Just(QUAD * quads), any_i8(QUAD * quads * m), weights)
            }),
            start: i32,
        ) {
            let rows: Vec<&[i8]> = x.chunks_exact(len).collect();
            for vectors in variants() {
                let mut sums = OnLine([[start; TILE]; GROUP]);
                multiply_inputs_with(vectors, &rows, &weights, &mut sums);
                for (m, row) in rows.iter().enumerate() {
                    for n in 0..TILE {
                        let weight = |j: usize| i64::from(weights[(j / QUAD * TILE + n) * QUAD + j % QUAD]);
                        let exact: i64 = (0..len).map(|j| i64::from(row[j]) * weight(j)).sum();
                        prop_assert_eq!(sums[m][n], start.wrapping_add(exact as i32), "{:?}", vectors);
                    }
                }
                prop_assert!(sums[rows.len()..].as_flattened().iter().all(|&sum| sum == start));
            }
        }

        #[test]
        fn samples_multiply_exactly(
            (len, a, panel) in (1usize..9, 1usize..=GROUP).prop_flat_map(|(pairs, m)| {
                (Just(2 * pairs), any_i16(2 * pairs * m), any_i16(2 * pairs * TILE))
            }),
            start: i32,
        ) {
            let rows: Vec<&[i16]> = a.chunks_exact(len).collect();
            for vectors in variants() {
                let mut sums = OnLine([[start; TILE]; GROUP]);
                multiply_samples_with(vectors, &rows, &panel, &mut sums);
                for (m, row) in rows.iter().enumerate() {
                    for n in 0..TILE {
                        let exact: i64 = (0..len)
                            .map(|j| i64::from(row[j]) * i64::from(panel[(j / 2 * TILE + n) * 2 + j % 2]))
                            .sum();
                        prop_assert_eq!(sums[m][n], start.wrapping_add(exact as i32), "{:?}", vectors);
                    }
                }
                prop_assert!(sums[rows.len()..].as_flattened().iter().all(|&sum| sum == start));
            }
        }

        #[test]
        fn rows_multiply_exactly(
            (count, lens, a, w) in (1usize..=GROUP, proptest::collection::vec(1usize..4, 0..4))
                .prop_flat_map(|(count, tiles)| {
                    let rows: usize = tiles.iter().sum::<usize>() * TILE;
                    (Just(count), Just(tiles), any_i16(rows * GROUP), any_i8(rows * CELLS))
                }),
            start: i32,
        ) {
            let (mut a, mut w) = (&a[..], &w[..]);
            let terms: Vec<Rows> = lens.iter().map(|tiles| {
                let rows = tiles * TILE;
                let (term_a, term_w);
                (term_a, a) = a.split_at(rows * GROUP);
                (term_w, w) = w.split_at(rows * CELLS);
                Rows { a: std::array::from_fn(|m| &term_a[m * rows..][..rows]), w: term_w }
            }).collect();
            for vectors in variants() {
                let mut sums = [[start; CELLS]; GROUP];
                multiply_rows_with(vectors, count, &terms, &mut sums);
                for (m, sums) in sums.iter().enumerate() {
                    for (i, &sum) in sums.iter().enumerate() {
                        let exact: i64 = terms.iter().filter(|_| m < count).map(|term| {
                            let rows = term.a[0].len();
                            let w = |n: usize| term.w[i / 4 * 4 * rows + n / TILE * 4 * TILE + i % 4 * TILE + n % TILE];
                            (0..rows).map(|n| i64::from(term.a[m][n]) * i64::from(w(n))).sum::<i64>()
                        }).sum();
                        prop_assert_eq!(sum, start.wrapping_add(exact as i32), "{:?}", vectors);
                    }
                }
            }
        }
    }
}
