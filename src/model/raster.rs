//! The raster of an uncompressed image: the size of a pixel and of a row.

/// The geometry of an uncompressed image with one byte per colour channel.
///
/// `transform` detects it, `mixing` predicts with it, and a block stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raster {
    /// Bytes per pixel, that is channels: 1..=[`MOST_PIXEL`](Self::MOST_PIXEL).
    pub pixel: u8,
    /// Bytes per row: [`LEAST_ROW`](Self::LEAST_ROW)..=[`MOST_ROW`](Self::MOST_ROW).
    pub row: u32,
}

impl Raster {
    /// The largest number of bytes per pixel.
    pub const MOST_PIXEL: u8 = 4;
    /// The smallest number of bytes per row.
    pub const LEAST_ROW: u32 = 32;
    /// The largest number of bytes per row.
    pub const MOST_ROW: u32 = 1 << 16;
    /// The length of the stored form, in bytes.
    pub const LEN: usize = 5;

    /// Returns the stored form: the pixel size, then the row size as a little-endian u32.
    pub fn bytes(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.row.to_le_bytes();
        [self.pixel, a, b, c, d]
    }

    /// Parses the stored form; `None` if a value is out of range.
    pub fn read([pixel, a, b, c, d]: [u8; Self::LEN]) -> Option<Self> {
        let row = u32::from_le_bytes([a, b, c, d]);
        let valid = (1..=Self::MOST_PIXEL).contains(&pixel) && (Self::LEAST_ROW..=Self::MOST_ROW).contains(&row);
        valid.then_some(Raster { pixel, row })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rasters_in_range_are_parsed() {
        for raster in [Raster { pixel: 1, row: 32 }, Raster { pixel: 4, row: 1 << 16 }] {
            assert_eq!(Raster::read(raster.bytes()), Some(raster));
        }
        for (pixel, row) in [(0, 100), (5, 100), (3, 31), (3, (1 << 16) + 1), (3, u32::MAX)] {
            assert_eq!(Raster::read(Raster { pixel, row }.bytes()), None);
        }
    }
}
