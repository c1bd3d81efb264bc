//! Sizes, ranges and parts as text.

use std::str::FromStr;
use std::time::Duration;

use lockstep::internals::archive::BLOCK_SIZES;

/// Part `part` of `parts`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub part: u64,
    pub parts: u64,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((part, parts)) if part >= 1 && part <= parts && parts <= 1 << 20 => Ok(Share { part, parts }),
            _ => Err("a share is I/N, such as 3/8: part 3 of 8".into()),
        }
    }
}

impl Share {
    /// Returns the offset and the length of this part of `len` bytes, cut at multiples of `size`;
    /// nothing if the part has no frame. An empty input has one frame.
    pub fn of(self, len: u64, size: u64) -> Option<(u64, u64)> {
        let frames = u128::from(len.div_ceil(size).max(1));
        let edge = |part: u64| (frames * u128::from(part) / u128::from(self.parts)) as u64;
        let (first, last) = (edge(self.part - 1), edge(self.part));
        let start = first.saturating_mul(size).min(len);
        (first < last).then(|| (start, last.saturating_mul(size).min(len) - start))
    }
}

/// A range of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    pub length: u64,
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (offset, length) = text.split_once(':').ok_or("a range is OFFSET:LENGTH, such as 3G:100M")?;
        Ok(Range { offset: parse_size(offset)?, length: parse_size(length)? })
    }
}

/// Parses a number of seconds.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "an interval is a number of seconds, such as 300".into())
}

/// Parses the size of a frame.
pub fn parse_frame_size(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("a frame has at least 1 byte".into()),
        size => Ok(size),
    }
}

/// Parses `4096`, `64K`, `16M`, `1G` (also `16MiB`, `16MB`): powers of 1024.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" => 0,
        "K" | "KB" | "KI" | "KIB" => 10,
        "M" | "MB" | "MI" | "MIB" => 20,
        "G" | "GB" | "GI" | "GIB" => 30,
        _ => return Err("a size is a number, which K, M or G may follow".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a size starts with a number")?;
    number.checked_mul(1 << shift).ok_or_else(|| "the size is too large".into())
}

/// Parses the size of a block.
pub fn parse_block_size(text: &str) -> Result<u32, String> {
    let size = u32::try_from(parse_size(text)?).unwrap_or(u32::MAX);
    if BLOCK_SIZES.contains(&size) { Ok(size) } else { Err("blocks have 1 byte to 1 GiB".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_everything_once() {
        for (len, size) in [(0, 5), (1, 5), (5, 5), (6, 5), (100, 7), (u64::MAX, 1 << 40)] {
            for parts in [1, 2, 3, 8] {
                let mut next = 0;
                for part in 1..=parts {
                    if let Some((start, length)) = (Share { part, parts }).of(len, size) {
                        assert_eq!(start, next, "{len} bytes, {part}/{parts}");
                        assert!(start % size == 0 && (length > 0 || len == 0));
                        next += length;
                    }
                }
                assert_eq!(next, len);
            }
        }
        for wrong in ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
        assert_eq!("1K:2M".parse(), Ok(Range { offset: 1024, length: 2 << 20 }));
        assert!("5".parse::<Range>().is_err() && parse_frame_size("0").is_err() && parse_seconds("-1").is_err());
    }

    #[test]
    fn sizes_have_suffixes() {
        for (text, size) in [("0", 0), ("4096", 4096), ("64K", 65536), ("2m", 2 << 20), ("3GiB", 3 << 30)] {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "M", "-1", "1.5M", "1T", "1 M", "1LiB", "1KBB", "99999999999G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(parse_block_size("1G"), Ok(1 << 30));
        assert!(parse_block_size("0").is_err() && parse_block_size("5G").is_err());
    }
}
