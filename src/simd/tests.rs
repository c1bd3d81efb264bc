//! Every variant that this machine can run, compared with sums in 64 bits.

use super::dispatch::{multiply_inputs_with, multiply_rows_with, multiply_samples_with};
use super::*;
use proptest::prelude::*;

fn any_i16(len: usize) -> impl Strategy<Value = Vec<i16>> {
    let value = prop_oneof![any::<i16>(), -127i16..=127, Just(i16::MAX), Just(-i16::MAX)];
    proptest::collection::vec(value, len)
}

fn any_i8(len: usize) -> impl Strategy<Value = Vec<i8>> {
    proptest::collection::vec(prop_oneof![any::<i8>(), Just(i8::MIN), Just(i8::MAX)], len)
}

/// The vector units of this machine.
fn variants() -> impl Iterator<Item = Vectors> {
    Vectors::ALL.into_iter().filter(|vectors| vectors.is_available())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inputs_multiply_exactly(
        (len, x, weights) in (1usize..40, 1usize..=GROUP).prop_flat_map(|(quads, m)| {
            let weights = proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(255)], QUAD * quads * TILE_ROWS);
            (Just(QUAD * quads), any_i8(QUAD * quads * m), weights)
        }),
        start: i32,
    ) {
        let rows: Vec<&[i8]> = x.chunks_exact(len).collect();
        for vectors in variants() {
            let mut sums = Aligned([[start; TILE_ROWS]; GROUP]);
            multiply_inputs_with(vectors, &rows, &weights, &mut sums);
            for (m, row) in rows.iter().enumerate() {
                for n in 0..TILE_ROWS {
                    let weight = |j: usize| i64::from(weights[(j / QUAD * TILE_ROWS + n) * QUAD + j % QUAD]);
                    let exact: i64 = (0..len).map(|j| i64::from(row[j]) * weight(j)).sum();
                    prop_assert_eq!(sums[m][n], start.wrapping_add(exact as i32), "{:?}", vectors);
                }
            }
            prop_assert!(sums[rows.len()..].as_flattened().iter().all(|&sum| sum == start));
        }
    }

    #[test]
    fn samples_multiply_exactly(
        (len, a, panel) in (1usize..9, 1usize..=GROUP).prop_flat_map(|(pairs, m)| {
            (Just(2 * pairs), any_i16(2 * pairs * m), any_i16(2 * pairs * TILE_ROWS))
        }),
        start: i32,
    ) {
        let rows: Vec<&[i16]> = a.chunks_exact(len).collect();
        for vectors in variants() {
            let mut sums = Aligned([[start; TILE_ROWS]; GROUP]);
            multiply_samples_with(vectors, &rows, &panel, &mut sums);
            for (m, row) in rows.iter().enumerate() {
                for n in 0..TILE_ROWS {
                    let exact: i64 = (0..len)
                        .map(|j| i64::from(row[j]) * i64::from(panel[(j / 2 * TILE_ROWS + n) * 2 + j % 2]))
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
                let rows: usize = tiles.iter().sum::<usize>() * TILE_ROWS;
                (Just(count), Just(tiles), any_i16(rows * GROUP), any_i8(rows * TILE_INPUTS))
            }),
        start: i32,
    ) {
        let (mut a, mut w) = (&a[..], &w[..]);
        let terms: Vec<Rows> = lens.iter().map(|tiles| {
            let rows = tiles * TILE_ROWS;
            let (term_a, term_w);
            (term_a, a) = a.split_at(rows * GROUP);
            (term_w, w) = w.split_at(rows * TILE_INPUTS);
            Rows { a: std::array::from_fn(|m| &term_a[m * rows..][..rows]), w: term_w }
        }).collect();
        for vectors in variants() {
            let mut sums = [[start; TILE_INPUTS]; GROUP];
            multiply_rows_with(vectors, count, &terms, &mut sums);
            for (m, sums) in sums.iter().enumerate() {
                for (i, &sum) in sums.iter().enumerate() {
                    let exact: i64 = terms.iter().filter(|_| m < count).map(|term| {
                        let rows = term.a[0].len();
                        let w = |n: usize| term.w[i / 4 * 4 * rows + n / TILE_ROWS * 4 * TILE_ROWS + i % 4 * TILE_ROWS + n % TILE_ROWS];
                        (0..rows).map(|n| i64::from(term.a[m][n]) * i64::from(w(n))).sum::<i64>()
                    }).sum();
                    prop_assert_eq!(sum, start.wrapping_add(exact as i32), "{:?}", vectors);
                }
            }
        }
    }
}

fn check_look_up<const N: usize>() {
    let table: [u32; N] = std::array::from_fn(|i| (i as u32).wrapping_mul(0x9e37_79b9));
    let mut indices: [u32; 512] = std::array::from_fn(|i| 7 * i as u32);
    look_up(&table, &mut indices);
    assert!(indices.iter().enumerate().all(|(i, &entry)| entry == table[7 * i % N]));
}

#[test]
fn tables_are_looked_up_exactly() {
    check_look_up::<32>();
    check_look_up::<256>();
}
