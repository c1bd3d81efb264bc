//! Integer-only wide-range numbers for Adam's second moment, and Adam itself.
//!
//! A wide number is one u32: exponent field in the high 8 bits, 24-bit mantissa
//! with its leading one in the low 24; value = mantissa * 2^(field - 128), or
//! zero where the field is zero. Packed numbers compare like their values.
//! Adam follows Kingma and Ba 2014 with beta1 = 0, as tensorflow-compress and
//! NNCP use it.

use super::fixed::{MASTER_FRACTION, bounded};
use super::tables::Tables;

/// beta2 = 1 - 2^-11 (0.9995).
pub const SECOND_MOMENT_SHIFT: u32 = 11;
/// Exponent field of the value 2^0 * mantissa.
pub const EXPONENT_BIAS: i32 = 128;

/// What Adam needs besides gradient and moment; the same for every weight of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdamStep {
    /// Learning rate with bias correction: 16-bit mantissa (2^15..2^16, or zero).
    pub rate_mantissa: u32,
    /// Exponent: rate * 2^24 = mantissa * 2^exponent, less the gradients' shift.
    pub rate_exponent: i32,
    /// Gradients count as many bits less, 0..=12.
    pub gradient_shift: u32,
    /// Least second moment of weights and biases (epsilon squared), packed.
    pub weight_floor: u32,
    /// Least second moment of embeddings, packed.
    pub embedding_floor: u32,
}

/// Packs `value * 2^exponent`, truncated to 24 bits.
pub fn pack_wide(value: u128, exponent: i32) -> u32 {
    if value == 0 {
        return 0;
    }
    let zeros = value.leading_zeros() as i32;
    let mantissa = ((value << zeros) >> 104) as u32;
    let field = exponent + 104 - zeros + EXPONENT_BIAS;
    if field <= 0 { 0 } else { ((field.min(255) as u32) << 24) | mantissa }
}

/// Decays a second moment and adds the square of a gradient, g = gradient * 2^-gradient_shift
/// (at most 12): v * (1 - 2^-11) + g^2 * 2^-11, mantissas truncated.
#[inline(always)]
pub fn second_moment(moment: u32, gradient: i32, gradient_shift: u32) -> u32 {
    let magnitude = gradient.unsigned_abs();
    let zeros = magnitude.leading_zeros();
    let gradient16 = (magnitude << (zeros & 31)) >> 16;
    let square = (gradient16 * gradient16) >> 2; // 30 bits
    let square_exponent = 34 - 2 * (zeros + gradient_shift) as i32 - SECOND_MOMENT_SHIFT as i32;

    let old = (moment & 0x00ff_ffff) << 6; // 30 bits
    let old_exponent = (moment >> 24) as i32 - EXPONENT_BIAS - 6;
    let decayed = old - (old >> SECOND_MOMENT_SHIFT);

    let exponent = old_exponent.max(if square == 0 { old_exponent } else { square_exponent });
    let sum = (decayed >> ((exponent - old_exponent).min(31) as u32 & 31))
        + (square >> ((exponent - square_exponent).clamp(0, 31) as u32 & 31));
    let zeros = sum.leading_zeros();
    let mantissa = (sum << (zeros & 31)) >> 8;
    let field = exponent + 8 - zeros as i32 + EXPONENT_BIAS;
    if sum == 0 || field <= 0 { 0 } else { ((field as u32) << 24) | mantissa }
}

/// Where the table of reciprocal square roots holds that of a variance.
#[inline(always)]
pub fn root_index(variance: u32) -> usize {
    let odd = (variance >> 24).wrapping_sub(EXPONENT_BIAS as u32).wrapping_add(23) & 1;
    ((odd << 7) | ((variance >> 16) & 127)) as usize & 255
}

/// Adam's change of a master weight (Q24): rate * gradient / sqrt(variance), at
/// most 2^29. `variance` is a packed second moment that is not zero, `root` the
/// entry of its reciprocal square root.
#[inline(always)]
pub fn adam_change(step: &AdamStep, variance: u32, root: u32, gradient: i32) -> i32 {
    let power = (variance >> 24) as i32 - EXPONENT_BIAS + 23; // of a mantissa in 1..2
    let half_power = (power - (power & 1)) >> 1;
    let magnitude = gradient.unsigned_abs();
    let zeros = magnitude.leading_zeros();
    let gradient16 = (magnitude << (zeros & 31)) >> 16;
    let product = ((gradient16 * root) >> 16) * step.rate_mantissa;
    let shift = zeros as i32 + half_power - step.rate_exponent - 16;
    let change = ((product >> ((shift.clamp(3, 32) as u32 - 1) & 31)) + 1) >> 1;
    let change = if shift > 32 { 0 } else { change as i32 };
    if gradient < 0 { -change } else { change }
}

