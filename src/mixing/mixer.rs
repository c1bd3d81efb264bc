//! Gated linear mixing in the logistic domain (Mahoney, PAQ7; Mattern 2013).
//!
//! A context selects one set of weights; the weighted sum of stretched
//! probabilities is squashed to one. Weights move down the gradient of coding
//! cost: by input times error.

use crate::state::Visitor;

/// Inputs come in groups of so many, for the sake of vectors.
pub const GROUP: usize = 16;
/// Fraction bits of a weight as it is learnt (Q26).
const WEIGHT_FRACTION: u32 = 26;
/// Fraction bits of a weight as it is used, in 16 bits (Q12, within +-8).
const SHORT_FRACTION: u32 = 12;
/// Largest magnitude of a weight: 8.
const WEIGHT_LIMIT: i32 = (8 << WEIGHT_FRACTION) - 1;

/// Weight sets for one kind of context.
#[derive(Clone)]
pub struct Mixer {
    inputs: usize,
    weights: Vec<i32>,
    /// Weights rounded down to 16 bits: what sums are made of.
    short: Vec<i16>,
    /// How often each set was used, at most [`SETTLED`].
    uses: Vec<u16>,
    /// Learning rates, Q16: the last, and what comes on top in the beginning.
    rates: [i32; 2],
}

/// Uses after which a set learns at its last rate.
const SETTLED: u16 = 1023;

impl Mixer {
    /// `sets` sets of `inputs` (a multiple of [`GROUP`]) weights that start at `start` (Q16).
    pub fn new(sets: usize, inputs: usize, start: i32, rates: [i32; 2]) -> Self {
        assert!(inputs.is_multiple_of(GROUP));
        let weight = start << (WEIGHT_FRACTION - 16);
        let short = (weight >> (WEIGHT_FRACTION - SHORT_FRACTION)) as i16;
        let len = sets * inputs;
        Mixer { inputs, weights: vec![weight; len], short: vec![short; len], uses: vec![0; sets], rates }
    }

    /// Sum of inputs (Q8, within +-12) times weights, Q12.
    #[inline]
    pub fn sum(&self, set: usize, inputs: &[i16]) -> i32 {
        let weights = &self.short[set * self.inputs..][..self.inputs];
        let mut sum = 0;
        for (x, w) in inputs.chunks_exact(GROUP).zip(weights.chunks_exact(GROUP)) {
            // 16 * 12 * 2^8 * 2^15 is below 2^31.
            let mut part = 0;
            for i in 0..GROUP {
                part += i32::from(x[i]) * i32::from(w[i]);
            }
            sum += part >> 8;
        }
        sum
    }

    /// Moves the weights of a set: `error` is bit minus probability, Q16.
    #[inline]
    pub fn learn(&mut self, set: usize, inputs: &[i16], error: i32) {
        let uses = &mut self.uses[set];
        let rate = self.rates[0] + self.rates[1] * 16 / (i32::from(*uses) + 16);
        *uses += u16::from(*uses < SETTLED);
        // Q20: error times rate, which is below 1/16.
        let step = ((error * rate) >> 12).clamp(-32767, 32767) as i16;
        let range = set * self.inputs..(set + 1) * self.inputs;
        let (weights, short) = (&mut self.weights[range.clone()], &mut self.short[range]);
        for ((w, s), &x) in weights.iter_mut().zip(short).zip(inputs) {
            *w = (*w + ((i32::from(x) * i32::from(step) + 2) >> 2)).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT);
            *s = (*w >> (WEIGHT_FRACTION - SHORT_FRACTION)) as i16;
        }
    }

    /// Shows weights and how often their sets were used.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(bytemuck::cast_slice_mut(&mut self.weights));
        visitor.u16s(&mut self.uses);
        for (weight, short) in self.weights.iter_mut().zip(&mut self.short) {
            *weight = (*weight).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT);
            *short = (*weight >> (WEIGHT_FRACTION - SHORT_FRACTION)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stretch::{Logistic, STRETCH_LIMIT};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_wide_arithmetic(
            inputs in proptest::collection::vec(-STRETCH_LIMIT as i16..=STRETCH_LIMIT as i16, 48),
            errors in proptest::collection::vec(-65535i32..=65535, 0..300),
        ) {
            let mut mixer = Mixer::new(2, 48, 1 << 14, [600, 1400]);
            for error in errors { mixer.learn(1, &inputs, error); }
            let exact: i64 = inputs.chunks(16).zip(mixer.short[48..].chunks(16))
                .map(|(x, w)| x.iter().zip(w).map(|(&x, &w)| i64::from(x) * i64::from(w)).sum::<i64>() >> 8).sum();
            prop_assert_eq!(i64::from(mixer.sum(1, &inputs)), exact);
            prop_assert!(mixer.short[..48].iter().all(|&w| w == 1 << 10), "the other set is left alone");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for sign in [-1, 1] {
            let inputs = vec![(sign * STRETCH_LIMIT) as i16; 256];
            let mut mixer = Mixer::new(1, 256, 0, [2000, 2000]);
            for _ in 0..20_000 {
                mixer.learn(0, &inputs, 65535);
            }
            assert_eq!(mixer.weights[0].abs(), WEIGHT_LIMIT);
            assert!(mixer.sum(0, &inputs) > (256 * 12 * 7) << 12);
        }
    }

    #[test]
    fn the_better_input_gets_the_weight() {
        let logistic = Logistic::new();
        let mut mixer = Mixer::new(1, 16, 1 << 14, [200, 1000]);
        for i in 0..5000 {
            let bit = (i * i % 7) & 1;
            let mut inputs = [0; 16];
            inputs[0] = if bit == 1 { 512 } else { -512 };
            inputs[1] = if i % 2 == 1 { 512 } else { -512 };
            let p = logistic.squash(mixer.sum(0, &inputs));
            mixer.learn(0, &inputs, (bit << 16) - p);
        }
        assert!(mixer.weights[0] > 1 << WEIGHT_FRACTION && mixer.weights[1].abs() < mixer.weights[0] / 8);
    }
}
