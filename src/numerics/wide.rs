//! Numbers of a wide range for Adam's second moments, in integer arithmetic, and Adam itself.
//!
//! A wide number is a u32 with the bits of a non-negative IEEE 754 single: the exponent field in
//! bits 23 to 30, then the low 23 bits of a 24-bit mantissa whose leading one is not stored. Its
//! value is zero, or mantissa times 2^(field - 150). Wide numbers compare like their values. All
//! results are truncated (towards zero) to 24 significant bits.
//!
//! Adam follows Kingma and Ba 2014 with beta1 = 0, like tensorflow-compress and NNCP.

use super::fixed::{MASTER_FRACTION, bounded};

/// beta2 = 1 - 2^-11 (0.9995).
pub const SECOND_MOMENT_SHIFT: u32 = 11;
/// The exponent field of a number whose value is its mantissa.
pub const EXPONENT_BIAS: i32 = 150;
/// Bits of a mantissa, with its leading one.
pub const MANTISSA_BITS: u32 = 24;
/// The leading one of a mantissa.
pub const LEADING_ONE: u32 = 1 << (MANTISSA_BITS - 1);
/// A mantissa m below this one decays, to m - ceil(m / 2^11), by so much that it loses its leading one.
pub const DECAYS_BELOW: u32 = LEADING_ONE + 4099;

/// The least second moment but zero: 1. All second moments are zero at first.
pub const LEAST_MOMENT: u32 = 127 << 23;
/// 2^74: more than second moments reach with the largest gradients.
pub const LARGEST_MOMENT: u32 = (127 + 74) << 23;

/// Entries of [`AdamStep::factors`].
pub const FACTORS: usize = 32;
/// Bits of a factor.
pub const FACTOR_BITS: u32 = 15;
/// Offset of the shift that is stored with a factor.
pub const SHIFT_BIAS: u32 = 128;

/// The parameters of an Adam step that are the same for all weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdamStep {
    /// The learning rate with bias correction, divided by the square root of a second moment, for
    /// 32 intervals of it: the index is the last bit of its exponent field and the first four of
    /// its mantissa. An entry holds a factor (low 15 bits, 2^14..2^15, or zero) and above it the
    /// right shift, with [`SHIFT_BIAS`] added.
    pub factors: [u32; FACTORS],
    /// The number of bits by which gradients are divided, 0..=12.
    pub gradient_shift: u32,
    /// Least second moment of weights and biases (epsilon squared), packed, 1 or more.
    pub weight_floor: u32,
    /// Least second moment of embeddings, packed, 1 or more.
    pub embedding_floor: u32,
}

/// Returns `value * 2^exponent` as a wide number, truncated to 24 bits.
pub fn pack_wide(value: u128, exponent: i32) -> u32 {
    if value == 0 {
        return 0;
    }
    let zeros = value.leading_zeros() as i32;
    let mantissa = ((value << zeros) >> 104) as u32;
    let field = exponent + 104 - zeros + EXPONENT_BIAS;
    ((field.clamp(1, 254) as u32) << 23) | (mantissa & (LEADING_ONE - 1))
}

/// The leading bits of a gradient's magnitude.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leading {
    /// The 12 leading bits, in units of 2^(20 - zeros).
    pub gradient12: u32,
    /// The number of zeros before them.
    pub zeros: u32,
}

/// Returns the 12 leading bits of a gradient's magnitude.
#[inline(always)]
pub fn leading12(gradient: i32) -> Leading {
    let magnitude = gradient.unsigned_abs();
    let zeros = magnitude.leading_zeros();
    Leading { gradient12: magnitude.checked_shl(zeros).unwrap_or(0) >> 20, zeros }
}

/// Returns `x / 2^shift`, rounded down, for any shift.
#[inline(always)]
fn shifted(x: u32, shift: u32) -> u32 {
    x.checked_shr(shift).unwrap_or(0)
}

