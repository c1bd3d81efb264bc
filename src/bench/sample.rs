//! Generated text to measure with where no file is given; the same everywhere.

use crate::numerics::generator::random_u64;

/// Returns sentences of generated words, common ones more often than rare ones.
pub fn sample_text(len: usize) -> Vec<u8> {
    const SYLLABLES: [&str; 16] =
        ["an", "ber", "co", "den", "el", "fi", "gra", "ho", "in", "ju", "ka", "lo", "men", "no", "or", "pe"];
    let mut text = Vec::with_capacity(len + 64);
    let mut draws = (0..).map(|index| random_u64(2026, index));
    let mut next = |below: u64| ((draws.next().unwrap_or(0) >> 32) * below) >> 32;
    while text.len() < len {
        for word in 0..5 + next(12) {
            if word > 0 {
                text.push(b' ');
            }
            // The product of two draws makes low numbers common.
            let mut name = next(40) * next(50);
            loop {
                text.extend_from_slice(SYLLABLES[name as usize % 16].as_bytes());
                name /= 16;
                if name == 0 {
                    break;
                }
            }
        }
        text.extend_from_slice(b".\n");
    }
    text.truncate(len);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_at_every_length() {
        let text = sample_text(10_000);
        assert_eq!(text.len(), 10_000);
        assert_eq!(sample_text(100), text[..100]);
        assert!(text.iter().all(|b| b" .\n".contains(b) || b.is_ascii_lowercase()));
    }
}
