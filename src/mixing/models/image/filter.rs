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
/// The largest number of bytes predicted at once that count fully.
const MOST_BYTES: i64 = 4;
/// Added to the sum of the inputs' squares, by which an update is divided.
const LEAST_POWER: i64 = 1000;

/// The weights of each channel.
#[derive(Clone, Default)]
pub struct Filter {
    /// Q16.
    weights: [[i32; INPUTS]; CHANNELS],
}

/// A prediction of the filter.
#[derive(Clone, Copy, Default)]
pub struct Filtered {
    channel: usize,
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
    pub fn predict(&self, neighbours: &Neighbours) -> Filtered {
        let (base, inputs) = inputs(neighbours);
        let channel = neighbours.channel;
        let products = inputs.iter().zip(&self.weights[channel]).map(|(&x, &w)| i64::from(x) * i64::from(w));
        let sum = (products.sum::<i64>() >> (WEIGHT_FRACTION - PREDICTION_FRACTION)) as i32;
        Filtered { channel, inputs, base: base << PREDICTION_FRACTION, sum }
    }

    /// Moves the weights towards the byte that was predicted.
    #[inline(always)]
    pub fn learn(&mut self, predicted: &Filtered, byte: u8) {
        let step = predicted.step(byte);
        for (w, &x) in self.weights[predicted.channel].iter_mut().zip(&predicted.inputs) {
            *w = (i64::from(*w) + ((step * i64::from(x)) >> 16)).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
        }
    }

    /// Moves the weights towards bytes that were predicted at once: those of a channel by the mean of what each byte
    /// asks for, times the number of bytes up to [`MOST_BYTES`].
    pub fn learn_all<'a>(&mut self, bytes: impl Iterator<Item = (&'a Filtered, u8)>) {
        let (mut sums, mut counts) = ([[0i64; INPUTS]; CHANNELS], [0; CHANNELS]);
        for (predicted, byte) in bytes {
            let step = predicted.step(byte);
            counts[predicted.channel] += 1;
            for (sum, &x) in sums[predicted.channel].iter_mut().zip(&predicted.inputs) {
                *sum += (step * i64::from(x)) >> 16;
            }
        }
        for ((weights, sums), count) in self.weights.iter_mut().zip(sums).zip(counts) {
            for (w, sum) in weights.iter_mut().zip(sums).filter(|_| count > 0) {
                let change = (sum * count.min(MOST_BYTES)).div_euclid(count);
                *w = (i64::from(*w) + change).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32;
            }
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

impl Filtered {
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

    /// Returns by how much a weight moves for each unit of its input once the byte is known, Q32.
    #[inline(always)]
    fn step(&self, byte: u8) -> i64 {
        let error = (i32::from(byte) << PREDICTION_FRACTION) - self.base - self.sum;
        let power = LEAST_POWER + self.inputs.iter().map(|&x| i64::from(x * x)).sum::<i64>();
        (i64::from(error) * (RATE << 16)).div_euclid(power)
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
            let predicted = filter.predict(&neighbours);
            errors.push(predicted.prediction().abs_diff(4 * byte as usize));
            filter.learn(&predicted, byte as u8);
        }
        let mean = |errors: &[usize]| errors.iter().sum::<usize>() / errors.len();
        assert!(mean(&errors[..100]) > 60 && mean(&errors[39_000..]) < 4, "{}", mean(&errors[39_000..]));
    }

    #[test]
    fn predictions_from_extreme_neighbours_stay_in_range() {
        let mut filter = Filter::default();
        for number in 0..50_000 {
            let neighbours = neighbours(number, true);
            let predicted = filter.predict(&neighbours);
            assert!(predicted.prediction() < 1024 && predicted.byte() < 256);
            // Always the value farther from the prediction.
            filter.learn(&predicted, if predicted.byte() < 128 { 255 } else { 0 });
        }
        let weights = filter.weights.as_flattened_mut();
        weights.iter_mut().for_each(|weight| *weight = WEIGHT_LIMIT as i32);
        for number in 0..1000 {
            let neighbours = neighbours(number, true);
            let predicted = filter.predict(&neighbours);
            assert!(predicted.prediction() < 1024);
            filter.learn(&predicted, 0);
        }
    }

    #[test]
    fn bytes_at_once_move_the_weights_by_a_bounded_mean() {
        let mut filter = Filter::default();
        for number in 0..300 {
            let neighbours = neighbours(number, false);
            let predicted = filter.predict(&neighbours);
            let mut one = filter.clone();
            one.learn(&predicted, 77);
            for (count, times) in [(1, 1), (2, 2), (4, 4), (5, 4), (40, 4)] {
                let mut all = filter.clone();
                all.learn_all(std::iter::repeat_n((&predicted, 77), count));
                let moves = |after: &Filter| {
                    let weights = after.weights.as_flattened().iter().zip(filter.weights.as_flattened());
                    weights.map(|(a, b)| a - b).collect::<Vec<_>>()
                };
                assert_eq!(moves(&all), moves(&one).iter().map(|change| times * change).collect::<Vec<_>>());
            }
            filter = one;
        }
    }
}
