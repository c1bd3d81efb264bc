//! Numbers of bytes as people write them.

use lockstep::archive::BLOCK_SIZES;

/// Parses `4096`, `64K`, `16M`, `1G` (also `16MiB`, `16MB`): powers of 1024.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err("a size is a number, with K, M or G behind it if need be".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a size starts with a number")?;
    number.checked_mul(1 << shift).ok_or_else(|| "this is more than can be counted".into())
}

/// Parses a size that a block may have.
pub fn parse_block_size(text: &str) -> Result<u32, String> {
    let size = u32::try_from(parse_size(text)?).unwrap_or(u32::MAX);
    if BLOCK_SIZES.contains(&size) { Ok(size) } else { Err("blocks have 1 byte to 1 GiB".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_suffixes() {
        for (text, size) in [("0", 0), ("4096", 4096), ("64K", 65536), ("2m", 2 << 20), ("3GiB", 3 << 30)] {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "M", "-1", "1.5M", "1T", "1 M", "99999999999G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(parse_block_size("1G"), Ok(1 << 30));
        assert!(parse_block_size("0").is_err() && parse_block_size("5G").is_err());
    }
}