/// Decays a second moment and adds the square of a gradient, g = gradient * 2^-gradient_shift:
/// returns v * (1 - 2^-11) + g^2, at least `floor`. This is 2^11 times the mean of the Adam paper.
#[inline(always)]
pub fn second_moment(moment: u32, leading: Leading, gradient_shift: u32, floor: u32) -> u32 {
    let Leading { gradient12, zeros } = leading;
    let whole = gradient12 * gradient12; // 23 or 24 bits
    let short = u32::from(whole < LEADING_ONE);
    let square = whole << short;
    // If the gradient is zero, this is less than the fields of all moments.
    let square_field = EXPONENT_BIAS + 40 - 2 * (zeros + gradient_shift) as i32 - short as i32;

    let mantissa = (moment & (LEADING_ONE - 1)) | LEADING_ONE;
    let less = u32::from(mantissa < DECAYS_BELOW);
    let old = mantissa << less;
    let decayed = old - ((old + 2047) >> SECOND_MOMENT_SHIFT);
    // If the moment is zero, this is so far below the field of the square that the shift drops
    // the whole mantissa.
    let old_field = (moment >> 23) as i32 - less as i32;

    let field = old_field.max(square_field);
    let sum = shifted(decayed, (field - old_field) as u32) + shifted(square, (field - square_field) as u32);
    let carry = sum >> MANTISSA_BITS;
    let packed = ((field as u32 + carry) << 23) | ((sum >> carry) & (LEADING_ONE - 1));
    packed.max(floor)
}

/// The index of the factor for a second moment.
#[inline(always)]
pub fn factor_index(variance: u32) -> usize {
    (variance >> 19) as usize & (FACTORS - 1)
}

/// Returns Adam's change of a master weight (Q24): rate * gradient / sqrt(variance), below 2^27 in
/// magnitude. `variance` is a second moment that includes the gradient, `factor` the step's factor
/// for it.
#[inline(always)]
pub fn adam_change(factor: u32, variance: u32, gradient: i32, leading: Leading) -> i32 {
    let Leading { gradient12, zeros } = leading;
    let product = gradient12 * (factor & ((1 << FACTOR_BITS) - 1));
    let shift = (factor >> FACTOR_BITS) + zeros + (variance >> 24);
    let change = shifted(product, shift.max(SHIFT_BIAS) - SHIFT_BIAS) as i32;
    if gradient < 0 { -change } else { change }
}

/// One Adam step: updates the second moment and the master weight (Q24),
/// which saturates at `limit`.
#[inline(always)]
pub fn adam(step: &AdamStep, floor: u32, limit: i32, gradient: i32, master: &mut i32, moment: &mut u32) {
    let leading = leading12(gradient);
    *moment = second_moment(*moment, leading, step.gradient_shift, floor);
    let factor = step.factors[factor_index(*moment)];
    *master = bounded(*master - adam_change(factor, *moment, gradient, leading), limit);
}

/// The state of Adam's bias correction after t steps: beta2^t in Q63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BiasCorrection(pub u64);

impl Default for BiasCorrection {
    fn default() -> Self {
        BiasCorrection(1 << 63)
    }
}

impl BiasCorrection {
    /// Advances by one step and returns the parameters of that step.
    ///
    /// `rate` is the learning rate in Q28. `weight_scale` and `embedding_scale` are the integers
    /// that a mean gradient of 1.0 has. Gradients are divided by 2^`gradient_shift`, at most 2^12.
    /// Epsilon is 10^-5.
    pub fn advance(&mut self, rate: u32, weight_scale: u64, embedding_scale: u64, gradient_shift: u32) -> AdamStep {
        self.0 -= self.0 >> SECOND_MOMENT_SHIFT;
        let correction = (1u64 << 63) - self.0; // 1 - beta2^t, Q63
        let root = (u128::from(correction) << 64).isqrt(); // of 2^11 times the correction, Q58
        let rate = u128::from(rate) * root; // Q86
        let floor = |scale: u64| {
            // (scale * 10^-5)^2 * correction * 2^11
            let square = u128::from(scale) * u128::from(scale) / 10_000_000_000;
            pack_wide(square.max(1) * u128::from(correction >> 32), SECOND_MOMENT_SHIFT as i32 - 31)
        };
        AdamStep {
            factors: std::array::from_fn(|index| factor(rate, index, gradient_shift)),
            gradient_shift,
            weight_floor: floor(weight_scale),
            embedding_floor: floor(embedding_scale),
        }
    }
}

