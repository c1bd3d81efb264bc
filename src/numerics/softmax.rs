//! Softmax over the 256 byte values in integers.

use super::tables::Tables;

/// Number of symbols: byte values.
pub const SYMBOLS: usize = 256;

/// The weight of the most likely symbol (Q23): every distribution has at least one of it.
pub const WEIGHT_ONE: u32 = 1 << 23;

/// The largest distance below the largest logit (20.0 in Q13); larger ones saturate.
pub const DISTANCE_LIMIT: u32 = 20 << 13;

/// log2(e) in Q13.
pub const LOG2_E: u32 = 11819;

/// Returns log2(e^distance) in Q26, for a distance in Q13 below the largest logit.
#[inline(always)]
pub fn exponent(distance: u32) -> u32 {
    // 20 * 2^13 * LOG2_E is below 2^31: whole powers are at most 28.
    distance.min(DISTANCE_LIMIT) * LOG2_E
}

/// The index of the table entry for 2^-exponent.
#[inline(always)]
pub fn exp2_index(exponent: u32) -> usize {
    (exponent >> 18) as usize & 255
}

/// Returns 2^-exponent in Q23, by interpolation from its table entry.
#[inline(always)]
pub fn exp2_between(entry: u32, exponent: u32) -> u32 {
    let fraction = (exponent >> 10) & 255;
    let mantissa = (entry >> 16) - (((entry & 0xffff) * fraction + 128) >> 8); // Q15
    (mantissa << 8) >> (exponent >> 26)
}

/// Returns e^-distance in Q23, for a distance in Q13 below the largest logit.
#[inline(always)]
pub fn exp_weight(tables: &Tables, distance: u32) -> u32 {
    let exponent = exponent(distance);
    exp2_between(tables.exp2[exp2_index(exponent)], exponent)
}

/// Writes unnormalised probabilities (Q23, the largest is 1.0) from logits (Q13).
pub fn softmax_weights(tables: &Tables, logits: &[i32; SYMBOLS], weights: &mut [u32; SYMBOLS]) {
    let largest = logits.iter().copied().max().unwrap_or(0);
    for (weight, &logit) in weights.iter_mut().zip(logits) {
        *weight = exp_weight(tables, largest.wrapping_sub(logit) as u32);
    }
}

/// Divides the weights of a distribution by their sum, in integers.
#[derive(Clone, Copy)]
pub struct Normalizer {
    shift: u32,
    inverse: u32,
}

impl Normalizer {
    /// `sum` is the sum of 256 weights of which one is [`WEIGHT_ONE`]: 2^23..=2^31.
    #[inline(always)]
    pub fn new(sum: u32) -> Self {
        let shift = sum.leading_zeros();
        let mantissa = (sum << (shift & 31)) >> 16; // 2^15..2^16
        Normalizer { shift, inverse: (1 << 31) / mantissa.max(1) }
    }

    /// Returns the probability of a weight, rounded to `fraction` bits (8..=16).
    #[inline(always)]
    pub fn probability(self, weight: u32, fraction: u32) -> u32 {
        let mantissa = (weight << (self.shift & 31)) >> 16;
        (mantissa * self.inverse + (1 << (30 - fraction))) >> (31 - fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::TABLES;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn probabilities_are_those_of_softmax(
            logits in proptest::collection::vec(-150_000i32..150_000, SYMBOLS), fraction in 8u32..=16
        ) {
            let logits: [i32; SYMBOLS] = logits.try_into().unwrap();
            let mut weights = [0; SYMBOLS];
            softmax_weights(&TABLES, &logits, &mut weights);
            let sum: u32 = weights.iter().sum();
            prop_assert!(weights.contains(&WEIGHT_ONE) && sum <= 1 << 31);
            let normalizer = Normalizer::new(sum);
            let largest = *logits.iter().max().unwrap();
            let real = |l: i32| (f64::from(l - largest) / 8192.0).exp();
            let total: f64 = logits.iter().map(|&l| real(l)).sum();
            for (&weight, &logit) in weights.iter().zip(&logits) {
                let p = f64::from(normalizer.probability(weight, fraction)) / f64::from(1u32 << fraction);
                let exact = f64::from(weight) / f64::from(sum);
                prop_assert!((p - exact).abs() <= 0.51 / f64::from(1u32 << fraction) + exact / 8192.0 + 1.0 / 32768.0);
                prop_assert!((exact - real(logit) / total).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn flat_and_peaked_distributions_are_exact() {
        let mut weights = [0; SYMBOLS];
        softmax_weights(&TABLES, &[-7; SYMBOLS], &mut weights);
        assert_eq!(weights, [WEIGHT_ONE; SYMBOLS]);
        assert_eq!(Normalizer::new(1 << 31).probability(WEIGHT_ONE, 12), 16);
        let mut logits = [i32::MIN / 4; SYMBOLS];
        logits[3] = i32::MAX / 4;
        softmax_weights(&TABLES, &logits, &mut weights);
        assert_eq!(Normalizer::new(weights.iter().sum()).probability(weights[3], 12), 4096);
    }

    #[test]
    fn weights_are_exact_at_every_distance_and_never_increase() {
        let mut last = WEIGHT_ONE;
        for distance in (0..DISTANCE_LIMIT + 3).chain([u32::MAX]) {
            let exponent = u128::from(distance.min(DISTANCE_LIMIT)) * u128::from(LOG2_E);
            let entry = TABLES.exp2[(exponent >> 18) as usize % 256];
            let fall = (u128::from(entry & 0xffff) * (exponent >> 10 & 255) + 128) / 256;
            let exact = ((u128::from(entry >> 16) - fall) * 256) >> (exponent >> 26);
            let weight = exp_weight(&TABLES, distance);
            assert_eq!(u128::from(weight), exact);
            assert!(weight <= last);
            last = weight;
        }
        assert_eq!((exp_weight(&TABLES, 0), last), (WEIGHT_ONE, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn probabilities_are_exact_and_at_most_one(
            sum in prop_oneof![WEIGHT_ONE..=1 << 31, Just(WEIGHT_ONE), Just(1 << 31), Just((1 << 24) - 1)],
            weight in prop_oneof![0..=WEIGHT_ONE, Just(WEIGHT_ONE)],
            fraction in 8u32..=16,
        ) {
            let scale = (1u128 << 31).div_ceil(u128::from(sum)).next_power_of_two();
            let inverse = (1 << 31) / ((u128::from(sum) * scale) >> 16);
            let product = ((u128::from(weight) * scale) >> 16) * inverse;
            prop_assert!(product <= 1 << 31);
            let exact = (product + (1 << (30 - fraction))) >> (31 - fraction);
            let probability = Normalizer::new(sum).probability(weight, fraction);
            prop_assert_eq!(u128::from(probability), exact);
            prop_assert!(probability <= 1 << fraction);
        }
    }
}
