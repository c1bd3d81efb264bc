//! The bytes near the next byte of an image, and the contexts made from them.

use super::super::history::History;
use super::super::stream::Stream;
use super::{CHANNELS, CONTEXTS};
use crate::model::Raster;

/// A neighbouring pixel.
#[derive(Clone, Copy, Default)]
pub struct Pixel {
    /// The byte of the same channel.
    pub same: i32,
    /// The byte before it: the previous channel, or the last channel of the previous pixel.
    pub before: i32,
}

/// The bytes that are already coded near the next byte, named by compass directions: `nne` is
/// two rows up and one pixel to the right.
#[derive(Clone, Copy, Default)]
pub struct Neighbours {
    /// The next byte's channel.
    pub channel: usize,
    /// Sum of differences between neighbours, 0..=1275.
    pub texture: u32,
    /// The last byte.
    pub last: i32,
    /// The byte before the last one.
    pub second: i32,
    pub w: Pixel,
    pub ww: Pixel,
    pub n: Pixel,
    pub nn: Pixel,
    pub nw: Pixel,
    pub ne: Pixel,
    pub nne: i32,
    pub nnw: i32,
    pub nww: i32,
    pub nee: i32,
    /// The bytes two before those of the same channel.
    pub w_second: i32,
    pub n_second: i32,
    pub nw_second: i32,
}

/// Limits a number to the range of a byte.
fn byte(x: i32) -> u64 {
    x.clamp(0, 255) as u64
}

/// Quantises a difference to its sign and the logarithm of its magnitude; 16 is no difference.
fn step(x: i32) -> u64 {
    (16 + x.signum() * x.unsigned_abs().max(1).ilog2() as i32) as u64
}

/// Concatenates numbers below 2^9.
fn join<const N: usize>(numbers: [u64; N]) -> u64 {
    numbers.into_iter().fold(0, |joined, number| joined << 9 | number)
}

impl Neighbours {
    /// Collects the neighbours of a stream's next byte, which has the given offset in the block.
    #[inline(always)]
    pub fn new(raster: Raster, offset: u32, stream: &Stream, history: &History) -> Self {
        let (pixel, row) = (u32::from(raster.pixel), raster.row);
        let at = |n: u32| stream.back(history, n) as i32;
        let pixel_at = |n: u32| Pixel { same: at(n), before: at(n + 1) };
        let mut neighbours = Neighbours {
            channel: (offset % row % pixel) as usize,
            texture: 0,
            last: at(1),
            second: at(2),
            w: pixel_at(pixel),
            ww: pixel_at(2 * pixel),
            n: pixel_at(row),
            nn: pixel_at(2 * row),
            nw: pixel_at(row + pixel),
            ne: pixel_at(row - pixel),
            nne: at(2 * row - pixel),
            nnw: at(2 * row + pixel),
            nww: at(row + 2 * pixel),
            nee: at(row - 2 * pixel),
            w_second: at(pixel + 2),
            n_second: at(row + 2),
            nw_second: at(row + pixel + 2),
        };
        let Neighbours { w, n, nw, ne, .. } = neighbours;
        let differences =
            [w.same - n.same, w.same - nw.same, n.same - nw.same, n.same - ne.same, neighbours.last_error()];
        neighbours.texture = differences.map(i32::unsigned_abs).iter().sum();
        neighbours
    }

    /// Returns the difference of the last byte from its gradient.
    fn last_error(&self) -> i32 {
        self.last - byte(self.w.before + self.n.before - self.nw.before) as i32
    }

    /// Returns the difference of the last byte from its gradient, quantised, 9..=23.
    pub fn last_error_step(&self) -> usize {
        step(self.last_error()) as usize
    }

    /// Returns the next byte's gradient, corrected by the last byte's difference from its own.
    pub fn corrected_gradient(&self) -> usize {
        let Neighbours { w, n, nw, last, .. } = *self;
        byte(w.same + n.same - nw.same + last - (w.before + n.before - nw.before)) as usize
    }