/// Returns an entry of [`AdamStep::factors`]. `rate` is in Q86, for second moments that are 2^11
/// times the mean.
fn factor(rate: u128, index: usize, gradient_shift: u32) -> u32 {
    // The middle of an interval of second moments is `middle` times 4^(exponent - 66).
    let middle = (2 * (index as u64 & 15) + 33) << (index >> 4);
    let root = ((1u64 << 60) / middle).isqrt(); // 2^30 / sqrt(middle)
    let quotient = rate * u128::from(root); // Q116, below 2^120
    if quotient == 0 {
        return 0;
    }
    let bits = 128 - quotient.leading_zeros();
    // Shifts the product with a gradient's 12 leading bits from Q(116 - 66 - 20) to Q24.
    let shift = SHIFT_BIAS + gradient_shift + FACTOR_BITS + 30 - MASTER_FRACTION - bits;
    (shift << FACTOR_BITS) | (quotient >> (bits - FACTOR_BITS)) as u32
}

/// Returns the value of a wide number, for tests and inspection only.
pub fn wide_to_f64(packed: u32) -> f64 {
    f32::from_bits(packed).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Zero, or anything from 1 to the sum of squares of the largest gradients.
    fn any_wide() -> impl Strategy<Value = u32> {
        let field = 127u32..202;
        let edges = prop_oneof![Just(0u32), 4090u32..4110, 0x7f_fff0u32..0x80_0000];
        let near_edges = (field.clone(), edges).prop_map(|(field, mantissa)| field << 23 | mantissa);
        prop_oneof![Just(0u32), field.prop_map(|field| field << 23), 127u32 << 23..202 << 23, near_edges]
    }

    fn any_floor() -> impl Strategy<Value = u32> {
        prop_oneof![127u32 << 23..190 << 23, Just(127 << 23)]
    }

    fn any_gradient() -> impl Strategy<Value = i32> {
        prop_oneof![any::<i32>(), -1000i32..1000, Just(i32::MIN), Just(i32::MAX), Just(0)]
    }

    /// Returns the leading bits of a number, and the power of two that is their unit.
    fn leading(number: u128, bits: u32) -> (u128, i32) {
        let power = 128 - number.leading_zeros() as i32 - bits as i32;
        (if power < 0 { number << -power } else { number >> power }, power)
    }

    /// Returns mantissa and power of two of a wide number.
    fn parts(packed: u32) -> (u128, i32) {
        if packed == 0 { (0, 0) } else { (u128::from(packed & 0x7f_ffff) | 1 << 23, (packed >> 23) as i32 - 150) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8192))]

        #[test]
        fn second_moment_follows_its_recurrence(
            moment in any_wide(), gradient in any_gradient(), shift in 0u32..=12, floor in any_floor()
        ) {
            let square = (f64::from(gradient) * (-f64::from(shift)).exp2()).powi(2);
            let exact = wide_to_f64(moment) * (1.0 - 1.0 / 2048.0) + square;
            let next = second_moment(moment, leading12(gradient), shift, floor);
            // 24-bit mantissas, 12-bit gradient
            let tolerance = exact * 2.4e-7 + square * 1e-3;
            prop_assert!((wide_to_f64(next) - exact.max(wide_to_f64(floor))).abs() <= tolerance, "{exact}");
        }

        #[test]
        fn second_moment_is_truncated_after_each_operation(
            moment in any_wide(), gradient in any_gradient(), shift in 0u32..=12, floor in any_floor()
        ) {
            let cut = |(number, power): (u128, i32)| {
                let (mantissa, more) = leading(number, 24);
                (mantissa, power + more)
            };
            let (old, power) = parts(moment);
            let (decayed, power) = if old == 0 { (0, -200) } else { cut((old * 2047, power - 11)) };
            let (gradient12, gradient_power) = leading(gradient.unsigned_abs().into(), 12);
            let (square, square_power) = (gradient12 * gradient12, 2 * (gradient_power - shift as i32));
            // A number that is far smaller than the other does not change the sum.
            let least = power.max(square_power) - 60;
            let align = |number: u128, power: i32| if power < least { 0 } else { number << (power - least) };
            let sum = match square {
                0 => (decayed, power),
                _ => (align(decayed, power) + align(square, square_power), least),
            };
            let exact = if sum.0 == 0 { 0 } else { pack_wide(sum.0, sum.1) };
            prop_assert_eq!(second_moment(moment, leading12(gradient), shift, floor), exact.max(floor));
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
            let epsilon_squared = (f64::from(1 << 22) * 1e-5).powi(2).floor() * correction * 2048.0;
            let variance = second_moment(moment, leading12(gradient), shift, step.weight_floor);
            prop_assert!(wide_to_f64(variance) >= epsilon_squared * 0.999);
            let exact = f64::from(rate) / f64::from(1 << 28) * (2048.0 * correction).sqrt() * f64::from(gradient)
                * (-f64::from(shift)).exp2() / wide_to_f64(variance).sqrt() * f64::from(1 << 24);
            let change = f64::from(adam_change(step.factors[factor_index(variance)], variance, gradient, leading12(gradient)));
            prop_assert!((change - exact).abs() <= 1.0 + exact.abs() * 0.017, "{change} against {exact}");
        }

        #[test]
        fn change_is_exact_up_to_its_limit(
            moment in any_wide(), floor in any_floor(), gradient in any_gradient(),
            rate in 0u32..=1 << 28, steps in 1usize..50, shift in 0u32..=12,
        ) {
            let variance = second_moment(moment, leading12(gradient), shift, floor);
            let mut bias = BiasCorrection::default();
            (1..steps).for_each(|_| { bias.advance(rate, 1, 1, shift); });
            let step = bias.advance(rate, 1, 1, shift);
            let factor = step.factors[factor_index(variance)];
            let (gradient12, power) = leading(gradient.unsigned_abs().into(), 12);
            let product = gradient12 * u128::from(factor & 0x7fff);
            let right = i64::from(factor >> 15) - 128 + i64::from(20 - power) + i64::from(variance >> 24);
            let exact = product >> right.clamp(0, 127);
            let change = adam_change(factor, variance, gradient, leading12(gradient));
            prop_assert_eq!(u128::from(change.unsigned_abs()), if gradient == 0 { 0 } else { exact });
            prop_assert!(exact < 1 << 27 && (change == 0 || (change < 0) == (gradient < 0)));
        }

        #[test]
        fn factors_are_truncated_quotients_of_rate_and_root(rate in 1u32..=1 << 28, steps in 1usize..200, shift in 0u32..=12) {
            let mut bias = BiasCorrection::default();
            (1..steps).for_each(|_| { bias.advance(rate, 1, 1, shift); });
            let step = bias.advance(rate, 1, 1, shift);
            let correction = 1.0 - bias.0 as f64 / 63f64.exp2();
            let rate = f64::from(rate) / 28f64.exp2() * (2048.0 * correction).sqrt() * 24f64.exp2();
            for (index, factor) in step.factors.into_iter().enumerate() {
                // The middle of the interval with an exponent field of 126 or 127 and four given bits.
                let variance = f64::from(33 + 2 * (index as u32 % 16)) / 32.0 * if index < 16 { 0.5 } else { 1.0 };
                // A gradient of 12 bits has 20 leading zeros; half of the field is 63.
                let right = (factor >> 15) as i32 - 128 + 20 + 63;
                let exact = rate * (-f64::from(shift)).exp2() / variance.sqrt() * f64::from(right).exp2();
                let factor = f64::from(factor & 0x7fff);
                // Roots have at least 26 bits.
                prop_assert!(factor <= exact && exact * (1.0 - 26f64.exp2().recip()) < factor + 1.0, "{factor}, {exact}");
            }
        }

        #[test]
        fn pack_wide_keeps_24_bits(value in 1u128..1 << 100, exponent in -80i32..20) {
            let exact = value as f64 * f64::from(exponent).exp2();
            prop_assert!((wide_to_f64(pack_wide(value, exponent)) / exact - 1.0).abs() < 1.3e-7);
        }
    }

    /// All parameters of a step stay in their ranges, for the smallest and largest models and rates,
    /// after any number of steps.
    #[test]
    fn parameters_of_a_step_stay_in_range() {
        for rate in [0, 1, 1 << 14, 1 << 28] {
            for (weight_scale, embedding_scale, shift) in [(1 << 15, 1 << 8, 0), (1 << 37, 1 << 26, 12)] {
                let mut bias = BiasCorrection::default();
                for _ in 0..400_000 {
                    let step = bias.advance(rate, weight_scale, embedding_scale, shift);
                    let floors = [step.weight_floor, step.embedding_floor];
                    assert!(floors.iter().all(|floor| (127 << 23..190 << 23).contains(floor)), "{floors:x?}");
                    for factor in step.factors {
                        assert_eq!(factor == 0, rate == 0);
                        assert!(rate == 0 || (1 << 14..1 << 15).contains(&(factor & 0x7fff)));
                        assert!(rate == 0 || (16..80).contains(&(factor >> 15)));
                    }
                }
                assert_eq!(bias.0, 2047, "beta2^t stops when 2^-11 of it is below one");
            }
        }
    }
}
