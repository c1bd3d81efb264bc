//! Images: how many bytes make a pixel, and how many a row.

use super::TransformError;

/// The raster of an image without compression: bytes of a pixel, a byte a channel, and bytes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raster {
    /// 1..=[`MOST_PIXEL`](Self::MOST_PIXEL).
    pub pixel: u8,
    /// From [`LEAST_ROW`](Self::LEAST_ROW) on, at most [`MOST_ROW`](Self::MOST_ROW).
    pub row: u32,
}

/// Bytes that are compared with those at a distance, all in a row.
const PIECE: usize = 64;
/// Pieces for a first look, and for a second one.
const PIECES: [usize; 2] = [64, 1024];
/// Distances that get a second look.
const CANDIDATES: usize = 16;

/// How much the bytes of some pieces differ from those at a distance before them.
struct Differences<'a> {
    raw: &'a [u8],
    /// The first byte of the first piece, and how far apart pieces begin.
    start: usize,
    stride: usize,
    pieces: usize,
}

impl<'a> Differences<'a> {
    /// Of pieces all over the bytes from `start` on.
    fn new(raw: &'a [u8], start: usize, pieces: usize) -> Self {
        let pieces = pieces.min((raw.len() - start) / PIECE).max(1);
        Differences { raw, start, stride: (raw.len() - start) / pieces, pieces }
    }

    /// The sum for a distance, per `PIECE` pieces.
    fn at(&self, distance: usize) -> u64 {
        let difference = |(&a, &b): (&u8, &u8)| u32::from(a.abs_diff(b));
        let pieces = (0..self.pieces).map(|piece| {
            let at = self.start + piece * self.stride;
            let end = self.raw.len().min(at + PIECE);
            self.raw[at..end].iter().zip(&self.raw[at - distance..]).map(difference).sum::<u32>()
        });
        pieces.map(u64::from).sum::<u64>() * PIECE as u64 / self.pieces as u64
    }
}

impl Raster {
    /// Most bytes of a pixel.
    pub const MOST_PIXEL: u8 = 4;
    /// Fewest bytes of a row.
    pub const LEAST_ROW: u32 = 32;
    /// Most bytes of a row.
    pub const MOST_ROW: u32 = 1 << 16;
    /// Bytes that tell it.
    pub const LEN: usize = 5;

    /// Its form in a block: the pixel, then the row.
    pub fn bytes(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.row.to_le_bytes();
        [self.pixel, a, b, c, d]
    }

    /// The inverse.
    pub fn read([pixel, a, b, c, d]: [u8; Self::LEN]) -> Result<Self, TransformError> {
        let row = u32::from_le_bytes([a, b, c, d]);
        let right = (1..=Self::MOST_PIXEL).contains(&pixel) && (Self::LEAST_ROW..=Self::MOST_ROW).contains(&row);
        if right { Ok(Raster { pixel, row }) } else { Err(TransformError::Head) }
    }

    /// Finds the raster of what may be an image of eight rows or more.
    ///
    /// In an image, bytes are near those of the pixel before and of the row above, much
    /// nearer than those at most distances.
    pub fn find(raw: &[u8]) -> Option<Self> {
        let longest = (raw.len() / 8).min(Self::MOST_ROW as usize);
        let rows = Self::LEAST_ROW as usize..=longest;
        if rows.is_empty() {
            return None;
        }
        let differences = Differences::new(raw, longest, PIECES[0]);
        let mut usual: Vec<u64> = rows.clone().step_by(longest.div_ceil(64)).map(|row| differences.at(row)).collect();
        usual.sort_unstable();
        let near = usual[usual.len() / 2] / 2;
        let exact = Differences::new(raw, longest, PIECES[1]);
        let pixel = Self::find_pixel(&exact);
        let across = differences.at(pixel);
        if across > near {
            return None;
        }
        let mut candidates: Vec<(u64, usize)> = rows.map(|row| (differences.at(row), row)).collect();
        candidates.sort_unstable();
        let best = candidates.iter().take(CANDIDATES).map(|&(_, row)| (exact.at(row), row)).min()?;
        let (difference, row) = best;
        // What comes back exactly at a distance is better served by other contexts.
        (difference <= near && 8 * difference > across).then_some(Raster { pixel: pixel as u8, row: row as u32 })
    }

    /// The distance at which bytes are nearer than at its neighbours: colours differ
    /// from each other. 1 if there is none.
    fn find_pixel(differences: &Differences<'_>) -> usize {
        let at: Vec<u64> = (0..=usize::from(Self::MOST_PIXEL) + 1).map(|distance| differences.at(distance)).collect();
        let nearest = (2..=usize::from(Self::MOST_PIXEL)).filter(|&d| at[d] < at[d - 1] && at[d] < at[d + 1]);
        nearest.min_by_key(|&d| at[d]).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;

    /// Shades at random every 16 pixels, soft in between, with a little noise, each channel
    /// lighter than the one before.
    fn image(pixel: usize, row: usize, rows: usize) -> Vec<u8> {
        let shade = |x: usize, y: usize| random_u64(5, (y / 16 * 10_000 + x / 16) as u64) as usize % 160;
        let between = |a: usize, b: usize, part: usize| (a * (16 - part) + b * part) / 16;
        let byte = |i: usize| {
            let (x, y, channel) = (i % row / pixel, i / row, i % row % pixel);
            let [above, below] = [y, y + 16].map(|y| between(shade(x, y), shade(x + 16, y), x % 16));
            (between(above, below, y % 16) + 20 * channel) as u8 + (random_u64(3, i as u64) % 5) as u8
        };
        (0..row * rows).map(byte).collect()
    }

    #[test]
    fn rasters_are_found() {
        for (pixel, row, rows) in [(3, 600, 200), (3, 1354, 40), (1, 300, 100), (4, 4096, 16), (3, 15_000, 12)] {
            let found = Raster::find(&image(pixel, row, rows));
            assert_eq!(found, Some(Raster { pixel: pixel as u8, row: row as u32 }));
        }
    }

    #[test]
    fn other_bytes_are_no_images() {
        let noise: Vec<u8> = (0..100_000).map(|i| random_u64(1, i) as u8).collect();
        let text: Vec<u8> = (0..100_000).map(|i| b"the sea of tales "[random_u64(2, i / 4) as usize % 17]).collect();
        for raw in [&noise[..], &text, &[], &[7; 200], &noise[..300]] {
            assert_eq!(Raster::find(raw), None);
        }
        assert_eq!(Raster::find(include_bytes!("raster.rs")), None);
    }

    #[test]
    fn only_rasters_in_range_are_read() {
        for raster in [Raster { pixel: 1, row: 32 }, Raster { pixel: 4, row: 1 << 16 }] {
            assert_eq!(Raster::read(raster.bytes()), Ok(raster));
        }
        for (pixel, row) in [(0, 100), (5, 100), (3, 31), (3, (1 << 16) + 1), (3, u32::MAX)] {
            assert!(Raster::read(Raster { pixel, row }.bytes()).is_err());
        }
    }
}
