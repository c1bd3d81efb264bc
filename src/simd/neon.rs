//! NEON, which every AArch64 has.

use std::arch::aarch64::*;

use super::{GROUP, QUAD, Rows, TILE_INPUTS, TILE_ROWS, TileSums, excess};

/// Values of type i16 in one vector.
const LANES: usize = 8;

/// See [`super::multiply_inputs`]. Computes `V` pairs of vectors of sums at a time for each row of
/// `x`, as many as fit the registers; each is for four rows of weights.
///
/// # Safety
///
/// The lengths are as [`super::multiply_inputs`] checks them. `V` divides 16.
#[target_feature(enable = "neon")]
pub unsafe fn multiply_inputs<const M: usize, const V: usize>(x: [&[i8]; M], weights: &[u8], sums: &mut TileSums) {
    let excess = x.map(excess);
    for first in (0..TILE_ROWS).step_by(V * QUAD) {
        let mut acc = [[[vdupq_n_s32(0); 2]; V]; M];
        for j in 0..x[0].len() / QUAD {
            // SAFETY: 4j + 4 values of each row and (j + 1) * 256 weights exist.
            unsafe {
                let p = weights.as_ptr().add((j * TILE_ROWS + first) * QUAD);
                let signed = |v: usize| veorq_u8(vld1q_u8(p.add(v * QUAD * QUAD)), vdupq_n_u8(128));
                let w: [int8x16_t; V] = std::array::from_fn(|v| vreinterpretq_s8_u8(signed(v)));
                for m in 0..M {
                    let quad = x[m].as_ptr().add(QUAD * j).cast::<i32>().read_unaligned();
                    let quad = vreinterpretq_s8_s32(vdupq_n_s32(quad));
                    for v in 0..V {
                        let [low, high] = &mut acc[m][v];
                        *low = vpadalq_s16(*low, vmull_s8(vget_low_s8(w[v]), vget_low_s8(quad)));
                        *high = vpadalq_s16(*high, vmull_high_s8(w[v], quad));
                    }
                }
            }
        }
        for m in 0..M {
            for (sums, &[low, high]) in sums[m][first..].chunks_exact_mut(QUAD).zip(&acc[m]) {
                let rows = vaddq_s32(vpaddq_s32(low, high), vdupq_n_s32(excess[m]));
                // SAFETY: four sums make one vector.
                unsafe { vst1q_s32(sums.as_mut_ptr(), vaddq_s32(vld1q_s32(sums.as_ptr()), rows)) };
            }
        }
    }
}

/// See [`super::multiply_samples`]. Computes `V` pairs of vectors of sums at a time for each row of
/// `a`, as many as fit the registers.
///
/// # Safety
///
/// The lengths are as [`super::multiply_samples`] checks them. `V` divides 8.
#[target_feature(enable = "neon")]
pub unsafe fn multiply_samples<const M: usize, const V: usize>(a: [&[i16]; M], panel: &[i16], sums: &mut TileSums) {
    for first in (0..TILE_ROWS).step_by(V * LANES) {
        let mut acc = [[[vdupq_n_s32(0); 2]; V]; M];
        for j in 0..a[0].len() / 2 {
            // SAFETY: 2j + 2 values of each row and (j + 1) * 128 values of the panel exist.
            unsafe {
                let p = panel.as_ptr().add(j * 2 * TILE_ROWS + 2 * first);
                // The values of eight rows, separated by sample.
                let b: [int16x8x2_t; V] = std::array::from_fn(|v| vld2q_s16(p.add(v * 2 * LANES)));
                for m in 0..M {
                    let (a0, a1) = (*a[m].as_ptr().add(2 * j), *a[m].as_ptr().add(2 * j + 1));
                    for v in 0..V {
                        let [low, high] = &mut acc[m][v];
                        let int16x8x2_t(b0, b1) = b[v];
                        *low = vmlal_n_s16(vmlal_n_s16(*low, vget_low_s16(b0), a0), vget_low_s16(b1), a1);
                        *high = vmlal_high_n_s16(vmlal_high_n_s16(*high, b0, a0), b1, a1);
                    }
                }
            }
        }
        for m in 0..M {
            for (sums, &acc) in sums[m][first..].chunks_exact_mut(LANES / 2).zip(acc[m].as_flattened()) {
                // SAFETY: four sums make one vector.
                unsafe { vst1q_s32(sums.as_mut_ptr(), vaddq_s32(vld1q_s32(sums.as_ptr()), acc)) };
            }
        }
    }
}

/// See [`super::multiply_rows`]; `M` is the number of rows.
///
/// # Safety
///
/// The lengths are as [`super::multiply_rows`] checks them.
#[target_feature(enable = "neon")]
pub unsafe fn multiply_rows<const M: usize>(terms: &[Rows<'_>], sums: &mut [[i32; TILE_INPUTS]; GROUP]) {
    for i in (0..TILE_INPUTS).step_by(QUAD) {
        let mut acc = [[vdupq_n_s32(0); QUAD]; M];
        for term in terms {
            let rows = term.a[0].len();
            for n in (0..rows).step_by(LANES) {
                // SAFETY: each row of `a` has `rows` values, a multiple of 64, `w` 16 times as many.
                unsafe {
                    let p = term.w.as_ptr().add(i * rows + n / TILE_ROWS * QUAD * TILE_ROWS + n % TILE_ROWS);
                    let b: [int16x8_t; QUAD] = std::array::from_fn(|r| vmovl_s8(vld1_s8(p.add(r * TILE_ROWS))));
                    for (acc, a) in acc.iter_mut().zip(&term.a) {
                        let x = vld1q_s16(a.as_ptr().add(n));
                        for r in 0..QUAD {
                            let low = vmlal_s16(acc[r], vget_low_s16(b[r]), vget_low_s16(x));
                            acc[r] = vmlal_high_s16(low, b[r], x);
                        }
                    }
                }
            }
        }
        for (sums, acc) in sums.iter_mut().zip(acc) {
            for (sum, acc) in sums[i..][..QUAD].iter_mut().zip(acc) {
                *sum = sum.wrapping_add(vaddvq_s32(acc));
            }
        }
    }
}
