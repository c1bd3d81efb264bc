//! AVX-512 with VNNI, on x86-64.

use std::arch::x86_64::*;

use super::{GROUP, QUAD, Rows, TileSums};
use crate::model::layout::{CELLS, TILE};
use crate::numerics::wide::{AdamStep, SECOND_MOMENT_SHIFT};

/// i16 values of one vector.
const LANES: usize = 32;
/// Bytes of one vector.
const BYTES: usize = 64;

/// Sums that grow side by side: enough to hide an instruction's latency.
pub const PEAK_CHAINS: usize = 16;

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

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni,bmi1,bmi2,lzcnt,fma")]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Safety: AVX-512 with VNNI is there; lengths are as [`super::multiply_inputs`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn multiply_inputs<const M: usize>(x: [&[i8]; M], weights: &[u8], sums: &mut TileSums) {
    const VECTORS: usize = QUAD * TILE / BYTES;
    let mut acc = [[_mm512_setzero_si512(); VECTORS]; M];
    for j in 0..x[0].len() / QUAD {
        // SAFETY: 4j + 4 values of each row and (j + 1) * 256 weights exist.
        unsafe {
            let p = weights.as_ptr().add(j * QUAD * TILE).cast::<i8>();
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

/// Adds the sums of a tile's rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add(sums: &mut [i32; TILE], acc: &[__m512i; 4]) {
    for (sums, &acc) in sums.chunks_exact_mut(LANES / 2).zip(acc) {
        // SAFETY: 16 sums make one vector.
        unsafe {
            let s = sums.as_mut_ptr();
            _mm512_storeu_epi32(s, _mm512_add_epi32(_mm512_loadu_epi32(s), acc));
        }
    }
}

/// Safety: AVX-512 with VNNI is there; lengths are as [`super::multiply_samples`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn multiply_samples<const M: usize>(a: [&[i16]; M], panel: &[i16], sums: &mut TileSums) {
    const VECTORS: usize = 2 * TILE / LANES;
    let mut acc = [[_mm512_setzero_si512(); VECTORS]; M];
    for j in 0..a[0].len() / 2 {
        // SAFETY: 2j + 2 values of each row and (j + 1) * 128 values of the panel exist.
        unsafe {
            let p = panel.as_ptr().add(j * 2 * TILE);
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

/// Safety: AVX-512 with VNNI is there; lengths are as [`super::multiply_rows`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn multiply_rows<const M: usize>(terms: &[Rows<'_>], sums: &mut [[i32; CELLS]; GROUP]) {
    for i in (0..CELLS).step_by(QUAD) {
        let mut acc = [[_mm512_setzero_si512(); QUAD]; M];
        for term in terms {
            let rows = term.a[0].len();
            for n in (0..rows).step_by(LANES) {
                // SAFETY: each row of `a` has `rows` values, a multiple of 64, `w` 16 times as many.
                unsafe {
                    let p = term.w.as_ptr().add(i * rows + n / TILE * QUAD * TILE + n % TILE);
                    let load = |r: usize| _mm512_cvtepi8_epi16(_mm256_loadu_si256(p.add(r * TILE).cast()));
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

/// The sums of all lanes of four vectors: together they cost little more than one.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn sums_of_four(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> __m128i {
    let fold32 = |x, y| _mm512_add_epi32(_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y));
    let (ab, cd) = (fold32(a, b), fold32(c, d));
    let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
    _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1))
}

/// Two vectors at a time, whose roots are looked up together.
///
/// Wide numbers are singles here, and each operation cuts off as `numerics::wide` does in
/// integers: the instructions say so themselves, whatever the thread's rounding mode.
/// Nothing is ever so small that it would lose bits: moments are zero or at least 1.
/// Safety: AVX-512 is there; the lengths are as [`super::adam`] checks them.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn adam(
    roots: &[u16; 256],
    step: &AdamStep,
    floor: u32,
    limit: i32,
    gradients: &[i32],
    master: &mut [i32],
    moments: &mut [u32],
) {
    const CUT: i32 = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
    // SAFETY: the table makes 8 vectors.
    let t: [__m512i; 8] = std::array::from_fn(|i| unsafe { _mm512_loadu_epi16(roots.as_ptr().add(32 * i).cast()) });
    let all = |x: i32| _mm512_set1_epi32(x);
    let (floor, least, most) = (all(floor as i32), all(-limit), all(limit));
    let power = |exponent: i32| f32::from_bits(((127 + exponent) as u32) << 23);
    let scale = _mm512_set1_ps(power(-(step.gradient_shift as i32)));
    let rate = _mm512_set1_ps(step.rate_mantissa as f32 * power(step.rate_exponent));
    let decay = _mm512_set1_ps(power(-(SECOND_MOMENT_SHIFT as i32)));

    // The 12 leading bits.
    let scaled = |gradient: __m512i| {
        let gradient = _mm512_castps_si512(_mm512_cvt_roundepi32_ps::<CUT>(gradient));
        let gradient12 = _mm512_castsi512_ps(_mm512_and_si512(gradient, all(!0xfff)));
        _mm512_mul_round_ps::<CUT>(gradient12, scale)
    };
    let second_moment = |gradient: __m512, moment: __m512i| {
        let old = _mm512_castsi512_ps(moment);
        let decayed = _mm512_fnmadd_round_ps::<CUT>(old, decay, old);
        let sum = _mm512_fmadd_round_ps::<CUT>(gradient, gradient, decayed);
        _mm512_max_epu32(_mm512_castps_si512(sum), floor)
    };
    let changed = |weight, gradient: __m512, variance, root| {
        let half_power = _mm512_and_si512(_mm512_srli_epi32::<1>(variance), all(0x7f80_0000));
        let root = _mm512_castsi512_ps(_mm512_sub_epi32(root, half_power));
        let product = _mm512_mul_round_ps::<CUT>(_mm512_mul_round_ps::<CUT>(gradient, rate), root);
        let weight = _mm512_sub_epi32(weight, _mm512_cvttps_epi32(product));
        _mm512_min_epi32(_mm512_max_epi32(weight, least), most)
    };

    for i in (0..master.len()).step_by(32) {
        // SAFETY: 32 values from i on exist in each list.
        let load = |p: *const i32| unsafe { [_mm512_loadu_epi32(p.add(i)), _mm512_loadu_epi32(p.add(i + 16))] };
        let (gradient, weight) = (load(gradients.as_ptr()).map(scaled), load(master.as_ptr()));
        let moment = load(moments.as_ptr().cast());
        let (moment_a, moment_b) = (second_moment(gradient[0], moment[0]), second_moment(gradient[1], moment[1]));

        // The upper halves of `a` become even words, those of `b` are odd ones. Six bits
        // choose within two vectors, two among four pairs.
        let index = _mm512_mask_blend_epi16(0xaaaa_aaaa, _mm512_srli_epi32::<16>(moment_a), moment_b);
        let bit = |n: i16| _mm512_test_epi16_mask(index, _mm512_set1_epi16(1 << n));
        let pair = |i: usize| _mm512_permutex2var_epi16(t[2 * i], index, t[2 * i + 1]);
        let four = |i: usize| _mm512_mask_blend_epi16(bit(6), pair(2 * i), pair(2 * i + 1));
        let root = _mm512_mask_blend_epi16(bit(7), four(0), four(1));

        let weight_a = changed(weight[0], gradient[0], moment_a, _mm512_slli_epi32::<16>(root));
        let root_b = _mm512_and_si512(root, all(0xffff << 16));
        let weight_b = changed(weight[1], gradient[1], moment_b, root_b);
        // SAFETY: as for the loads.
        unsafe {
            let (moments, master) = (moments.as_mut_ptr().cast::<i32>().add(i), master.as_mut_ptr().add(i));
            _mm512_storeu_epi32(moments, moment_a);
            _mm512_storeu_epi32(moments.add(16), moment_b);
            _mm512_storeu_epi32(master, weight_a);
            _mm512_storeu_epi32(master.add(16), weight_b);
        }
    }
}

/// Keeps the whole table in registers.
/// Safety: AVX-512 is there; the length is a multiple of 16.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub unsafe fn look_up(table: &[u32; 256], indices: &mut [u32]) {
    // SAFETY: the table makes 16 vectors.
    let t: [__m512i; 16] = std::array::from_fn(|i| unsafe { _mm512_loadu_epi32(table.as_ptr().add(16 * i).cast()) });
    for indices in indices.chunks_exact_mut(16) {
        let p = indices.as_mut_ptr().cast::<i32>();
        // SAFETY: 16 indices make one vector.
        let index = unsafe { _mm512_loadu_epi32(p) };
        let bit = |n: i32| _mm512_test_epi32_mask(index, _mm512_set1_epi32(1 << n));
        // Five bits choose within two vectors, three bits among eight pairs.
        let pair = |i: usize| _mm512_permutex2var_epi32(t[2 * i], index, t[2 * i + 1]);
        let four = |i: usize| _mm512_mask_blend_epi32(bit(5), pair(2 * i), pair(2 * i + 1));
        let eight = |i: usize| _mm512_mask_blend_epi32(bit(6), four(2 * i), four(2 * i + 1));
        let entries = _mm512_mask_blend_epi32(bit(7), eight(0), eight(1));
        // SAFETY: as for the load.
        unsafe { _mm512_storeu_epi32(p, entries) };
    }
}
