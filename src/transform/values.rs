//! Tables of 32-bit values that come back: each value becomes its place in a list of all values so far.
//!
//! Tables of numbers, such as windows and bases of transforms, hold the same values again and again, but
//! in another order, often backwards or with the other sign. No context of bytes predicts the first bytes
//! of such a value, while its place in the list is near that of the value before.

use std::collections::{HashMap, HashSet};

use super::TransformError;

/// The bit of the sign in a 32-bit float.
const SIGN: u32 = 1 << 31;

/// Values that are enough to see whether they come back, and the least number of them.
const SAMPLE: usize = 1 << 16;
const LEAST: usize = 1 << 10;

/// Returns the number of values (u32), a code for each (u16, highest byte first), the new values without
/// their signs (u32, highest byte first), and the bytes behind the last whole value.
///
/// A code is 2k + sign. k is 0 for a new value, which is added to the list; otherwise the value is in the
/// list, d places behind the one that follows the last value's, and k is 2d + 1, or -2d if d is negative.
pub fn forward(raw: &[u8]) -> Vec<u8> {
    let values = values(raw);
    let tail = &raw[4 * values.len()..];
    let mut coded = (values.len() as u32).to_le_bytes().to_vec();
    let mut places = HashMap::new();
    let (mut new, mut expected) = (Vec::new(), 0i64);
    for value in values {
        let (size, sign) = (value & !SIGN, value / SIGN);
        let known =
            places.get(&size).and_then(|&place: &i64| Some((place, u16::try_from(2 * number(place - expected)).ok()?)));
        let (place, code) = known.unwrap_or_else(|| {
            let place = (new.len() / 4) as i64;
            new.extend_from_slice(&size.to_be_bytes());
            places.insert(size, place);
            (place, 0)
        });
        coded.extend_from_slice(&(code | sign as u16).to_be_bytes());
        expected = place + 1;
    }
    coded.extend_from_slice(&new);
    coded.extend_from_slice(tail);
    coded
}

/// Reverses [`forward`]; the result has at most `limit` bytes.
pub fn inverse(coded: &[u8], limit: usize) -> Result<Vec<u8>, TransformError> {
    let (&count, rest) = coded.split_first_chunk().ok_or(TransformError::Head)?;
    let count = u32::from_le_bytes(count) as usize;
    if count > limit / 4 {
        return Err(TransformError::TooLong);
    }
    let (codes, mut rest) = rest.split_at_checked(2 * count).ok_or(TransformError::Head)?;
    let (mut raw, mut list, mut expected) = (Vec::with_capacity(4 * count), Vec::new(), 0i64);
    for &code in codes.as_chunks().0 {
        let code = u16::from_be_bytes(code);
        let place = match code >> 1 {
            0 => {
                let (&size, others) = rest.split_first_chunk().ok_or(TransformError::Head)?;
                let size = u32::from_be_bytes(size);
                if size & SIGN != 0 {
                    return Err(TransformError::Code);
                }
                rest = others;
                list.push(size);
                list.len() as i64 - 1
            }
            number => expected + difference(number.into()),
        };
        let size = usize::try_from(place).ok().and_then(|place| list.get(place)).ok_or(TransformError::Code)?;
        raw.extend_from_slice(&(size | (u32::from(code & 1) * SIGN)).to_le_bytes());
        expected = place + 1;
    }
    if rest.len() > 3 {
        return Err(TransformError::Head);
    }
    if raw.len() + rest.len() > limit {
        return Err(TransformError::TooLong);
    }
    raw.extend_from_slice(rest);
    Ok(raw)
}

/// True if most values in the middle of the block come back, but seldom at once.
pub fn likely(raw: &[u8]) -> bool {
    let start = 4 * ((raw.len() / 4).saturating_sub(SAMPLE) / 2);
    let sample = values(&raw[start..raw.len().min(start + 4 * SAMPLE)]);
    let different: HashSet<u32> = sample.iter().map(|value| value & !SIGN).collect();
    let repeated = sample.windows(2).filter(|pair| pair[0] == pair[1]).count();
    sample.len() >= LEAST && different.len() <= sample.len() / 4 && repeated <= sample.len() / 8
}

fn values(raw: &[u8]) -> Vec<u32> {
    raw.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()
}

/// Maps 0, -1, 1, -2, ... to 1, 2, 3, 4, ...
fn number(difference: i64) -> i64 {
    if difference >= 0 { 2 * difference + 1 } else { -2 * difference }
}

/// Reverses [`number`].
fn difference(number: i64) -> i64 {
    if number % 2 == 1 { (number - 1) / 2 } else { -number / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tables_come_back(
            places in prop::collection::vec((0usize..40, any::<bool>()), 0..300),
            values in prop::collection::vec(any::<u32>(), 40),
            tail in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let table = places.iter().map(|&(place, negative)| values[place] ^ (u32::from(negative) * SIGN));
            let raw = [table.flat_map(u32::to_le_bytes).collect(), tail].concat();
            let coded = forward(&raw);
            prop_assert_eq!(inverse(&coded, raw.len()), Ok(raw.clone()));
            prop_assert!(raw.is_empty() || inverse(&coded, raw.len() - 1).is_err());
        }

        #[test]
        fn any_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0u32..60) {
            let _ = inverse(&bytes, 1000);
            let _ = inverse(&[&count.to_le_bytes()[..], &bytes].concat(), 1000);
        }
    }

    #[test]
    fn places_that_are_far_apart_are_new_values() {
        let far: Vec<u32> = (0..40_000).chain([0, 39_999, 39_998, 1 << 31]).collect();
        let raw: Vec<u8> = far.iter().flat_map(|value| value.to_le_bytes()).collect();
        let coded = forward(&raw);
        assert_eq!(coded.len(), 4 + 2 * far.len() + 4 * 40_001);
        assert_eq!(inverse(&coded, raw.len()), Ok(raw));
    }

    #[test]
    fn a_table_that_runs_backwards_is_near_its_expected_places() {
        let table: Vec<u32> = (0..1000u32).map(|i| i.wrapping_mul(0x9e37_79b9) & !SIGN).collect();
        let both = table.iter().chain(table.iter().rev());
        let raw: Vec<u8> = both.flat_map(|value| value.to_le_bytes()).collect();
        let coded = forward(&raw);
        // Two places before the one behind the last value's: k is 4.
        assert!(coded[4 + 2 * 1001..4 + 2 * 2000].chunks(2).all(|code| code == [0, 8]));
        let four_times = raw.repeat(2);
        assert!(likely(&four_times) && !likely(&raw) && !likely(&[0; 9000]));
    }
}