/// One Adam step: updates the second moment and the master weight (Q24),
/// which saturates at `limit`.
#[inline(always)]
pub fn adam(
    tables: &Tables,
    step: &AdamStep,
    floor: u32,
    limit: i32,
    gradient: i32,
    master: &mut i32,
    moment: &mut u32,
) {
    *moment = second_moment(*moment, gradient, step.gradient_shift);
    let variance = (*moment).max(floor);
    let root = tables.rsqrt[root_index(variance)].into();
    *master = bounded(*master - adam_change(step, variance, root, gradient), limit);
}

/// Adam's bias correction, carried from step to step: beta2^t in Q63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BiasCorrection(pub u64);

impl Default for BiasCorrection {
    fn default() -> Self {
        BiasCorrection(1 << 63)
    }
}

impl BiasCorrection {
    /// Goes on by one step; returns its scalars.
    ///
    /// `rate` is the learning rate in Q28, `weight_scale` and `embedding_scale`
    /// the integer that stands for a mean gradient of 1.0, `gradient_shift` (at most
    /// 12) how many bits less the gradients are to count. Epsilon is 10^-5.
    pub fn advance(&mut self, rate: u32, weight_scale: u64, embedding_scale: u64, gradient_shift: u32) -> AdamStep {
        self.0 -= self.0 >> SECOND_MOMENT_SHIFT;
        let correction = (1u64 << 63) - self.0; // 1 - beta2^t, Q63
        let root = (u128::from(correction) << 63).isqrt(); // Q63
        let rate = u128::from(rate) * root; // Q91
        let zeros = rate.leading_zeros() as i32;
        let floor = |scale: u64| {
            // (scale * 10^-5)^2 * correction
            let square = u128::from(scale) * u128::from(scale) / 10_000_000_000;
            pack_wide(square.max(1) * u128::from(correction >> 32), -31)
        };
        AdamStep {
            rate_mantissa: if rate == 0 { 0 } else { ((rate << zeros) >> 112) as u32 },
            rate_exponent: 112 - zeros - 91 + MASTER_FRACTION as i32 - gradient_shift as i32,
            gradient_shift,
            weight_floor: floor(weight_scale),
            embedding_floor: floor(embedding_scale),
        }
    }
}

/// The value of a packed number, for tests and inspection only.
pub fn wide_to_f64(packed: u32) -> f64 {
    if packed >> 24 == 0 {
        return 0.0;
    }
    f64::from(packed & 0x00ff_ffff) * f64::from((packed >> 24) as i32 - EXPONENT_BIAS).exp2()
}

#[cfg(test)]
mod tests {
    use super::super::tables::TABLES;
    use super::*;
    use proptest::prelude::*;

    fn any_wide() -> impl Strategy<Value = u32> {
        prop_oneof![Just(0u32), (1u32..180, 0u32..1 << 23).prop_map(|(e, m)| (e << 24) | (1 << 23) | m)]
    }

    fn any_gradient() -> impl Strategy<Value = i32> {
        prop_oneof![any::<i32>(), -1000i32..1000, Just(i32::MIN), Just(i32::MAX), Just(0)]
    }

    proptest! {
        #[test]
        fn second_moment_follows_its_recurrence(moment in any_wide(), gradient in any_gradient(), shift in 0u32..=12) {
            let beta = 1.0 - 1.0 / 2048.0;
            let square = (f64::from(gradient) * (-f64::from(shift)).exp2()).powi(2) / 2048.0;
            let exact = wide_to_f64(moment) * beta + square;
            let next = second_moment(moment, gradient, shift);
            prop_assert!(next == 0 || next & (1 << 23) != 0, "normalised");
            // 30-bit work, 24-bit mantissa, 16-bit gradient
            let tolerance = exact * 2.4e-7 + square * 7e-5;
            prop_assert!((wide_to_f64(next) - exact).abs() <= tolerance, "{} against {exact}", wide_to_f64(next));
        }

        #[test]
        fn packed_numbers_compare_like_values(a in any_wide(), b in any_wide()) {
            prop_assert_eq!(a < b, wide_to_f64(a) < wide_to_f64(b));
        }

        #[test]
        fn change_is_rate_times_gradient_over_root(
            moment in any_wide(), gradient in any_gradient(), rate in 1u32..1 << 26, steps in 1usize..50, shift in 0u32..=12
        ) {
            let mut bias = BiasCorrection::default();
            let mut step = bias.advance(rate, 1 << 22, 1 << 15, shift);
            for _ in 1..steps { step = bias.advance(rate, 1 << 22, 1 << 15, shift); }
            let correction = 1.0 - (1.0f64 - 1.0 / 2048.0).powi(steps as i32);
            let epsilon_squared = (f64::from(1 << 22) * 1e-5).powi(2).floor() * correction;
            let variance = wide_to_f64(moment).max(epsilon_squared);
            let exact = f64::from(rate) / f64::from(1 << 28) * correction.sqrt() * f64::from(gradient)
                * (-f64::from(shift)).exp2() / variance.sqrt() * f64::from(1 << 24);
            let packed = moment.max(step.weight_floor);
            let change = f64::from(adam_change(&step, packed, TABLES.rsqrt[root_index(packed)].into(), gradient));
            if exact.abs() < f64::from(1 << 26) {
                prop_assert!((change - exact).abs() <= 0.6 + exact.abs() * 0.0045, "{change} against {exact}");
            } else {
                prop_assert!(change.abs() <= f64::from(1 << 29));
            }
        }

        #[test]
        fn pack_wide_keeps_24_bits(value in 1u128..1 << 100, exponent in -80i32..20) {
            let exact = value as f64 * f64::from(exponent).exp2();
            prop_assert!((wide_to_f64(pack_wide(value, exponent)) / exact - 1.0).abs() < 1.3e-7);
        }
    }

