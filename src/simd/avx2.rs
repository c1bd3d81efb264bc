//! AVX2, on x86-64.

use std::arch::x86_64::*;

use super::{GROUP, QUAD, Rows, TILE_INPUTS, TILE_ROWS, TileSums};

/// Values of type i16 in one vector.
const LANES: usize = 16;

/// Independent sums, enough to hide the latency of an instruction.
#[cfg(feature = "cli")]
pub const PEAK_CHAINS: usize = 12;

/// Multiplies in registers alone, see [`super::peak`].
#[cfg(feature = "cli")]
#[target_feature(enable = "avx2")]
pub fn peak(rounds: u64) {
    let b = std::hint::black_box(_mm256_set1_epi16(3));
    let mut sums = [b; PEAK_CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            // A product that did not depend on the sum would be moved out of the loop.
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(*sum, b));
        }
    }
    std::hint::black_box(sums);
}

/// Runs `work` compiled for AVX2, see [`super::vectorized`].
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,fma")]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// See [`super::multiply_inputs`]. Computes `V` vectors of sums at a time for each row of `x`, as
/// many as fit the registers; each is for four rows of weights.
///
/// # Safety
///
/// The machine has AVX2. The lengths are as [`super::multiply_inputs`] checks them. `V` is 2, 4
/// or 8.
#[target_feature(enable = "avx2")]
pub unsafe fn multiply_inputs<const M: usize, const V: usize>(x: [&[i8]; M], weights: &[u8], sums: &mut TileSums) {
    for first in (0..TILE_ROWS).step_by(V * QUAD) {
        let mut acc = [[_mm256_setzero_si256(); V]; M];
        for j in 0..x[0].len() / QUAD {
            // SAFETY: 4j + 4 values of each row and (j + 1) * 256 weights exist.
            unsafe {
                let p = weights.as_ptr().add((j * TILE_ROWS + first) * QUAD).cast::<__m128i>();
                let w: [__m256i; V] = std::array::from_fn(|v| _mm256_cvtepu8_epi16(_mm_loadu_si128(p.add(v))));
                for m in 0..M {
                    let quad = _mm_set1_epi32(x[m].as_ptr().add(QUAD * j).cast::<i32>().read_unaligned());
                    let quad = _mm256_cvtepi8_epi16(quad);
                    for v in 0..V {
                        acc[m][v] = _mm256_add_epi32(acc[m][v], _mm256_madd_epi16(w[v], quad));
                    }
                }
            }
        }
        for m in 0..M {
            for (sums, acc) in sums[m][first..].chunks_exact_mut(2 * QUAD).zip(acc[m].chunks_exact(2)) {
                // The order of the rows is 0, 1, 4, 5, 2, 3, 6, 7 before the permutation.
                let rows = _mm256_hadd_epi32(acc[0], acc[1]);
                let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(rows);
                // SAFETY: 8 sums make one vector.
                unsafe {
                    let s = sums.as_mut_ptr().cast::<__m256i>();
                    _mm256_storeu_si256(s, _mm256_add_epi32(_mm256_loadu_si256(s), rows));
                }
            }
        }
    }
}

/// See [`super::multiply_samples`]. Computes `V` vectors of sums at a time for each row of `a`, as
/// many as fit the registers.
///
/// # Safety
///
/// The machine has AVX2. The lengths are as [`super::multiply_samples`] checks them. `V` divides 8.
#[target_feature(enable = "avx2")]
pub unsafe fn multiply_samples<const M: usize, const V: usize>(a: [&[i16]; M], panel: &[i16], sums: &mut TileSums) {
    for first in (0..2 * TILE_ROWS).step_by(V * LANES) {
        let mut acc = [[_mm256_setzero_si256(); V]; M];
        for j in 0..a[0].len() / 2 {
            // SAFETY: 2j + 2 values of each row and (j + 1) * 128 values of the panel exist.
            unsafe {
                let p = panel.as_ptr().add(j * 2 * TILE_ROWS + first).cast::<__m256i>();
                let b: [__m256i; V] = std::array::from_fn(|v| _mm256_loadu_si256(p.add(v)));
                for m in 0..M {
                    let pair = _mm256_set1_epi32(a[m].as_ptr().add(2 * j).cast::<i32>().read_unaligned());
                    for v in 0..V {
                        acc[m][v] = _mm256_add_epi32(acc[m][v], _mm256_madd_epi16(b[v], pair));
                    }
                }
            }
        }
        for m in 0..M {
            for (sums, &acc) in sums[m][first / 2..].chunks_exact_mut(LANES / 2).zip(&acc[m]) {
                // SAFETY: 8 sums make one vector.
                unsafe {
                    let s = sums.as_mut_ptr().cast::<__m256i>();
                    _mm256_storeu_si256(s, _mm256_add_epi32(_mm256_loadu_si256(s), acc));
                }
            }
        }
    }
}

/// See [`super::multiply_rows`]. Takes `M` rows of each term from `first` on: one or two, as the
/// registers hold no more.
///
/// # Safety
///
/// The machine has AVX2. The lengths are as [`super::multiply_rows`] checks them, and
/// `first + M` is at most the number of rows.
#[target_feature(enable = "avx2")]
pub unsafe fn multiply_rows<const M: usize>(first: usize, terms: &[Rows<'_>], sums: &mut [[i32; TILE_INPUTS]; GROUP]) {
    for i in (0..TILE_INPUTS).step_by(QUAD) {
        let mut acc = [[_mm256_setzero_si256(); QUAD]; M];
        for term in terms {
            let rows = term.a[0].len();
            for n in (0..rows).step_by(LANES) {
                // SAFETY: each row of `a` has `rows` values, a multiple of 64, `w` 16 times as many.
                unsafe {
                    let p = term.w.as_ptr().add(i * rows + n / TILE_ROWS * QUAD * TILE_ROWS + n % TILE_ROWS);
                    let load = |r: usize| _mm256_cvtepi8_epi16(_mm_loadu_si128(p.add(r * TILE_ROWS).cast()));
                    let b: [__m256i; QUAD] = std::array::from_fn(load);
                    for (acc, a) in acc.iter_mut().zip(&term.a[first..]) {
                        let x = _mm256_loadu_si256(a.as_ptr().add(n).cast());
                        for r in 0..QUAD {
                            acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(b[r], x));
                        }
                    }
                }
            }
        }
        for (sums, [a, b, c, d]) in sums[first..].iter_mut().zip(acc) {
            let abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
            let abcd = _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
            // SAFETY: four sums make one vector.
            unsafe {
                let s = sums[i..][..QUAD].as_mut_ptr().cast::<__m128i>();
                _mm_storeu_si128(s, _mm_add_epi32(_mm_loadu_si128(s), abcd));
            }
        }
    }
}
