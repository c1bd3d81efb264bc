//! Integer dot products for the widest vectors of this machine, chosen at run
//! time. All variants give the same sums: integer addition has no order.
//!
//! This is the one module with `unsafe`: calling code compiled for vector
//! units, after asking whether they are there, loading vectors from slices
//! whose bounds are checked first, and hints to fetch what lies in a slice.
//! Written with intrinsics because the compiler's own vectorisation of the same
//! loops reaches less than half the speed.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use std::sync::LazyLock;

use crate::model::layout::{CELLS, TILE};
use crate::numerics::wide::AdamStep;

/// Rows of the left operand that one call multiplies at most.
pub const GROUP: usize = 4;

/// Inputs whose weights lie side by side for the backward pass.
pub const QUAD: usize = 4;

/// Sums of one tile of rows for up to [`GROUP`] left operands.
pub type TileSums = [[i32; TILE]; GROUP];

/// Vector units that there are variants for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// With VNNI.
    Avx512,
    Avx2,
    Neon,
    /// What the compiler makes of plain loops.
    Plain,
}

/// What this process uses. Environment variable `LOCKSTEP_VECTORS` (`avx2`, `plain`) asks for
/// less than this machine has, so that one machine can compare them; names of what it has not
/// are ignored.
static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    let asked = std::env::var("LOCKSTEP_VECTORS").ok();
    let mut there = Vectors::ALL.into_iter().filter(|vectors| vectors.are_there());
    let allowed = there.clone().find(|vectors| asked.as_deref() == Some(vectors.name()));
    allowed.or_else(|| there.next()).unwrap_or(Vectors::Plain)
});

impl Vectors {
    /// All of them, the widest first.
    pub const ALL: [Vectors; 4] = [Vectors::Avx512, Vectors::Avx2, Vectors::Neon, Vectors::Plain];

    /// What this process uses.
    pub fn used() -> Vectors {
        *VECTORS
    }

    /// As the environment variable has it.
    pub fn name(self) -> &'static str {
        match self {
            Vectors::Avx512 => "avx512",
            Vectors::Avx2 => "avx2",
            Vectors::Neon => "neon",
            Vectors::Plain => "plain",
        }
    }

    /// Whether this machine has them.
    fn are_there(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => {
                Vectors::Avx2.are_there()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "aarch64")]
            Vectors::Neon => true,
            Vectors::Plain => true,
            _ => false,
        }
    }
}

/// Runs plain loops compiled for the widest vectors of this machine.
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    match *VECTORS {
        // SAFETY: these are there.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe { avx512::vectorized(work) },
        // SAFETY: these are there.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe { avx2::vectorized(work) },
        _ => work(),
    }
}

/// Asks for the cache line of a value that is needed soon, without waiting for it.
#[inline(always)]
pub fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = values.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint about a value that exists; nothing is read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

/// `sums[m][n] += a[m][j] * panel[j / 2][n][j % 2]` over all j, for each of
/// up to four rows of `a`, all of one even length J; panel is `[J / 2][64][2]`.
pub fn multiply_panel(a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    multiply_panel_with(*VECTORS, a, panel, sums);
}

fn multiply_panel_with(vectors: Vectors, a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    let len = a[0].len();
    assert!(a.len() <= GROUP && len.is_multiple_of(2) && a.iter().all(|row| row.len() == len));
    assert!(panel.len() >= len * TILE);
    match vectors {
        // SAFETY: these are there, and the lengths were just checked.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe {
            match *a {
                [a0] => avx512::multiply_panel([a0], panel, sums),
                [a0, a1] => avx512::multiply_panel([a0, a1], panel, sums),
                [a0, a1, a2] => avx512::multiply_panel([a0, a1, a2], panel, sums),
                [a0, a1, a2, a3] => avx512::multiply_panel([a0, a1, a2, a3], panel, sums),
                _ => unreachable!("at most four rows"),
            }
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe {
            match *a {
                [a0] => avx2::multiply_panel::<1, 8>([a0], panel, sums),
                [a0, a1] => avx2::multiply_panel::<2, 4>([a0, a1], panel, sums),
                [a0, a1, a2] => avx2::multiply_panel::<3, 2>([a0, a1, a2], panel, sums),
                [a0, a1, a2, a3] => avx2::multiply_panel::<4, 2>([a0, a1, a2, a3], panel, sums),
                _ => unreachable!("at most four rows"),
            }
        },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Vectors::Neon => unsafe {
            match *a {
                [a0] => neon::multiply_panel::<1, 4>([a0], panel, sums),
                [a0, a1] => neon::multiply_panel::<2, 4>([a0, a1], panel, sums),
                [a0, a1, a2] => neon::multiply_panel::<3, 2>([a0, a1, a2], panel, sums),
                [a0, a1, a2, a3] => neon::multiply_panel::<4, 2>([a0, a1, a2, a3], panel, sums),
                _ => unreachable!("at most four rows"),
            }
        },
        _ => multiply_panel_plain(a, panel, sums),
    }
}