    /// Returns the contents of the contexts, the best first. `prediction` is the filter's (Q2),
    /// `predicted` its byte.
    #[inline(always)]
    pub fn contexts(&self, prediction: usize, predicted: usize) -> [u64; CONTEXTS] {
        let Neighbours { last, second, .. } = *self;
        let [w, ww, n, nn, nw, ne] = [self.w, self.ww, self.n, self.nn, self.nw, self.ne].map(|pixel| pixel.same);
        let [w1, n1, nw1, ne1] = [self.w, self.n, self.nw, self.ne].map(|pixel| pixel.before);
        let Neighbours { nne, nww, nee, .. } = *self;
        let (predicted, corrected) = (predicted as u64, self.corrected_gradient() as u64);
        let gradient = byte(w + n - nw);
        let (from_w, from_n) = (byte(w + last - w1), byte(n + last - n1));
        let bytes = |numbers: [i32; 2]| join(numbers.map(|x| x as u64));
        let mut contexts = [
            (prediction as u64) << 9,
            join([predicted, last as u64 / 8]),
            join([corrected, step(w - nw)]),
            from_n,
            from_w,
            bytes([w, n]),
            bytes([w, last]),
            join([gradient, step(self.last_error())]),
            predicted,
            corrected,
            bytes([n, last]),
            gradient,
            bytes([(w + n) / 2, last / 4]),
            byte(w + ne - n),
            byte(n + ne - nne),
            byte((w + ne) / 2),
            join([byte((w + n + nw + ne + 2) / 4), step(w - n), step(nw - ne)]),
            join([from_n, from_w]),
            join([w, n, last].map(|x| x as u64)),
            byte((n + w + 2 * last - w1 - n1) >> 1),
            byte(w + n - nw + second - (self.w_second + self.n_second - self.nw_second)),
            bytes([n, nn]),
            byte(ne + last - ne1),
            join([byte((3 * (w + n) - 2 * nw) >> 2), step(w - ww)]),
            join([corrected, second as u64]),
            byte((nw + nww + ne + nee + 2) / 4),
            join([last, second, self.n_second].map(|x| x as u64)),
            byte(w + last - w1 + ((n - nw - n1 + nw1) >> 1)),
            bytes([w, ww]),
        ];
        contexts.iter_mut().for_each(|context| *context = *context * CHANNELS as u64 + self.channel as u64);
        contexts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_where_the_raster_says() {
        let raster = Raster { pixel: 3, row: 33 };
        let (mut history, mut stream) = (History::new(10), Stream::new(1));
        // Each byte encodes its column and its row.
        for i in 0..5 * 33 + 16 {
            stream.update(&mut history, (i % 33 * 7 + i / 33) as u8);
        }
        let at = |column: i32, row: i32| column * 7 + row;
        let found = Neighbours::new(raster, 5 * 33 + 16, &stream, &history);
        assert_eq!((found.channel, found.last, found.second), (1, at(15, 5), at(14, 5)));
        let pixels = [found.w, found.ww, found.n, found.nn, found.nw, found.ne];
        let positions = [(13, 5), (10, 5), (16, 4), (16, 3), (13, 4), (19, 4)];
        for (pixel, (column, row)) in pixels.into_iter().zip(positions) {
            assert_eq!((pixel.same, pixel.before), (at(column, row), at(column - 1, row)));
        }
        let Neighbours { nne, nnw, nww, nee, .. } = found;
        assert_eq!([nne, nnw, nww, nee], [at(19, 3), at(13, 3), at(10, 4), at(22, 4)]);
        let seconds = [found.w_second, found.n_second, found.nw_second];
        assert_eq!(seconds, [at(11, 5), at(14, 4), at(11, 4)]);
        // On a plane every gradient is exact.
        let next = at(16, 5) as usize;
        assert_eq!((found.corrected_gradient(), found.last_error_step()), (next, 16));
        assert_eq!(found.contexts(4 * next, next)[9] / CHANNELS as u64, next as u64);
    }

    #[test]
    fn neighbours_before_the_start_are_zero() {
        let found = Neighbours::new(Raster { pixel: 4, row: 1 << 16 }, 0, &Stream::new(5), &History::new(10));
        assert_eq!((found.texture, found.corrected_gradient()), (0, 0));
    }
}
