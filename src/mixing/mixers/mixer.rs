//! Gated linear mixing in the logistic domain (Mahoney, PAQ7; Mattern 2013).
//!
//! A context selects one set of weights; the weighted sum of stretched
//! probabilities is squashed to a probability. Each weight moves down the
//! gradient of the coding cost: by its input times the error.

use crate::simd::AlignedBuffer;
use crate::simd::prefetch;
use crate::state::Visitor;

use super::super::prediction::{GROUP, MOST_INPUTS};

/// Fraction bits of a weight while it is learned (Q26).
const WEIGHT_FRACTION: u32 = 26;
/// Fraction bits of a weight in products, where it has 16 bits (Q12, within ±8).
const SHORT_FRACTION: u32 = 12;
/// Largest magnitude of a weight: 8.
const WEIGHT_LIMIT: i32 = (8 << WEIGHT_FRACTION) - 1;
/// Bits of a product that are dropped before the sum, so that the sum fits in 32 bits.
const PRODUCT_SHIFT: u32 = 5;

// A product is below 12 * 2^8 * 2^15 / 2^5, so a sum of at most 2^9 of them is below 2^31.
const _: () = assert!(MOST_INPUTS <= 1 << 9);

/// The weight sets of one selector.
#[derive(Clone)]
pub struct Mixer {
    inputs: usize,
    /// `[sets][inputs]`, Q26.
    weights: AlignedBuffer<i32>,
    /// How often each set was used, at most [`SETTLED`].
    uses: Vec<u16>,
    /// Learning rate by uses, Q16.
    rates: Vec<i32>,
}

/// Returns the sum (Q12) of inputs (Q8, within ±12) times weights.
#[inline(always)]
pub fn sum(weights: &[i32], inputs: &[i16]) -> i32 {
    let products = inputs
        .iter()
        .zip(weights)
        .map(|(&x, &w)| (i32::from(x) * (w >> (WEIGHT_FRACTION - SHORT_FRACTION))) >> PRODUCT_SHIFT);
    products.sum::<i32>() >> (8 - PRODUCT_SHIFT)
}

/// Returns a weight moved by a change (Q26).
#[inline(always)]
pub fn moved(weight: i32, change: i32) -> i32 {
    (weight + change).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT)
}

/// Hits of a set whose products are summed up exactly.
pub const CHUNK: usize = 16;
/// In a step a set moves by at most this many times the mean of its hits.
const MOST_HITS: usize = 32;
/// The largest learning rate, Q16.
const MOST_RATE: i32 = 2310;

// Neither the sum of a chunk nor a weight and the changes by all chunks, however many there are, exceed 32 bits.
const _: () = assert!(CHUNK as i64 * 3072 * 32768 + (1 << 20) < 1 << 31);
const _: () = assert!(MOST_HITS as i64 * 3072 * (65535 * MOST_RATE as i64 / (1 << 14)) + (9 << 26) < 1 << 31);

/// How a set with several hits in a step is moved.
#[derive(Clone, Copy)]
pub struct Move {
    /// Learning rate, Q16.
    rate: i32,
    /// Bits by which errors (Q16) times rates are shifted, so that a hit's step has 16 bits.
    step_shift: u32,
    /// Bits by which the sum of a chunk's inputs (Q8) times steps is shifted to the change of a weight (Q26). Of more
    /// than [`MOST_HITS`] hits each counts less.
    pub sum_shift: u32,
}

impl Move {
    fn new(rate: i32, hits: usize) -> Self {
        let step_shift = rate.ilog2() + 2;
        let halvings = hits.div_ceil(MOST_HITS).next_power_of_two().trailing_zeros();
        Move { rate, step_shift, sum_shift: 2 + 12 - step_shift + halvings }
    }

    /// Returns the step of a hit with an error (Q16).
    #[inline(always)]
    pub fn step(self, error: i32) -> i16 {
        ((error * self.rate) >> self.step_shift) as i16
    }
}

/// The number of uses after which a set learns at the final rate.
const SETTLED: u16 = 1023;

impl Mixer {
    /// Creates `sets` sets of `inputs` (a multiple of [`GROUP`]) weights with the value `start`
    /// (Q16). The learning rates (Q16) are the final one and what is added to it at first.
    pub fn new(sets: usize, inputs: usize, start: i32, [last, first]: [i32; 2]) -> Self {
        assert!(inputs.is_multiple_of(GROUP) && inputs <= MOST_INPUTS);
        let weight = start << (WEIGHT_FRACTION - 16);
        let mut weights = AlignedBuffer::zeros(sets * inputs);
        if weight != 0 {
            weights.fill(weight);
        }
        assert!(last + first <= MOST_RATE);
        let rates = (0..=i32::from(SETTLED)).map(|uses| last + first * 16 / (uses + 16)).collect();
        Mixer { inputs, weights, uses: vec![0; sets], rates }
    }

    /// Returns the weights of set 0.
    pub fn first_set(&self) -> &[i32] {
        &self.weights[..self.inputs]
    }

    /// Prefetches the weights of a set.
    #[inline(always)]
    pub fn prefetch(&self, set: usize) {
        prefetch(&self.uses, set);
        for line in self.weights[set * self.inputs..][..self.inputs].as_chunks::<GROUP>().0 {
            prefetch(line, 0);
        }
    }

