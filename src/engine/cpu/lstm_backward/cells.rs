//! The arithmetic of a tile of 16 cells, vectorised.

use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;
use crate::simd::{Aligned, look_up};

/// Computes the gate errors of 16 cells of one stream from `sums`, the sums of weights times errors
/// behind their hidden states. `before` and `now` are the cells before and after the step (Q12);
/// `later` holds the errors that the step after leaves to the cells, and then those of this step.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub fn cells_backward(
    error_limit: i32,
    sums: &[i32; CELLS],
    gates: &[i16; TILE],
    before: &[i32; CELLS],
    now: &[i32; CELLS],
    shares: &[i32; CELLS],
    later: &mut [i32; CELLS],
    errors: &mut [i16; TILE],
) {
    let product = |a: i32, b: i32| round_shift(a * b, GATE_FRACTION);
    // The table look-ups stand before the loop: see `adam_row`.
    let mut entries = Aligned([0u32; CELLS]);
    for n in 0..CELLS {
        entries[n] = tanh_index(now[n] << 1) as u32;
    }
    look_up(&TABLES.tanh, &mut *entries);
    for n in 0..CELLS {
        let gate = |q: usize| i32::from(gates[q * CELLS + n]);
        let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
        let tc = tanh_between(entries[n], now[n] << 1);
        let kept = bounded(round_shift(sums[n], WEIGHT_FRACTION), STATE_ERROR_LIMIT);
        let dh = bounded(round_shift(kept * shares[n], SHARE_FRACTION), STATE_ERROR_LIMIT);
        let dc = product(dh, product(o, GATE_ONE - product(tc, tc)));
        let dc = bounded(dc + later[n], STATE_ERROR_LIMIT);
        let di = product(dc, product(g, product(i, GATE_ONE - i)));
        let cf = round_shift(before[n] * product(f, GATE_ONE - f), GATE_FRACTION); // Q12
        let df = round_shift(dc * cf, CELL_FRACTION);
        let dg = product(dc, product(i, GATE_ONE - product(g, g)));
        let d_o = product(dh, product(tc, product(o, GATE_ONE - o)));
        later[n] = product(dc, f);
        errors[n] = bounded(di, error_limit) as i16;
        errors[CELLS + n] = bounded(df, error_limit) as i16;
        errors[2 * CELLS + n] = bounded(dg, error_limit) as i16;
        errors[3 * CELLS + n] = bounded(d_o, error_limit) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::activation::tanh;
    use proptest::prelude::*;

    /// Checks that a value fits 32 bits.
    fn fits(x: i64) -> i64 {
        assert!(i32::try_from(x).is_ok(), "{x} leaves 32 bits");
        x
    }

    fn rounded(x: i64, shift: u32) -> i64 {
        fits(fits(x) + (1 << shift) / 2).div_euclid(1 << shift)
    }

    fn product(a: i64, b: i64) -> i64 {
        rounded(a * b, 14)
    }

    /// Anywhere within a range, and often at its ends.
    fn ends(low: i32, high: i32) -> impl Strategy<Value = i32> {
        prop_oneof![2 => low..=high, 1 => Just(low), 1 => Just(high)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16384))]

        #[test]
        fn gate_errors_are_exact_and_no_step_leaves_32_bits(
            error_fraction in 8u32..=14,
            sum in prop_oneof![any::<i32>(), -1 << 22..1 << 22, Just(i32::MIN), Just(i32::MAX)],
            gates in (ends(0, GATE_ONE), ends(0, GATE_ONE), ends(-GATE_ONE, GATE_ONE), ends(0, GATE_ONE)),
            (before, now) in (ends(-CELL_LIMIT, CELL_LIMIT), ends(-CELL_LIMIT, CELL_LIMIT)),
            (later, share) in (ends(-STATE_ERROR_LIMIT, STATE_ERROR_LIMIT), ends(0, 2 * SHARE_ONE)),
        ) {
            let (i, f, g, o) = gates;
            let limit = 1 << error_fraction;
            let tile: [i16; TILE] = std::array::from_fn(|n| [i, f, g, o][n / CELLS] as i16);
            let (mut cells, mut errors) = ([later; CELLS], [0; TILE]);
            let (sums, before_all, now_all) = ([sum; CELLS], [before; CELLS], [now; CELLS]);
            cells_backward(limit, &sums, &tile, &before_all, &now_all, &[share; CELLS], &mut cells, &mut errors);

            let (i, f, g, o) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o));
            let (before, later, limit) = (i64::from(before), i64::from(later), i64::from(limit));
            let t = i64::from(tanh(&TABLES, 2 * now));
            // Only this sum may wrap.
            let sum = i64::from((i64::from(sum) + (1 << 5)) as i32);
            let dh = sum.div_euclid(1 << 6).clamp(-65535, 65535);
            let dh = rounded(dh * i64::from(share), 8).clamp(-65535, 65535);
            let dc = product(dh, product(o, 16384 - product(t, t)));
            let dc = fits(dc + later).clamp(-65535, 65535);
            let di = product(dc, product(g, product(i, 16384 - i)));
            let df = rounded(dc * rounded(before * product(f, 16384 - f), 14), 12);
            let dg = product(dc, product(i, 16384 - product(g, g)));
            let d_o = product(dh, product(t, product(o, 16384 - o)));
            let exact = [di, df, dg, d_o].map(|e| e.clamp(-limit, limit));
            prop_assert_eq!([0, 1, 2, 3].map(|q| i64::from(errors[q * CELLS])), exact);
            prop_assert_eq!(i64::from(cells[0]), product(dc, f));
            prop_assert!(cells[0].abs() <= STATE_ERROR_LIMIT);
        }
    }
}