    #[test]
    fn moments_fade_to_zero_without_gradient() {
        let mut moment = second_moment(0, 1, 0);
        assert!(moment > 0);
        for _ in 0..2_000_000 {
            moment = second_moment(moment, 0, 0);
        }
        assert!(moment < second_moment(0, 1, 0) >> 1);
    }

    /// The 16 leading bits of a magnitude and the power of two that they stand for.
    fn leading16(magnitude: u32) -> (u128, i32) {
        let bits = 32 - magnitude.leading_zeros() as i32;
        ((u128::from(magnitude) << 16) >> bits, bits - 16)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn second_moment_is_exact(moment in any_wide(), gradient in any_gradient(), shift in 0u32..=12) {
            let (gradient16, power) = leading16(gradient.unsigned_abs());
            let (square, square_exponent) = (gradient16 * gradient16 / 4, 2 * (power - shift as i32) + 2 - 11);
            let old = u128::from(moment % (1 << 24)) * 64;
            let old_exponent = (moment >> 24) as i32 - 128 - 6;
            let exponent = if square == 0 { old_exponent } else { old_exponent.max(square_exponent) };
            let align = |value: u128, from: i32| value.checked_shr((exponent - from).max(0) as u32).unwrap_or(0);
            let sum = align(old - old / 2048, old_exponent) + align(square, square_exponent);
            prop_assert!(sum < 1 << 31);
            prop_assert_eq!(second_moment(moment, gradient, shift), pack_wide(sum, exponent));
        }

        #[test]
        fn change_is_exact_and_at_most_two_to_the_29(
            moment in any_wide(), floor in any_wide(), gradient in any_gradient(),
            mantissa in prop_oneof![1u32 << 15..1 << 16, Just(0), Just(65535)], exponent in -95i32..=8,
        ) {
            let (rate_mantissa, rate_exponent) = (mantissa, exponent);
            let step = AdamStep { rate_mantissa, rate_exponent, gradient_shift: 0, weight_floor: floor, embedding_floor: 0 };
            let variance = moment.max(floor);
            let power = (variance >> 24) as i32 - 128 + 23;
            let odd = power.rem_euclid(2);
            let root = TABLES.rsqrt[(128 * odd as u32 + (variance >> 16) % 128) as usize];
            let (gradient16, gradient_power) = leading16(gradient.unsigned_abs());
            prop_assert!(gradient16 * u128::from(root) < 1 << 32);
            let product = gradient16 * u128::from(root) / 65536 * u128::from(mantissa);
            prop_assert!(product < 1 << 32);
            // change = product * 2^-shift, rounded half up; a shift below 3 counts as 3
            let shift = (power - odd) / 2 - gradient_power - exponent;
            let exact = product.checked_shr(shift.max(3) as u32 - 1).unwrap_or(0).div_ceil(2);
            let variance = moment.max(floor);
            let change = adam_change(&step, variance, TABLES.rsqrt[root_index(variance)].into(), gradient);
            prop_assert_eq!(u128::from(change.unsigned_abs()), exact);
            prop_assert!(change.unsigned_abs() <= 1 << 29 && (change == 0 || (change < 0) == (gradient < 0)));
        }
    }

    /// Every scalar of a step stays in its range, for the least and largest models and rates, for ever.
    #[test]
    fn step_scalars_stay_in_range() {
        for rate in [0, 1, 1 << 14, 1 << 28] {
            for (weight_scale, embedding_scale, shift) in [(1 << 15, 1 << 8, 0), (1 << 37, 1 << 26, 12)] {
                let mut bias = BiasCorrection::default();
                for _ in 0..400_000 {
                    let step = bias.advance(rate, weight_scale, embedding_scale, shift);
                    let normal = |packed: u32| packed >> 24 > 0 && packed & 1 << 23 != 0;
                    assert!(normal(step.weight_floor) && normal(step.embedding_floor));
                    assert_eq!(step.rate_mantissa == 0, rate == 0);
                    assert!(rate == 0 || (1 << 15..1 << 16).contains(&step.rate_mantissa));
                    assert!((-95..=8).contains(&step.rate_exponent));
                }
                assert_eq!(bias.0, 2047, "beta2^t stops where 2^-11 of it is below one");
            }
        }
    }
}
