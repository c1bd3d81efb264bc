//! The vectors of WebAssembly (`simd128`). A program cannot ask for them at run time: a module
//! that was compiled for them only loads where they exist.

use std::arch::wasm32::*;

use super::{GROUP, QUAD, Rows, TILE_INPUTS, TILE_ROWS, TileSums};

/// Values of type i16 in one vector.
const LANES: usize = 8;

/// Adds each two neighbouring lanes: first those of `a`, then those of `b`.
#[inline(always)]
fn add_pairs(a: v128, b: v128) -> v128 {
    i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b))
}

/// Adds the lanes of `vector` to four sums.
#[inline(always)]
fn add_to(sums: &mut [i32; 4], vector: v128) {
    let sums = std::ptr::from_mut(sums).cast::<v128>();
    // SAFETY: four sums make one vector; loads and stores need no alignment.
    unsafe { v128_store(sums, i32x4_add(v128_load(sums), vector)) };
}

/// See [`super::multiply_inputs`]. Computes `V` pairs of vectors of sums at a time for each row of
/// `x`, as many as fit the registers; each pair is for four rows of weights.
///
/// # Safety
///
/// The lengths are as [`super::multiply_inputs`] checks them. `V` divides 16.
pub unsafe fn multiply_inputs<const M: usize, const V: usize>(x: [&[i8]; M], weights: &[u8], sums: &mut TileSums) {
    for first in (0..TILE_ROWS).step_by(V * QUAD) {
        let mut acc = [[[i32x4_splat(0); 2]; V]; M];
        for j in 0..x[0].len() / QUAD {
            // SAFETY: 4j + 4 values of each row and (j + 1) * 256 weights exist.
            unsafe {
                let p = weights.as_ptr().add((j * TILE_ROWS + first) * QUAD).cast::<v128>();
                let w: [v128; V] = std::array::from_fn(|v| v128_load(p.add(v)));
                for m in 0..M {
                    let quad = i16x8_extend_low_i8x16(v128_load32_splat(x[m].as_ptr().add(QUAD * j).cast()));
                    for v in 0..V {
                        let [low, high] = &mut acc[m][v];
                        *low = i32x4_add(*low, i32x4_dot_i16x8(u16x8_extend_low_u8x16(w[v]), quad));
                        *high = i32x4_add(*high, i32x4_dot_i16x8(u16x8_extend_high_u8x16(w[v]), quad));
                    }
                }
            }
        }
        for m in 0..M {
            for (sums, &[low, high]) in sums[m][first..].as_chunks_mut().0.iter_mut().zip(&acc[m]) {
                add_to(sums, add_pairs(low, high));
            }
        }
    }
}

/// See [`super::multiply_samples`]. Computes `V` vectors of sums at a time for each row of `a`, as
/// many as fit the registers.
///
/// # Safety
///
/// The lengths are as [`super::multiply_samples`] checks them. `V` divides 16.
pub unsafe fn multiply_samples<const M: usize, const V: usize>(a: [&[i16]; M], panel: &[i16], sums: &mut TileSums) {
    for first in (0..2 * TILE_ROWS).step_by(V * LANES) {
        let mut acc = [[i32x4_splat(0); V]; M];
        for j in 0..a[0].len() / 2 {
            // SAFETY: 2j + 2 values of each row and (j + 1) * 128 values of the panel exist.
            unsafe {
                let p = panel.as_ptr().add(j * 2 * TILE_ROWS + first).cast::<v128>();
                let b: [v128; V] = std::array::from_fn(|v| v128_load(p.add(v)));
                for m in 0..M {
                    let pair = v128_load32_splat(a[m].as_ptr().add(2 * j).cast());
                    for v in 0..V {
                        acc[m][v] = i32x4_add(acc[m][v], i32x4_dot_i16x8(b[v], pair));
                    }
                }
            }
        }
        for m in 0..M {
            for (sums, &acc) in sums[m][first / 2..].as_chunks_mut().0.iter_mut().zip(&acc[m]) {
                add_to(sums, acc);
            }
        }
    }
}

/// See [`super::multiply_rows`]. Takes `M` rows of each term from `first` on: one or two, as the
/// registers hold no more.
///
/// # Safety
///
/// The lengths are as [`super::multiply_rows`] checks them, and `first + M` is at most the number
/// of rows.
pub unsafe fn multiply_rows<const M: usize>(first: usize, terms: &[Rows<'_>], sums: &mut [[i32; TILE_INPUTS]; GROUP]) {
    for i in (0..TILE_INPUTS).step_by(QUAD) {
        let mut acc = [[i32x4_splat(0); QUAD]; M];
        for term in terms {
            let a: [&[i16]; M] = std::array::from_fn(|m| term.a[first + m]);
            let rows = a[0].len();
            for n in (0..rows).step_by(LANES) {
                // SAFETY: each row of `a` has `rows` values, a multiple of 64, `w` 16 times as many.
                unsafe {
                    let p = term.w.as_ptr().add(i * rows + n / TILE_ROWS * QUAD * TILE_ROWS + n % TILE_ROWS);
                    let b: [v128; QUAD] = std::array::from_fn(|r| i16x8_load_extend_i8x8(p.add(r * TILE_ROWS)));
                    for m in 0..M {
                        let x = v128_load(a[m].as_ptr().add(n).cast());
                        for r in 0..QUAD {
                            acc[m][r] = i32x4_add(acc[m][r], i32x4_dot_i16x8(b[r], x));
                        }
                    }
                }
            }
        }
        for (sums, [a, b, c, d]) in sums[first..].iter_mut().zip(acc) {
            let sums = &mut sums.as_chunks_mut().0[i / QUAD];
            add_to(sums, add_pairs(add_pairs(a, b), add_pairs(c, d)));
        }
    }
}
