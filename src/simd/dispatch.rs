//! The operations: each checks its lengths, then calls the variant for the vector unit in use.

#[cfg(target_arch = "aarch64")]
use super::neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::simd128;
use super::{GROUP, QUAD, Rows, TILE_INPUTS, TILE_ROWS, TileSums, Vectors, plain};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Calls the variant for the number of rows.
#[allow(unused_macros, reason = "on targets that have only plain loops")]
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

/// Runs `work`, plain loops, as compiled for the vector unit in use.
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    match Vectors::used() {
        // SAFETY: the unit in use is available.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe { avx512::vectorized(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe { avx2::vectorized(work) },
        _ => work(),
    }
}

/// `sums[m][n] += x[m][j] * weights[j / 4][n][j % 4]` over all j, for each of up to four
/// rows of `x`, all of one length J, a multiple of 4; `weights` is `[J / 4][64][4]`.
///
/// The weights are stored with 128 added, because AVX-512's product of bytes takes one unsigned
/// operand. The caller subtracts [`excess`] to correct for that.
pub fn multiply_inputs(x: &[&[i8]], weights: &[u8], sums: &mut TileSums) {
    multiply_inputs_with(Vectors::used(), x, weights, sums);
}

/// Like [`multiply_inputs`], on a given vector unit, which must be available.
pub(super) fn multiply_inputs_with(vectors: Vectors, x: &[&[i8]], weights: &[u8], sums: &mut TileSums) {
    let len = x[0].len();
    assert!(x.len() <= GROUP && len.is_multiple_of(QUAD) && x.iter().all(|row| row.len() == len));
    assert!(weights.len() >= len * TILE_ROWS);
    debug_assert!(vectors.is_available());
    match vectors {
        // SAFETY: the unit is available, and the lengths were checked above.
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
        // SAFETY: as above.
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Vectors::Simd128 => unsafe {
            use simd128::multiply_inputs as of;
            by_count!(x, of::<_, 4>, of::<_, 2>, of::<_, 1>, of::<_, 1>, weights, sums)
        },
        _ => plain::multiply_inputs(x, weights, sums),
    }
}

/// The amount by which a sum over the inputs `x` is too large because each weight is stored with
/// 128 added.
pub fn excess(x: &[i8]) -> i32 {
    vectorized(
        #[inline(always)]
        || 128 * x.iter().map(|&x| i32::from(x)).sum::<i32>(),
    )
}

/// `sums[m][n] += a[m][j] * panel[j / 2][n][j % 2]` over all j, for each of up to four rows of
/// `a`, all of one even length J; `panel` is `[J / 2][64][2]`.
pub fn multiply_samples(a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    multiply_samples_with(Vectors::used(), a, panel, sums);
}

/// Like [`multiply_samples`], on a given vector unit, which must be available.
pub(super) fn multiply_samples_with(vectors: Vectors, a: &[&[i16]], panel: &[i16], sums: &mut TileSums) {
    let len = a[0].len();
    assert!(a.len() <= GROUP && len.is_multiple_of(2) && a.iter().all(|row| row.len() == len));
    assert!(panel.len() >= len * TILE_ROWS);
    debug_assert!(vectors.is_available());
    match vectors {
        // SAFETY: the unit is available, and the lengths were checked above.
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
        // SAFETY: as above.
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Vectors::Simd128 => unsafe {
            use simd128::multiply_samples as of;
            by_count!(a, of::<_, 8>, of::<_, 4>, of::<_, 2>, of::<_, 2>, panel, sums)
        },
        _ => plain::multiply_samples(a, panel, sums),
    }
}

/// `sums[m][i] += a[m][n] * w[i / 4][n / 64][i % 4][n % 64]` over all n and
/// terms, for the first `count` rows of each term.
pub fn multiply_rows(count: usize, terms: &[Rows<'_>], sums: &mut [[i32; TILE_INPUTS]; GROUP]) {
    multiply_rows_with(Vectors::used(), count, terms, sums);
}

/// Like [`multiply_rows`], on a given vector unit, which must be available.
pub(super) fn multiply_rows_with(
    vectors: Vectors,
    count: usize,
    terms: &[Rows<'_>],
    sums: &mut [[i32; TILE_INPUTS]; GROUP],
) {
    assert!((1..=GROUP).contains(&count));
    for term in terms {
        let rows = term.a[0].len();
        assert!(rows.is_multiple_of(TILE_ROWS) && term.w.len() == TILE_INPUTS * rows);
        assert!(term.a[..count].iter().all(|a| a.len() == rows));
    }
    debug_assert!(vectors.is_available());
    match vectors {
        // SAFETY: the unit is available, and the lengths were checked above.
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
        // SAFETY: as above.
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Vectors::Simd128 => unsafe {
            for first in (0..count).step_by(2) {
                match count - first {
                    1 => simd128::multiply_rows::<1>(first, terms, sums),
                    _ => simd128::multiply_rows::<2>(first, terms, sums),
                }
            }
        },
        _ => plain::multiply_rows(count, terms, sums),
    }
}

/// Replaces each index by `table[index % N]`. N is 32 or 256; the number of indices is a
/// multiple of 16.
pub fn look_up<const N: usize>(table: &[u32; N], indices: &mut [u32]) {
    const { assert!(N == 32 || N == 256) };
    assert!(indices.len().is_multiple_of(16));
    #[cfg(target_arch = "x86_64")]
    if Vectors::used() == Vectors::Avx512 {
        // SAFETY: the unit is available, and N and the length were checked above.
        unsafe { avx512::look_up(table, indices) };
        return;
    }
    plain::look_up(table, indices);
}

/// Multiplies integers of 16 bits (or of 8 bits if `bytes` is set) in registers alone, as fast as
/// this machine can, and returns the number of products. `None` if the vector unit in use has no
/// such instruction.
#[cfg(feature = "cli")]
pub fn peak(bytes: bool, rounds: u64) -> Option<u64> {
    match (Vectors::used(), bytes) {
        #[cfg(target_arch = "x86_64")]
        (Vectors::Avx512, bytes) => {
            // SAFETY: the unit in use is available.
            unsafe { if bytes { avx512::peak::<true>(rounds) } else { avx512::peak::<false>(rounds) } };
            Some(rounds * avx512::PEAK_CHAINS as u64 * if bytes { 64 } else { 32 })
        }
        #[cfg(target_arch = "x86_64")]
        (Vectors::Avx2, false) => {
            // SAFETY: the unit in use is available.
            unsafe { avx2::peak(rounds) };
            Some(rounds * avx2::PEAK_CHAINS as u64 * 16)
        }
        _ => {
            let _ = rounds;
            None
        }
    }
}
