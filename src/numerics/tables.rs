//! Tables of transcendental functions, built by integer arithmetic alone.
//!
//! An interpolated entry packs a base (high 16 bits) and the distance to the
//! next entry (low 16 bits): a look-up takes one load, one multiplication and one addition.

use std::sync::LazyLock;

/// Entries of each table.
pub const TABLE_SIZE: usize = 256;

/// All tables, in the order in which shaders see them as one array.
pub struct Tables {
    /// sigmoid(i/32) for i in 0..256, Q14, base and distance packed.
    pub sigmoid: [u32; TABLE_SIZE],
    /// tanh(i/64) for i in 0..256, Q14, base and distance packed.
    pub tanh: [u32; TABLE_SIZE],
    /// 2^(-i/256), Q15, base and (falling) distance packed.
    pub exp2: [u32; TABLE_SIZE],
}

/// The tables, built at first use.
pub static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// Fraction bits of the intermediate exponentials.
const WORK: u32 = 60;

impl Tables {
    fn new() -> Self {
        Tables {
            sigmoid: interpolated(|i| {
                let e = exp(i as u128, 32);
                rounded_ratio(e << 14, e + (1 << WORK))
            }),
            tanh: interpolated(|i| {
                let e = exp(2 * i as u128, 64);
                rounded_ratio((e - (1 << WORK)) << 14, e + (1 << WORK))
            }),
            exp2: {
                let value = |i: usize| rounded_ratio(1 << (WORK + 15), exp_of_q60(ln2() * i as u128 / 256));
                std::array::from_fn(|i| (value(i) << 16) | (value(i) - value(i + 1)))
            },
        }
    }

    /// Returns the three tables one after the other, as shaders bind them.
    pub fn concatenated(&self) -> Vec<u32> {
        [self.sigmoid, self.tanh, self.exp2].concat()
    }
}

fn interpolated(value: impl Fn(usize) -> u32) -> [u32; TABLE_SIZE] {
    std::array::from_fn(|i| (value(i) << 16) | (value(i + 1) - value(i)))
}

fn rounded_ratio(numerator: u128, denominator: u128) -> u32 {
    ((numerator + denominator / 2) / denominator) as u32
}

/// e^(numerator/denominator) in Q60 by its power series, for exponents up to 8.
fn exp(numerator: u128, denominator: u128) -> u128 {
    exp_of_q60((numerator << WORK) / denominator)
}

/// e^x in Q60 for x in Q60, x at most 8.
fn exp_of_q60(x: u128) -> u128 {
    // Terms stay below 2^69 and x below 2^64: without their low 14 and 16 bits
    // the product fits 128.
    let (mut sum, mut term, mut n) = (0u128, 1u128 << WORK, 1u128);
    while term > 0 {
        sum += term;
        term = (((term >> 14) * (x >> 16)) >> (WORK - 30)) / n;
        n += 1;
    }
    sum
}

/// ln 2 in Q60: the sum of 1/(n 2^n).
fn ln2() -> u128 {
    (1..=WORK as u128).map(|n| (1u128 << (WORK as u128 - n)) / n).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value of every table, pinned: a change of one entry is a change of format.
    #[test]
    fn tables_are_those_of_the_format() {
        let bytes: Vec<u8> = TABLES.concatenated().iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(xxhash_rust::xxh3::xxh3_64(&bytes), 0xdb7b_d064_fef2_f8a5);
    }

    #[test]
    fn tables_are_the_functions_they_claim_to_be() {
        for i in 0..TABLE_SIZE {
            let x = i as f64;
            let near = |entry: u32, exact: f64| {
                assert!((f64::from(entry) - exact).abs() <= 0.51, "{i}: {entry} against {exact}");
            };
            near(TABLES.sigmoid[i] >> 16, 16384.0 / (1.0 + (-x / 32.0).exp()));
            near(TABLES.tanh[i] >> 16, 16384.0 * (x / 64.0).tanh());
            near(TABLES.exp2[i] >> 16, 32768.0 * (-x / 256.0).exp2());
        }
    }
}