fn multiply_panel_plain(a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    for (row, sums) in a.iter().zip(sums) {
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
    pub w: &'a [i16],
}

/// `sums[m][i] += a[m][n] * w[i / 4][n / 64][i % 4][n % 64]` over all n and
/// terms, for the first `count` rows of each term.
pub fn multiply_rows(count: usize, terms: &[Rows<'_>], sums: &mut [[i32; CELLS]; GROUP]) {
    multiply_rows_with(*VECTORS, count, terms, sums);
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

/// Puts `table[index % 256]` in the place of each index; a multiple of 16 of them.
pub fn look_up(table: &[u32; 256], indices: &mut [u32]) {
    assert!(indices.len().is_multiple_of(16));
    #[cfg(target_arch = "x86_64")]
    if *VECTORS == Vectors::Avx512 {
        // SAFETY: these are there, and the length was just checked.
        unsafe { avx512::look_up(table, indices) };
        return;
    }
    for index in indices {
        *index = table[*index as usize & 255];
    }
}

/// [`crate::numerics::wide::adam`] for each of a run of weights, a multiple of 32;
/// false, and nothing done, where there is no variant for this machine's vectors.
pub fn adam(
    roots: &[u16; 256],
    step: &AdamStep,
    floor: u32,
    limit: i32,
    gradients: &[i32],
    master: &mut [i32],
    moments: &mut [u32],
) -> bool {
    assert!(master.len().is_multiple_of(32) && gradients.len() == master.len() && moments.len() == master.len());
    #[cfg(target_arch = "x86_64")]
    if *VECTORS == Vectors::Avx512 {
        // SAFETY: these are there, and the lengths were just checked.
        unsafe { avx512::adam(roots, step, floor, limit, gradients, master, moments) };
        return true;
    }
    let _ = (roots, step, floor, limit);
    false
}

/// Multiplies 16-bit (or, where `bytes` is set, 8-bit) integers in registers
/// alone, as fast as this machine can; returns how many products it added up.
/// Nothing where there is no such variant.
pub fn peak(bytes: bool, rounds: u64) -> Option<u64> {
    match (*VECTORS, bytes) {
        #[cfg(target_arch = "x86_64")]
        (Vectors::Avx512, bytes) => {
            // SAFETY: these are there.
            unsafe { if bytes { avx512::peak::<true>(rounds) } else { avx512::peak::<false>(rounds) } };
            Some(rounds * avx512::PEAK_CHAINS as u64 * if bytes { 64 } else { 32 })
        }
        #[cfg(target_arch = "x86_64")]
        (Vectors::Avx2, false) => {
            // SAFETY: these are there.
            unsafe { avx2::peak(rounds) };
            Some(rounds * avx2::PEAK_CHAINS as u64 * 16)
        }
        _ => {
            let _ = rounds;
            None
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

    /// The variants that can run here.
    fn variants() -> impl Iterator<Item = Vectors> {
        Vectors::ALL.into_iter().filter(|vectors| vectors.are_there())
    }

    #[test]
    fn tables_are_looked_up_exactly() {
        let table: [u32; 256] = std::array::from_fn(|i| (i as u32).wrapping_mul(0x9e37_79b9));
        let mut indices: [u32; 512] = std::array::from_fn(|i| 7 * i as u32);
        look_up(&table, &mut indices);
        assert!(indices.iter().enumerate().all(|(i, &entry)| entry == table[7 * i % 256]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn panels_multiply_exactly(
            (len, a, panel) in (1usize..9, 1usize..=GROUP).prop_flat_map(|(pairs, m)| {
                (Just(2 * pairs), any_i16(2 * pairs * m), any_i16(2 * pairs * TILE))
            }),
            start: i32,
        ) {
            let rows: Vec<&[i16]> = a.chunks_exact(len).collect();
            for vectors in variants() {
                let mut sums = [[start; TILE]; GROUP];
                multiply_panel_with(vectors, &rows, &panel, &mut sums);
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
                    (Just(count), Just(tiles), any_i16(rows * GROUP), any_i16(rows * CELLS))
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
