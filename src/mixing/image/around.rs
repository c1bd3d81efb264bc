//! The bytes around the next one of an image.

use super::super::matching::Past;
use super::super::stream::Stream;
use super::{CHANNELS, CONTEXTS};
use crate::model::Raster;

/// What a neighbour has: the byte of the same channel, and the channel before it.
///
/// In the first channel of a pixel that is the last one of the pixel before.
#[derive(Clone, Copy, Default)]
pub struct Pixel {
    pub same: i32,
    pub before: i32,
}

/// The bytes around the next one, by points of the compass: all are known.
#[derive(Clone, Copy, Default)]
pub struct Around {
    /// The byte's place in its pixel.
    pub channel: usize,
    /// How much the neighbours differ: 0..=1275.
    pub texture: u32,
    /// The last byte and the one before it.
    pub last: i32,
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
    /// Two channels before that of the neighbours.
    pub w_second: i32,
    pub n_second: i32,
    pub nw_second: i32,
}

/// Within a byte.
fn byte(x: i32) -> u64 {
    x.clamp(0, 255) as u64
}

/// A difference in 17 steps: its sign and the logarithm of its size.
fn step(x: i32) -> u64 {
    (16 + x.signum() * x.unsigned_abs().max(1).ilog2() as i32) as u64
}

/// Several numbers below 2^9 as one.
fn join<const N: usize>(numbers: [u64; N]) -> u64 {
    numbers.into_iter().fold(0, |joined, number| joined << 9 | number)
}

impl Around {
    /// Looks at a stream's past; its next byte has a place in the block.
    #[inline(always)]
    pub fn new(raster: Raster, place: u32, stream: &Stream, past: &Past) -> Self {
        let (pixel, row) = (u32::from(raster.pixel), raster.row);
        let at = |n: u32| stream.back(past, n) as i32;
        let pixel_at = |n: u32| Pixel { same: at(n), before: at(n + 1) };
        let mut around = Around {
            channel: (place % row % pixel) as usize,
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
        let Around { w, n, nw, ne, .. } = around;
        let differences = [w.same - n.same, w.same - nw.same, n.same - nw.same, n.same - ne.same, around.last_off()];
        around.texture = differences.map(i32::unsigned_abs).iter().sum();
        around
    }

    /// How far the last byte is from its gradient.
    fn last_off(&self) -> i32 {
        self.last - byte(self.w.before + self.n.before - self.nw.before) as i32
    }

    /// The same in steps.
    pub fn surprise(&self) -> usize {
        step(self.last_off()) as usize
    }

    /// The byte's gradient, moved as the last byte was off its own.
    pub fn gradient_of_colours(&self) -> usize {
        let Around { w, n, nw, last, .. } = *self;
        byte(w.same + n.same - nw.same + last - (w.before + n.before - nw.before)) as usize
    }

    /// What contexts are made of, the best first; `prediction` is the filter's, `predicted` the byte of it.
    #[inline(always)]
    pub fn contents(&self, prediction: usize, predicted: usize) -> [u64; CONTEXTS] {
        let Around { last, second, .. } = *self;
        let [w, ww, n, nn, nw, ne] = [self.w, self.ww, self.n, self.nn, self.nw, self.ne].map(|pixel| pixel.same);
        let [w1, n1, nw1, ne1] = [self.w, self.n, self.nw, self.ne].map(|pixel| pixel.before);
        let Around { nne, nww, nee, .. } = *self;
        let (predicted, wide, colours) =
            (predicted as u64, (prediction as u64) << 9, self.gradient_of_colours() as u64);
        let gradient = byte(w + n - nw);
        let (from_w, from_n) = (byte(w + last - w1), byte(n + last - n1));
        let bytes = |numbers: [i32; 2]| join(numbers.map(|x| x as u64));
        let mut contents = [
            wide,
            join([predicted, last as u64 / 8]),
            join([colours, step(w - nw)]),
            from_n,
            from_w,
            bytes([w, n]),
            bytes([w, last]),
            join([gradient, step(self.last_off())]),
            predicted,
            colours,
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
            join([colours, second as u64]),
            byte((nw + nww + ne + nee + 2) / 4),
            join([last, second, self.n_second].map(|x| x as u64)),
            byte(w + last - w1 + ((n - nw - n1 + nw1) >> 1)),
            bytes([w, ww]),
        ];
        contents.iter_mut().for_each(|content| *content = *content * CHANNELS as u64 + self.channel as u64);
        contents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_where_the_raster_says() {
        let raster = Raster { pixel: 3, row: 33 };
        let (mut past, mut stream) = (Past::new(10), Stream::new(1));
        // Bytes that tell their column and their row.
        for i in 0..5 * 33 + 16 {
            stream.update(&mut past, (i % 33 * 7 + i / 33) as u8);
        }
        let at = |column: i32, row: i32| column * 7 + row;
        let around = Around::new(raster, 5 * 33 + 16, &stream, &past);
        assert_eq!((around.channel, around.last, around.second), (1, at(15, 5), at(14, 5)));
        let pixels = [around.w, around.ww, around.n, around.nn, around.nw, around.ne];
        let places = [(13, 5), (10, 5), (16, 4), (16, 3), (13, 4), (19, 4)];
        for (pixel, (column, row)) in pixels.into_iter().zip(places) {
            assert_eq!((pixel.same, pixel.before), (at(column, row), at(column - 1, row)));
        }
        let Around { nne, nnw, nww, nee, .. } = around;
        assert_eq!([nne, nnw, nww, nee], [at(19, 3), at(13, 3), at(10, 4), at(22, 4)]);
        let seconds = [around.w_second, around.n_second, around.nw_second];
        assert_eq!(seconds, [at(11, 5), at(14, 4), at(11, 4)]);
        // On a plane every gradient is right.
        let next = at(16, 5) as usize;
        assert_eq!((around.gradient_of_colours(), around.surprise()), (next, 16));
        assert_eq!(around.contents(4 * next, next)[9] / CHANNELS as u64, next as u64);
    }

    #[test]
    fn before_the_start_there_is_nothing() {
        let around = Around::new(Raster { pixel: 4, row: 1 << 16 }, 0, &Stream::new(5), &Past::new(10));
        assert_eq!((around.texture, around.gradient_of_colours()), (0, 0));
    }
}
