//! The arithmetic of a tile of 16 cells, vectorised.

use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{sigmoid_between, sigmoid_index, tanh_between, tanh_index};
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;
use crate::simd::{Aligned, look_up};

/// Computes gates, cells and hidden states of 16 cells of one stream from their pre-activations
/// `x` (Q13) and the cells of the step before. `shares` (Q8) are the factors of the hidden states.
#[inline(always)]
pub fn cells_forward(
    x: &[i32; TILE],
    before: &[i32; CELLS],
    shares: &[i32; CELLS],
    gates: &mut [i16; TILE],
    cells: &mut [i32; CELLS],
    hidden: &mut [i8; CELLS],
) {
    // The table look-ups stand between the loops: see `adam_row`.
    let tables = &*TABLES;
    let mut entries = Aligned([0; TILE]);
    for n in 0..TILE {
        entries[n] = sigmoid_index(x[n]) as u32;
    }
    // The entries of the output gates move next to those of the other two, all from one table;
    // those of the candidates follow.
    for n in 0..CELLS {
        entries[2 * CELLS + n] = entries[3 * CELLS + n];
        entries[3 * CELLS + n] = tanh_index(x[2 * CELLS + n]) as u32;
    }
    look_up(&tables.sigmoid, &mut entries[..3 * CELLS]);
    look_up(&tables.tanh, &mut entries[3 * CELLS..]);
    let mut tanh_entries = Aligned([0; CELLS]);
    for n in 0..CELLS {
        let i = sigmoid_between(entries[n], x[n]);
        let f = sigmoid_between(entries[CELLS + n], x[CELLS + n]);
        let g = tanh_between(entries[3 * CELLS + n], x[2 * CELLS + n]);
        let o = sigmoid_between(entries[2 * CELLS + n], x[3 * CELLS + n]);
        let c = round_shift(f * before[n] + ((i * g) >> 2), GATE_FRACTION);
        cells[n] = bounded(c, CELL_LIMIT);
        tanh_entries[n] = tanh_index(cells[n] << 1) as u32;
        gates[n] = i as i16;
        gates[CELLS + n] = f as i16;
        gates[2 * CELLS + n] = g as i16;
        gates[3 * CELLS + n] = o as i16;
    }
    look_up(&tables.tanh, &mut *tanh_entries);
    for (n, &entry) in tanh_entries.iter().enumerate() {
        let tc = tanh_between(entry, cells[n] << 1);
        let h = round_shift(i32::from(gates[3 * CELLS + n]) * tc, 2 * GATE_FRACTION - ACTIVATION_FRACTION);
        hidden[n] = bounded(round_shift(h * shares[n], SHARE_FRACTION), BYTE_LIMIT) as i8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::activation::{sigmoid, tanh};
    use proptest::prelude::*;

    /// Checks that a value fits 32 bits.
    fn fits(x: i64) -> i64 {
        assert!(i32::try_from(x).is_ok(), "{x} leaves 32 bits");
        x
    }

    fn rounded(x: i64, shift: u32) -> i64 {
        fits(x + (1 << shift) / 2).div_euclid(1 << shift)
    }

    fn any_sum() -> impl Strategy<Value = i32> {
        let most = (1 << 30) + (1 << 25);
        prop_oneof![-most..=most, -80_000..80_000, Just(most), Just(-most)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn cells_are_exact_and_stay_in_range(
            sums in proptest::collection::vec(any_sum(), 4),
            before in prop_oneof![-CELL_LIMIT..=CELL_LIMIT, Just(CELL_LIMIT), Just(-CELL_LIMIT)],
            share in prop_oneof![0..=2 * SHARE_ONE, Just(0), Just(SHARE_ONE), Just(2 * SHARE_ONE)],
        ) {
            let tile = std::array::from_fn(|n| sums[n / CELLS]);
            let (mut gates, mut cells, mut hidden) = ([0; TILE], [0; CELLS], [0; CELLS]);
            cells_forward(&tile, &[before; CELLS], &[share; CELLS], &mut gates, &mut cells, &mut hidden);

            let (i, f, o) = (sigmoid(&TABLES, sums[0]), sigmoid(&TABLES, sums[1]), sigmoid(&TABLES, sums[3]));
            let g = tanh(&TABLES, sums[2]);
            prop_assert_eq!([0, 1, 2, 3].map(|q| i32::from(gates[q * CELLS])), [i, f, g, o]);
            let (i, f, g, o, before) = (i64::from(i), i64::from(f), i64::from(g), i64::from(o), i64::from(before));
            prop_assert!([i, f, o].iter().all(|x| (0..=16384).contains(x)) && g.abs() <= 16384);
            let c = rounded(fits(f * before) + fits(i * g).div_euclid(4), 14).clamp(-65535, 65535);
            prop_assert_eq!(i64::from(cells[0]), c);
            let t = i64::from(tanh(&TABLES, (2 * c) as i32));
            let h = rounded(fits(o * t), 21) * i64::from(share);
            let h = rounded(fits(h), 8).clamp(-127, 127);
            prop_assert_eq!(i64::from(hidden[0]), h);
        }
    }
}
