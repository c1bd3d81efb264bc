//! AVX-512 with VNNI, on x86-64.

use std::arch::x86_64::*;

use super::{GROUP, QUAD, Rows, TILE_INPUTS, TILE_ROWS, TileSums};

/// Values of type i16 in one vector.
const LANES: usize = 32;
/// Bytes in one vector.
const BYTES: usize = 64;

/// Independent sums, enough to hide the latency of an instruction.
#[cfg(feature = "cli")]
pub const PEAK_CHAINS: usize = 16;

/// Multiplies in registers alone, see [`super::peak`].
#[cfg(feature = "cli")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub fn peak<const OF_BYTES: bool>(rounds: u64) {
    let (a, b) = std::hint::black_box((_mm512_set1_epi32(0x0102_0304), _mm512_set1_epi32(0x0302_0501)));
    let mut sums = [_mm512_setzero_si512(); PEAK_CHAINS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = if OF_BYTES { _mm512_dpbusd_epi32(*sum, a, b) } else { _mm512_dpwssd_epi32(*sum, a, b) };
        }
    }
    std::hint::black_box(sums);
}

/// Runs `work` compiled for AVX-512, see [`super::vectorized`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni,bmi1,bmi2,lzcnt,fma")]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// See [`super::multiply_inputs`].
///
/// # Safety
///
/// The machine has AVX-512 with VNNI. The lengths are as [`super::multiply_inputs`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn multiply_inputs<const M: usize>(x: [&[i8]; M], weights: &[u8], sums: &mut TileSums) {
    const VECTORS: usize = QUAD * TILE_ROWS / BYTES;
    let mut acc = [[_mm512_setzero_si512(); VECTORS]; M];
    for j in 0..x[0].len() / QUAD {
        // SAFETY: 4j + 4 values of each row and (j + 1) * 256 weights exist.
        unsafe {
            let p = weights.as_ptr().add(j * QUAD * TILE_ROWS).cast::<i8>();
            let w: [__m512i; VECTORS] = std::array::from_fn(|v| _mm512_loadu_epi8(p.add(v * BYTES)));
            for m in 0..M {
                let quad = x[m].as_ptr().add(QUAD * j).cast::<i32>().read_unaligned();
                let quad = _mm512_set1_epi32(quad);
                for v in 0..VECTORS {
                    acc[m][v] = _mm512_dpbusd_epi32(acc[m][v], w[v], quad);
                }
            }
        }
    }
    for (sums, acc) in sums.iter_mut().zip(&acc) {
        add(sums, acc);
    }
}

/// Adds four vectors to the sums of a tile's rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add(sums: &mut [i32; TILE_ROWS], acc: &[__m512i; 4]) {
    for (sums, &acc) in sums.chunks_exact_mut(LANES / 2).zip(acc) {
        // SAFETY: 16 sums make one vector.
        unsafe {
            let s = sums.as_mut_ptr();
            _mm512_storeu_epi32(s, _mm512_add_epi32(_mm512_loadu_epi32(s), acc));
        }
    }
}

/// See [`super::multiply_samples`].
///
/// # Safety
///
/// The machine has AVX-512 with VNNI. The lengths are as [`super::multiply_samples`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn multiply_samples<const M: usize>(a: [&[i16]; M], panel: &[i16], sums: &mut TileSums) {
    const VECTORS: usize = 2 * TILE_ROWS / LANES;
    let mut acc = [[_mm512_setzero_si512(); VECTORS]; M];
    for j in 0..a[0].len() / 2 {
        // SAFETY: 2j + 2 values of each row and (j + 1) * 128 values of the panel exist.
        unsafe {
            let p = panel.as_ptr().add(j * 2 * TILE_ROWS);
            let b: [__m512i; VECTORS] = std::array::from_fn(|v| _mm512_loadu_epi16(p.add(v * LANES)));
            for m in 0..M {
                let pair = a[m].as_ptr().add(2 * j).cast::<i32>().read_unaligned();
                let pair = _mm512_set1_epi32(pair);
                for v in 0..VECTORS {
                    acc[m][v] = _mm512_dpwssd_epi32(acc[m][v], b[v], pair);
                }
            }
        }
    }
    for (sums, acc) in sums.iter_mut().zip(&acc) {
        add(sums, acc);
    }
}

