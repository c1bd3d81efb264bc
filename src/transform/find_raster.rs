//! Detects images without compression and finds their raster.

use crate::model::Raster;

/// Consecutive bytes that are compared with the bytes at a distance before them.
const PIECE: usize = 64;
/// The number of pieces in the coarse measurement and in the exact one.
const PIECES: [usize; 2] = [64, 1024];
/// The number of row lengths that are measured exactly.
const CANDIDATES: usize = 16;

/// Measures how much sampled bytes differ from the bytes at a distance before them.
struct Differences<'a> {
    raw: &'a [u8],
    /// Start of the first piece.
    start: usize,
    /// Distance between the starts of two pieces.
    stride: usize,
    pieces: usize,
}

impl<'a> Differences<'a> {
    /// Spreads at most `pieces` pieces evenly over the bytes from `start` to the end.
    fn new(raw: &'a [u8], start: usize, pieces: usize) -> Self {
        let pieces = pieces.min((raw.len() - start) / PIECE).max(1);
        Differences { raw, start, stride: (raw.len() - start) / pieces, pieces }
    }

    /// Returns the sum of absolute differences at a distance, scaled to `PIECE` pieces.
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

/// Returns the raster if the bytes look like an image of at least eight rows.
///
/// In an image, a byte is close to the same channel of the previous pixel and of the row
/// above: much closer than to the bytes at most other distances.
pub fn find_raster(raw: &[u8]) -> Option<Raster> {
    let longest = (raw.len() / 8).min(Raster::MOST_ROW as usize);
    let rows = Raster::LEAST_ROW as usize..=longest;
    if rows.is_empty() {
        return None;
    }
    let coarse = Differences::new(raw, longest, PIECES[0]);
    let mut usual: Vec<u64> = rows.clone().step_by(longest.div_ceil(64)).map(|row| coarse.at(row)).collect();
    usual.sort_unstable();
    let close = usual[usual.len() / 2] / 2;
    let exact = Differences::new(raw, longest, PIECES[1]);
    let pixel = find_pixel(&exact);
    let across = coarse.at(pixel);
    if across > close {
        return None;
    }
    let mut candidates: Vec<(u64, usize)> = rows.map(|row| (coarse.at(row), row)).collect();
    candidates.sort_unstable();
    let (difference, row) = candidates.iter().take(CANDIDATES).map(|&(_, row)| (exact.at(row), row)).min()?;
    // The ordinary contexts predict exact repetitions better than those of an image do.
    (difference <= close && 8 * difference > across).then_some(Raster { pixel: pixel as u8, row: row as u32 })
}

/// Returns the pixel size: the distance with a smaller difference than both neighbouring
/// distances, because channels differ from each other; 1 if there is none.
fn find_pixel(differences: &Differences<'_>) -> usize {
    let at: Vec<u64> = (0..=usize::from(Raster::MOST_PIXEL) + 1).map(|distance| differences.at(distance)).collect();
    let minima = (2..=usize::from(Raster::MOST_PIXEL)).filter(|&d| at[d] < at[d - 1] && at[d] < at[d + 1]);
    minima.min_by_key(|&d| at[d]).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::generator::random_u64;

    /// An image with a random shade every 16 pixels, interpolated, with a little noise; each
    /// channel is lighter than the one before it.
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
            let found = find_raster(&image(pixel, row, rows));
            assert_eq!(found, Some(Raster { pixel: pixel as u8, row: row as u32 }));
        }
    }

    #[test]
    fn other_data_is_not_taken_for_an_image() {
        let noise: Vec<u8> = (0..100_000).map(|i| random_u64(1, i) as u8).collect();
        let text: Vec<u8> = (0..100_000).map(|i| b"the sea of tales "[random_u64(2, i / 4) as usize % 17]).collect();
        for raw in [&noise[..], &text, &[], &[7; 200], &noise[..300]] {
            assert_eq!(find_raster(raw), None);
        }
        assert_eq!(find_raster(include_bytes!("find_raster.rs")), None);
    }
}