    /// Copies another mixer's weights to a set that was never used.
    #[inline(always)]
    pub fn start_set(&mut self, set: usize, weights: &[i32]) {
        if self.uses[set] == 0 {
            self.weights[set * self.inputs..][..self.inputs].copy_from_slice(weights);
        }
    }

    /// Returns the sum (Q12) of inputs (Q8, within ±12) times the weights of a set.
    #[inline(always)]
    pub fn sum(&self, set: usize, inputs: &[i16]) -> i32 {
        sum(&self.weights[set * self.inputs..][..self.inputs], inputs)
    }

    /// Moves the weights of a set; `error` is the bit minus its probability, Q16.
    #[inline(always)]
    pub fn learn(&mut self, set: usize, inputs: &[i16], error: i32) {
        let uses = &mut self.uses[set];
        let rate = self.rates[usize::from(*uses)];
        *uses += u16::from(*uses < SETTLED);
        // Q20; below 2^15 because rates are below 2^12.
        let step = ((error * rate) >> 12).clamp(-32767, 32767);
        let weights = &mut self.weights[set * self.inputs..][..self.inputs];
        for (w, &x) in weights.iter_mut().zip(inputs) {
            *w = moved(*w, (i32::from(x) * step + 2) >> 2);
        }
    }

    /// Returns the weights of a set, or `start` if it was never used.
    #[inline(always)]
    pub fn set_or<'a>(&'a self, set: usize, start: &'a [i32]) -> &'a [i32] {
        if self.uses[set] == 0 { start } else { &self.weights[set * self.inputs..][..self.inputs] }
    }

    /// Returns the number of weights of a set.
    pub fn width(&self) -> usize {
        self.inputs
    }

    /// Returns the number of sets.
    pub fn sets(&self) -> usize {
        self.uses.len()
    }

    /// Returns how `hits` hits move a set.
    #[inline(always)]
    pub fn move_by(&self, set: usize, hits: usize) -> Move {
        Move::new(self.rates[usize::from(self.uses[set])], hits)
    }

    /// Returns the weights of a set, to be moved by `count` hits. A set that was never used begins at `start`.
    #[inline(always)]
    pub fn begin_moving(&mut self, set: usize, count: usize, start: Option<&[i32]>) -> &mut [i32] {
        let weights = &mut self.weights[set * self.inputs..][..self.inputs];
        if let Some(start) = start.filter(|_| self.uses[set] == 0) {
            weights.copy_from_slice(&start[..weights.len()]);
        }
        self.uses[set] = (usize::from(self.uses[set]) + count).min(SETTLED.into()) as u16;
        weights
    }

    /// Visits the weights and the number of uses of each set.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(bytemuck::cast_slice_mut(&mut self.weights));
        visitor.u16s(&mut self.uses);
        for uses in &mut self.uses {
            *uses = (*uses).min(SETTLED);
        }
        for weight in self.weights.iter_mut() {
            *weight = (*weight).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::logistic::{Logistic, STRETCH_LIMIT};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_equal_those_in_wider_integers(
            inputs in proptest::collection::vec(-STRETCH_LIMIT as i16..=STRETCH_LIMIT as i16, 48),
            errors in proptest::collection::vec(-65535i32..=65535, 0..300),
        ) {
            let mut mixer = Mixer::new(2, 48, 1 << 14, [600, 1000]);
            for error in errors { mixer.learn(1, &inputs, error); }
            let product = |(&x, &w): (&i16, &i32)| (i64::from(x) * i64::from(w >> 14)) >> 5;
            let exact: i64 = inputs.iter().zip(&mixer.weights[48..]).map(product).sum::<i64>() >> 3;
            prop_assert_eq!(i64::from(mixer.sum(1, &inputs)), exact);
            prop_assert!(mixer.weights[..48].iter().all(|&w| w == 1 << 24), "the other set does not change");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for sign in [-1, 1] {
            let inputs = vec![(sign * STRETCH_LIMIT) as i16; MOST_INPUTS];
            let mut mixer = Mixer::new(1, MOST_INPUTS, 0, [110, 2200]);
            for _ in 0..20_000 {
                mixer.learn(0, &inputs, 65535);
            }
            assert_eq!(mixer.weights[0].abs(), WEIGHT_LIMIT);
            assert!(mixer.sum(0, &inputs) > (MOST_INPUTS as i32 * 12 * 7) << 12);
        }
    }

    #[test]
    fn a_new_set_starts_with_the_weights_of_another() {
        let mut general = Mixer::new(1, 16, 1 << 14, [200, 1000]);
        general.learn(0, &[256; 16], 30000);
        let mut mixer = Mixer::new(2, 16, 0, [200, 1000]);
        mixer.start_set(1, general.first_set());
        assert_eq!((&mixer.weights[..16], &mixer.weights[16..]), (&[0; 16][..], &general.weights[..]));
        mixer.learn(1, &[256; 16], 30000);
        let learned = mixer.weights[16..].to_vec();
        mixer.start_set(1, general.first_set());
        assert_eq!(mixer.weights[16..], learned, "a set that was used keeps its weights");
    }

    #[test]
    fn the_better_input_gets_the_larger_weight() {
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
