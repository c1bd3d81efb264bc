//! Converts between probabilities and log odds (Mahoney, PAQ6 and later).
//!
//! stretch(p) = ln(p / (1 - p)); squash is its inverse. Both use tables that are
//! built in integer arithmetic.

use std::sync::LazyLock;

/// Fraction bits of a stretched probability (Q8).
pub const STRETCH_FRACTION: u32 = 8;
/// Largest magnitude of a stretched probability: 12, in Q8.
pub const STRETCH_LIMIT: i32 = 12 << STRETCH_FRACTION;
/// Fraction bits of squash's argument (Q12): a mixer's sum is finer than its inputs.
pub const SUM_FRACTION: u32 = 12;
/// Squash limits its argument to this magnitude: 12, in Q12.
pub const SUM_LIMIT: i32 = 12 << SUM_FRACTION;

/// Knots of squash, 64 per unit of log odds.
const KNOTS: usize = 2 * 12 * 64 + 1;
/// Each probability (Q16) below this has an entry of its own.
const FINE: u32 = 4096;
/// From [`FINE`] up to one half, 2^COARSE_SHIFT probabilities share an entry.
const COARSE_SHIFT: u32 = 4;
/// Fraction bits of the exponentials from which the tables are built.
const EXP_FRACTION: u32 = 40;

struct Tables {
    /// squash(-12 + i / 64), Q22.
    squash: [u32; KNOTS],
    /// stretch(i / 2^16), Q8.
    fine: [i16; FINE as usize],
    /// stretch((16 i + 8) / 2^16), Q8, up to one half.
    coarse: [i16; 1 << (15 - COARSE_SHIFT)],
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// Returns e^(numerator / denominator) in Q40 by its power series, for exponents up to 12.
fn exp(numerator: u128, denominator: u128) -> u128 {
    let (mut sum, mut term, mut n) = (0, 1u128 << (EXP_FRACTION + 20), 1);
    while term > 0 {
        sum += term;
        term = term * numerator / (denominator * n);
        n += 1;
    }
    (sum + (1 << 19)) >> 20
}

impl Tables {
    fn new() -> Self {
        let one = 1u128 << EXP_FRACTION;
        let squash = std::array::from_fn(|i| {
            let e = exp(i.abs_diff(KNOTS / 2) as u128, 64);
            let (part, whole) = if i < KNOTS / 2 { (one, one + e) } else { (e, one + e) };
            (((part << 22) + whole / 2) / whole) as u32
        });
        // stretch(p) = -x for p = n / 2^20 up to one half, where x is the number of bounds
        // e^(k + 1/2), k = 0, 1, ... in steps of 2^-8, that are at most (1 - p) / p.
        let step = exp(1, 256);
        let mut bounds = vec![exp(1, 512)];
        while bounds.len() < STRETCH_LIMIT as usize {
            bounds.push((bounds[bounds.len() - 1] * step) >> EXP_FRACTION);
        }
        let stretch =
            |p: u128| -(bounds.partition_point(|&bound| bound * p <= (((1 << 20) - p) << EXP_FRACTION)) as i16);
        Tables {
            squash,
            fine: std::array::from_fn(|i| stretch((i as u128 * 16).max(1))),
            coarse: std::array::from_fn(|i| stretch((i as u128 * 16 + 8) * 16)),
        }
    }
}

/// The functions stretch and squash: a reference to their tables.
#[derive(Clone, Copy)]
pub struct Logistic(&'static Tables);

impl Logistic {
    /// Returns the functions; the first call builds the tables.
    pub fn new() -> Self {
        Logistic(&TABLES)
    }

    /// Returns ln(p / (1 - p)) in Q8, within ±[`STRETCH_LIMIT`], for p in Q16, 0..2^16.
    #[inline]
    pub fn stretch(self, p: u32) -> i32 {
        let low = p.min(65536 - p);
        let value = if low < FINE {
            self.0.fine[(low & (FINE - 1)) as usize]
        } else {
            self.0.coarse[((low.min(32767) >> COARSE_SHIFT) & ((1 << (15 - COARSE_SHIFT)) - 1)) as usize]
        };
        i32::from(if p < 32768 { value } else { -value })
    }

    /// Returns 1 / (1 + e^-x) in Q16, 1..=65535, for x in Q12.
    #[inline]
    pub fn squash(self, x: i32) -> i32 {
        let x = (x.clamp(-SUM_LIMIT, SUM_LIMIT - 1) + SUM_LIMIT) as usize;
        let (knot, between) = (x >> 6, (x & 63) as u32);
        let (low, high) = (self.0.squash[knot], self.0.squash[knot + 1]);
        let p = low + (((high - low) * between) >> 6);
        ((p + 32) >> 6).clamp(1, 65535) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_functions_are_monotone_limited_and_close_to_the_exact_values() {
        let logistic = Logistic::new();
        let mut last = -STRETCH_LIMIT;
        for p in 0..=65535 {
            let x = logistic.stretch(p);
            assert!(x >= last && x.abs() <= STRETCH_LIMIT, "stretch({p}) = {x}");
            last = x;
            let odds = f64::from(p.max(1)) / 65536.0;
            let exact = 256.0 * (odds / (1.0 - odds)).ln();
            let slope = 16.0 / 65536.0 / (odds * (1.0 - odds)) * 128.0;
            assert!((f64::from(x) - exact).abs() <= 0.6 + if p.min(65536 - p) < FINE { 0.0 } else { slope } || p == 0);
        }
        let mut last = 1;
        for x in -2 * SUM_LIMIT..2 * SUM_LIMIT {
            let p = logistic.squash(x);
            assert!(p >= last && p <= 65535);
            last = p;
            let exact = 65536.0 / (1.0 + (-f64::from(x) / 4096.0).exp());
            assert!((f64::from(p) - exact).abs() < 1.6, "squash({x}) = {p}, not {exact}");
        }
        assert_eq!((logistic.squash(i32::MIN), logistic.squash(i32::MAX), logistic.squash(0)), (1, 65535, 32768));
    }

    #[test]
    fn squash_undoes_stretch() {
        let logistic = Logistic::new();
        for p in 1..=65535i32 {
            let back = logistic.squash(logistic.stretch(p as u32) << (SUM_FRACTION - STRETCH_FRACTION));
            let low = p.min(65536 - p);
            assert!((back - p).abs() <= 2 + low / 250, "{p} became {back}");
        }
    }

    #[test]
    fn stretch_is_odd() {
        let logistic = Logistic::new();
        for p in 1..32768 {
            assert_eq!(logistic.stretch(p), -logistic.stretch(65536 - p), "{p}");
        }
    }
}
