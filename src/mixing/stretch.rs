//! Between probabilities and their logarithmic odds (Mahoney's PAQ6 and after).
//!
//! stretch(p) = ln(p / (1 - p)), squash its inverse. Both are tables that
//! integer code builds.

use std::sync::LazyLock;

/// Fraction bits of a stretched probability (Q8).
pub const STRETCH_FRACTION: u32 = 8;
/// Largest magnitude of a stretched probability: 12, in Q8.
pub const STRETCH_LIMIT: i32 = 12 << STRETCH_FRACTION;
/// Fraction bits of what squash takes (Q12): a mixer's sum is finer than its inputs.
pub const SUM_FRACTION: u32 = 12;
/// Largest magnitude of what squash tells apart: 12, in Q12.
pub const SUM_LIMIT: i32 = 12 << SUM_FRACTION;

/// Knots of squash, 64 to one unit of log odds.
const KNOTS: usize = 2 * 12 * 64 + 1;
/// Probabilities below this, and as close to 1, have a stretch of their own.
const FINE: u32 = 4096;
/// Above, one entry stands for this many bits of them.
const COARSE_SHIFT: u32 = 4;
/// Fraction bits of the exponentials that the tables are made from.
const WORK: u32 = 40;

struct Tables {
    /// squash at -12 + i / 64, Q22.
    squash: [u32; KNOTS],
    /// stretch(p / 2^16) of small p, Q8.
    fine: [i16; FINE as usize],
    /// stretch((16 i + 8) / 2^16), Q8, up to one half.
    coarse: [i16; 1 << (15 - COARSE_SHIFT)],
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// e^(numerator / denominator) in Q40 by its power series, for exponents up to 12.
fn exp(numerator: u128, denominator: u128) -> u128 {
    let (mut sum, mut term, mut n) = (0, 1u128 << (WORK + 20), 1);
    while term > 0 {
        sum += term;
        term = term * numerator / (denominator * n);
        n += 1;
    }
    (sum + (1 << 19)) >> 20
}

impl Tables {
    fn new() -> Self {
        let one = 1u128 << WORK;
        let squash = std::array::from_fn(|i| {
            let e = exp(i.abs_diff(KNOTS / 2) as u128, 64);
            let (part, whole) = if i < KNOTS / 2 { (one, one + e) } else { (e, one + e) };
            (((part << 22) + whole / 2) / whole) as u32
        });
        // For p = n / 2^20 rising to one half, x falls: the least x with
        // p <= squash(-x + 1/2 step), so e^(x - 1/2) <= (1 - p) / p < e^(x + 1/2).
        let step = exp(1, 256);
        let mut bounds = vec![exp(1, 512)];
        while bounds.len() < STRETCH_LIMIT as usize {
            bounds.push((bounds[bounds.len() - 1] * step) >> WORK);
        }
        let stretch = |p: u128| -(bounds.partition_point(|&bound| bound * p <= (((1 << 20) - p) << WORK)) as i16);
        Tables {
            squash,
            fine: std::array::from_fn(|i| stretch((i as u128 * 16).max(1))),
            coarse: std::array::from_fn(|i| stretch((i as u128 * 16 + 8) * 16)),
        }
    }
}

/// The tables of this file, looked up once and kept at hand.
#[derive(Clone, Copy)]
pub struct Logistic(&'static Tables);

impl Logistic {
    /// The tables, built at first use.
    pub fn new() -> Self {
        Logistic(&TABLES)
    }

    /// ln(p / (1 - p)) in Q8, within +-[`STRETCH_LIMIT`], of p in Q16 (0..2^16).
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

    /// 1 / (1 + e^-x) in Q16, 1..=65535, of x in Q12.
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
    fn both_are_monotone_within_their_limits_and_what_they_claim_to_be() {
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
