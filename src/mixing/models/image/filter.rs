//! An adaptive linear filter over the neighbours, trained by normalised least mean squares.

use super::CHANNELS;
use super::neighbours::Neighbours;
use crate::state::Visitor;

/// Fraction bits of a prediction (Q2).
pub const PREDICTION_FRACTION: u32 = 2;
/// Fraction bits of a weight.
const WEIGHT_FRACTION: u32 = 16;
/// Largest magnitude of a weight: 16.
const WEIGHT_LIMIT: i64 = 16 << WEIGHT_FRACTION;
/// The number of inputs, each a difference of bytes.
const INPUTS: usize = 19;
/// The part of an error that one update corrects, Q14.
const RATE: i64 = 2000;
/// Added to the sum of the inputs' squares, by which an update is divided.
const LEAST_POWER: i64 = 1000;

/// The weights of each channel, and the current prediction.
#[derive(Clone, Default)]
pub struct Filter {
    /// Q16.
    weights: [[i32; INPUTS]; CHANNELS],
    inputs: [i32; INPUTS],
    /// The prediction without the weighted inputs, Q2.
    base: i32,
    /// Sum of the weighted inputs, Q2.
    sum: i32,
}

/// Returns the mean of the predictions from west and north, and the inputs: differences of the
/// neighbours from this mean and from each other.
#[inline(always)]
fn inputs(neighbours: &Neighbours) -> (i32, [i32; INPUTS]) {
    let Neighbours { channel, last, second, w, ww, n, nn, nw, ne, .. } = *neighbours;
    let (w2, n2) = (neighbours.w_second, neighbours.n_second);
    let correction = if channel == 0 { 0 } else { 2 * last - w.before - n.before };
    let base = (w.same + n.same + correction) >> 1;
    let Neighbours { nne, nnw, nww, nee, .. } = *neighbours;
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
    /// Predicts the next byte.
    #[inline(always)]
    pub fn predict(&mut self, neighbours: &Neighbours) {
        let (base, inputs) = inputs(neighbours);
        let weights = &self.weights[neighbours.channel];
        let products = inputs.iter().zip(weights).map(|(&x, &w)| i64::from(x) * i64::from(w));
        self.sum = (products.sum::<i64>() >> (WEIGHT_FRACTION - PREDICTION_FRACTION)) as i32;
        (self.base, self.inputs) = (base << PREDICTION_FRACTION, inputs);
    }

    /// Returns the prediction, Q2, 0..=1023.
    #[inline(always)]
    pub fn prediction(&self) -> usize {
        (self.base + self.sum).clamp(0, (256 << PREDICTION_FRACTION) - 1) as usize
    }

    /// Returns the prediction rounded down to a byte.
    #[inline(always)]
    pub fn byte(&self) -> usize {
        self.prediction() >> PREDICTION_FRACTION
    }

    /// Moves the weights towards the byte that was predicted.
    #[inline(always)]
    pub fn learn(&mut self, neighbours: &Neighbours, byte: u8) {
        let error = (i32::from(byte) << PREDICTION_FRACTION) - self.base - self.sum;
        let power = LEAST_POWER + self.inputs.iter().map(|&x| i64::from(x * x)).sum::<i64>();
        let step = (i64::from(error) * (RATE << 16)).div_euclid(power); // 16 more fraction bits than the weights
        for (w, &x) in self.weights[neighbours.channel].iter_mut().zip(&self.inputs) {
            *w = (i64::from(*w) + ((step * i64::from(x)) >> 16)).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
        }
    }

    /// Visits the weights.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(bytemuck::cast_slice_mut(self.weights.as_flattened_mut()));
        for weight in self.weights.as_flattened_mut() {
            *weight = (*weight).clamp(-WEIGHT_LIMIT as i32, WEIGHT_LIMIT as i32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::neighbours::Pixel;
    use super::*;
    use crate::numerics::generator::random_u64;

    /// Random neighbours; if `extreme`, each is 0 or 255.
    fn neighbours(number: u64, extreme: bool) -> Neighbours {
        let byte = |i: u64| {
            let byte = random_u64(7, 32 * number + i) as i32 & 255;
            if extreme { (byte & 1) * 255 } else { byte }
        };
        let pixel = |i: u64| Pixel { same: byte(2 * i), before: byte(2 * i + 1) };
        Neighbours {
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
            ..Neighbours::default()
        }
    }

    #[test]
    fn a_linear_function_of_the_neighbours_is_learned() {
        let mut filter = Filter::default();
        let mut errors = Vec::new();
        for number in 0..40_000 {
            let neighbours = neighbours(number, false);
            let Neighbours { w, ne, nn, nw, .. } = neighbours;
            let byte = (3 * w.same + 2 * ne.same + nn.same + 2 * nw.same) / 8;
            filter.predict(&neighbours);
            errors.push(filter.prediction().abs_diff(4 * byte as usize));
            filter.learn(&neighbours, byte as u8);
        }
        let mean = |errors: &[usize]| errors.iter().sum::<usize>() / errors.len();
        assert!(mean(&errors[..100]) > 60 && mean(&errors[39_000..]) < 4, "{}", mean(&errors[39_000..]));
    }

    #[test]
    fn predictions_from_extreme_neighbours_stay_in_range() {
        let mut filter = Filter::default();
        for number in 0..50_000 {
            let neighbours = neighbours(number, true);
            filter.predict(&neighbours);
            assert!(filter.prediction() < 1024 && filter.byte() < 256);
            // Always the value farther from the prediction.
            filter.learn(&neighbours, if filter.byte() < 128 { 255 } else { 0 });
        }
        let weights = filter.weights.as_flattened_mut();
        weights.iter_mut().for_each(|weight| *weight = WEIGHT_LIMIT as i32);
        for number in 0..1000 {
            let neighbours = neighbours(number, true);
            filter.predict(&neighbours);
            assert!(filter.prediction() < 1024);
            filter.learn(&neighbours, 0);
        }
    }
}