/// See [`super::multiply_rows`]; `M` is the number of rows.
///
/// # Safety
///
/// The machine has AVX-512 with VNNI. The lengths are as [`super::multiply_rows`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn multiply_rows<const M: usize>(terms: &[Rows<'_>], sums: &mut [[i32; TILE_INPUTS]; GROUP]) {
    for i in (0..TILE_INPUTS).step_by(QUAD) {
        let mut acc = [[_mm512_setzero_si512(); QUAD]; M];
        for term in terms {
            let rows = term.a[0].len();
            for n in (0..rows).step_by(LANES) {
                // SAFETY: each row of `a` has `rows` values, a multiple of 64, `w` 16 times as many.
                unsafe {
                    let p = term.w.as_ptr().add(i * rows + n / TILE_ROWS * QUAD * TILE_ROWS + n % TILE_ROWS);
                    let load = |r: usize| _mm512_cvtepi8_epi16(_mm256_loadu_si256(p.add(r * TILE_ROWS).cast()));
                    let b: [__m512i; QUAD] = std::array::from_fn(load);
                    for (acc, a) in acc.iter_mut().zip(&term.a) {
                        let x = _mm512_loadu_epi16(a.as_ptr().add(n));
                        for r in 0..QUAD {
                            acc[r] = _mm512_dpwssd_epi32(acc[r], b[r], x);
                        }
                    }
                }
            }
        }
        for (sums, [a, b, c, d]) in sums.iter_mut().zip(acc) {
            // SAFETY: four sums make one vector.
            unsafe {
                let s = sums[i..][..QUAD].as_mut_ptr().cast::<__m128i>();
                _mm_storeu_si128(s, _mm_add_epi32(_mm_loadu_si128(s), sums_of_four(a, b, c, d)));
            }
        }
    }
}

/// Returns the sums over all lanes of four vectors; together they cost little more than one.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn sums_of_four(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> __m128i {
    let fold32 = |x, y| _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y));
    let (ab, cd) = (fold32(a, b), fold32(c, d));
    let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
    _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1))
}

/// See [`super::look_up`]. Keeps the whole table in registers.
///
/// # Safety
///
/// The machine has AVX-512. `N` is 32 or 256, and the number of indices is a multiple of 16.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn look_up<const N: usize>(table: &[u32; N], indices: &mut [u32]) {
    // SAFETY: this is called for whole vectors within the table only.
    let vector = |i: usize| unsafe { _mm512_loadu_epi32(table.as_ptr().add(16 * i).cast()) };
    let t: [__m512i; 16] = std::array::from_fn(|i| if 16 * i < N { vector(i) } else { _mm512_setzero_si512() });
    for indices in indices.chunks_exact_mut(16) {
        let p = indices.as_mut_ptr().cast::<i32>();
        // SAFETY: 16 indices make one vector.
        let index = unsafe { _mm512_loadu_epi32(p) };
        let bit = |n: i32| _mm512_test_epi32_mask(index, _mm512_set1_epi32(1 << n));
        // Five bits of an index select within a pair of vectors, three bits among the eight pairs.
        let pair = |i: usize| _mm512_permutex2var_epi32(t[2 * i], index, t[2 * i + 1]);
        let four = |i: usize| _mm512_mask_blend_epi32(bit(5), pair(2 * i), pair(2 * i + 1));
        let eight = |i: usize| _mm512_mask_blend_epi32(bit(6), four(2 * i), four(2 * i + 1));
        let entries = if N == 32 { pair(0) } else { _mm512_mask_blend_epi32(bit(7), eight(0), eight(1)) };
        // SAFETY: as for the load above.
        unsafe { _mm512_storeu_epi32(p, entries) };
    }
}
