//! Adam for many weights at a time, vectorised.

use crate::model::layout::TILE;
use crate::numerics::fixed::bounded;
use crate::numerics::wide::{AdamStep, adam_change, factor_index, leading12, second_moment};
use crate::simd::{Aligned, look_up, vectorized};

/// Applies [`crate::numerics::wide::adam`] to each of a number of weights, a multiple of 64.
pub fn adam_row(step: &AdamStep, floor: u32, limit: i32, gradients: &[i32], master: &mut [i32], moments: &mut [u32]) {
    vectorized(
        #[inline(always)]
        || row(step, floor, limit, gradients, master, moments),
    );
}

/// Looks the factors up between two loops, because compilers do not vectorise a loop with a table
/// look-up in it.
#[inline(always)]
fn row(step: &AdamStep, floor: u32, limit: i32, gradients: &[i32], master: &mut [i32], moments: &mut [u32]) {
    let runs = master.chunks_exact_mut(TILE).zip(moments.chunks_exact_mut(TILE)).zip(gradients.chunks_exact(TILE));
    for ((master, moments), gradients) in runs {
        let mut factors = Aligned([0; TILE]);
        for n in 0..TILE {
            moments[n] = second_moment(moments[n], leading12(gradients[n]), step.gradient_shift, floor);
            factors[n] = factor_index(moments[n]) as u32;
        }
        look_up(&step.factors, &mut *factors);
        for n in 0..TILE {
            let change = adam_change(factors[n], moments[n], gradients[n], leading12(gradients[n]));
            master[n] = bounded(master[n] - change, limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::wide::{BiasCorrection, adam};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8192))]

        #[test]
        fn a_row_is_adam_for_each_weight(weights: [(i32, u32, i32); 64], rate in 0u32..1 << 28, shift in 0u32..=12) {
            let step = BiasCorrection::default().advance(rate, 1 << 20, 1 << 13, shift);
            // Gradients of every length in bits.
            let gradients = weights.map(|w| w.0 >> (w.2 & 31));
            // Moments are zero or from 1 to 2^75.
            let moments = weights.map(|w| if w.1 & 15 == 0 { 0 } else { (127 << 23) + w.1 % (75 << 23) });
            let masters = weights.map(|w| w.2 >> 3);
            let (mut run_masters, mut run_moments) = (masters, moments);
            adam_row(&step, step.weight_floor, 1 << 28, &gradients, &mut run_masters, &mut run_moments);
            for n in 0..64 {
                let (mut master, mut moment) = (masters[n], moments[n]);
                adam(&step, step.weight_floor, 1 << 28, gradients[n], &mut master, &mut moment);
                prop_assert_eq!((run_masters[n], run_moments[n]), (master, moment));
            }
        }
    }
}
