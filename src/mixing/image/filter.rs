//! A prediction that learns: neighbours times weights, by normalised least mean squares.

use super::CHANNELS;
use super::around::Around;
use crate::state::Visitor;

/// Fraction bits of a prediction.
pub const PREDICTION_FRACTION: u32 = 2;
/// Fraction bits of a weight.
const WEIGHT_FRACTION: u32 = 16;
/// Largest magnitude of a weight: 16.
const WEIGHT_LIMIT: i64 = 16 << WEIGHT_FRACTION;
/// Inputs, each a difference of bytes.
const INPUTS: usize = 19;
/// The part of an error that the weights make up for, Q14.
const RATE: i64 = 2000;
/// What is added to the sum of the inputs' squares.
const LEAST_POWER: i64 = 1000;

/// The weights of each channel, and the prediction at hand.
#[derive(Clone, Default)]
pub struct Filter {
    /// Q16.
    weights: [[i32; INPUTS]; CHANNELS],
    inputs: [i32; INPUTS],
    /// What the weighted inputs are added to, and the sum before it is put into the range of a byte; Q2.
    base: i32,
    sum: i32,
}

/// The middle of the guesses from west and north, and how the neighbours differ from it and from each other.
#[inline(always)]
fn inputs(around: &Around) -> (i32, [i32; INPUTS]) {
    let Around { channel, last, second, w, ww, n, nn, nw, ne, .. } = *around;
    let (w2, n2) = (around.w_second, around.n_second);
    let moved = if channel == 0 { 0 } else { 2 * last - w.before - n.before };
    let base = (w.same + n.same + moved) >> 1;
    let Around { nne, nnw, nww, nee, .. } = *around;
    let same = [w.same, n.same, nw.same, ne.same, ww.same, nn.same, nne, nnw, nww, nee].map(|x| x - base);
    let before = [
        last - w.before,
        last - n.before,
        last - nw.before,
        n.before - nw.before,
        n.before - ne.before,
        w.before - ww.before,
        n.before - nn.before,
        second - w2,
        second - n2,
    ];
    let mut inputs = [0; INPUTS];
    inputs[..same.len()].copy_from_slice(&same);
    inputs[same.len()..].copy_from_slice(&before);
    (base, inputs)
}

impl Filter {
    /// Predicts the byte from what is around it.
    #[inline(always)]
    pub fn predict(&mut self, around: &Around) {
        let (base, inputs) = inputs(around);
        let products = inputs.iter().zip(&self.weights[around.channel]).map(|(&x, &w)| i64::from(x) * i64::from(w));
        self.sum = (products.sum::<i64>() >> (WEIGHT_FRACTION - PREDICTION_FRACTION)) as i32;
        (self.base, self.inputs) = (base << PREDICTION_FRACTION, inputs);
    }

    /// The prediction, Q2, 0..=1023.
    #[inline(always)]
    pub fn prediction(&self) -> usize {
        (self.base + self.sum).clamp(0, (256 << PREDICTION_FRACTION) - 1) as usize
    }

    /// The byte that it is in.
    #[inline(always)]
    pub fn byte(&self) -> usize {
        self.prediction() >> PREDICTION_FRACTION
    }

    /// Moves the weights towards the byte.
    #[inline(always)]
    pub fn learn(&mut self, around: &Around, byte: u8) {
        let error = (i32::from(byte) << PREDICTION_FRACTION) - self.base - self.sum;
        let power = LEAST_POWER + self.inputs.iter().map(|&x| i64::from(x * x)).sum::<i64>();
        let step = (i64::from(error) * (RATE << 16)).div_euclid(power); // Q16 more than the weights have
        for (w, &x) in self.weights[around.channel].iter_mut().zip(&self.inputs) {
            *w = (i64::from(*w) + ((step * i64::from(x)) >> 16)).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
        }
    }

    /// Shows the weights.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(bytemuck::cast_slice_mut(self.weights.as_flattened_mut()));
        for weight in self.weights.as_flattened_mut() {
            *weight = (*weight).clamp(-WEIGHT_LIMIT as i32, WEIGHT_LIMIT as i32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::around::Pixel;
    use super::*;
    use crate::numerics::generator::random_u64;

    /// Surroundings at random, all of them at the ends of their range if so wanted.
    fn around(number: u64, extreme: bool) -> Around {
        let byte = |i: u64| {
            let byte = random_u64(7, 32 * number + i) as i32 & 255;
            if extreme { (byte & 1) * 255 } else { byte }
        };
        let pixel = |i: u64| Pixel { same: byte(2 * i), before: byte(2 * i + 1) };
        Around {
            channel: number as usize % CHANNELS,
            last: byte(20),
            second: byte(21),
            w: pixel(0),
            ww: pixel(1),
            n: pixel(2),
            nn: pixel(3),
            nw: pixel(4),
            ne: pixel(5),
            nne: byte(22),
            nnw: byte(23),
            nww: byte(24),
            nee: byte(25),
            w_second: byte(26),
            n_second: byte(27),
            ..Around::default()
        }
    }

    #[test]
    fn what_follows_from_the_neighbours_is_learnt() {
        let mut filter = Filter::default();
        let mut errors = Vec::new();
        for number in 0..40_000 {
            let around = around(number, false);
            let byte = (3 * around.w.same + 2 * around.ne.same + around.nn.same + 2 * around.nw.same) / 8;
            filter.predict(&around);
            errors.push(filter.prediction().abs_diff(4 * byte as usize));
            filter.learn(&around, byte as u8);
        }
        let mean = |errors: &[usize]| errors.iter().sum::<usize>() / errors.len();
        assert!(mean(&errors[..100]) > 60 && mean(&errors[39_000..]) < 4, "{}", mean(&errors[39_000..]));
    }

    #[test]
    fn extremes_stay_in_range() {
        let mut filter = Filter::default();
        for number in 0..50_000 {
            let around = around(number, true);
            filter.predict(&around);
            assert!(filter.prediction() < 1024 && filter.byte() < 256);
            // The farther end, always.
            filter.learn(&around, if filter.byte() < 128 { 255 } else { 0 });
        }
        let weights = filter.weights.as_flattened_mut();
        weights.iter_mut().for_each(|weight| *weight = WEIGHT_LIMIT as i32);
        for number in 0..1000 {
            let around = around(number, true);
            filter.predict(&around);
            assert!(filter.prediction() < 1024);
            filter.learn(&around, 0);
        }
    }
}
