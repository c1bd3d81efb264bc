//! The checksum CRC-32 (ISO-HDLC, that of gzip and PNG).

#[cfg(not(target_family = "wasm"))]
pub use crc32fast::{Hasher, hash};
#[cfg(target_family = "wasm")]
pub use small::{Hasher, hash};

/// A slower implementation that keeps 15 kB of tables, which do not compress, out of the module that a page loads.
#[cfg(target_family = "wasm")]
mod small {
    use crc::{CRC_32_ISO_HDLC, Crc, Digest};

    static CRC_32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

    /// Computes a checksum in parts.
    pub struct Hasher(Digest<'static, u32>);

    impl Hasher {
        /// A checksum of no bytes.
        pub fn new() -> Self {
            Hasher(CRC_32.digest())
        }

        /// Adds bytes.
        pub fn update(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        /// Returns the checksum.
        pub fn finalize(self) -> u32 {
            self.0.finalize()
        }
    }

    /// Returns the checksum of bytes.
    pub fn hash(bytes: &[u8]) -> u32 {
        CRC_32.checksum(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_gzip_in_one_part_and_in_two() {
        assert_eq!(hash(b"123456789"), 0xcbf4_3926);
        let mut hasher = Hasher::new();
        hasher.update(b"1234");
        hasher.update(b"56789");
        assert_eq!(hasher.finalize(), 0xcbf4_3926);
    }
}
