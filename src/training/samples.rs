//! Samples, divided into training and held-out ones, and cut into pieces.

/// The number of samples from which every tenth one is held out; of fewer, the last tenth of each is.
const MANY: usize = 20;
/// One part in this many is held out.
const HELD_OUT: usize = 10;
/// Shortest piece that a sample is cut into.
const SHORTEST_PIECE: usize = 4096;

/// Samples by their use, in their own order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Samples<'a> {
    /// Samples to learn from.
    pub training: Vec<&'a [u8]>,
    /// Samples to measure the loss on.
    pub held_out: Vec<&'a [u8]>,
}

impl<'a> Samples<'a> {
    /// Divides samples; empty ones are left out.
    pub fn divide(all: &[&'a [u8]]) -> Self {
        let all: Vec<&[u8]> = all.iter().copied().filter(|sample| !sample.is_empty()).collect();
        let mut samples = Samples::default();
        for (i, sample) in all.iter().enumerate() {
            let kept = match all.len() {
                MANY.. if i % HELD_OUT == HELD_OUT - 1 => 0,
                MANY.. => sample.len(),
                _ => sample.len() - sample.len() / HELD_OUT,
            };
            let (training, held_out) = sample.split_at(kept);
            samples.training.extend(Some(training).filter(|part| !part.is_empty()));
            samples.held_out.extend(Some(held_out).filter(|part| !part.is_empty()));
        }
        samples
    }
}

/// Returns the bytes of all parts.
pub fn total(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// Cuts parts into pieces, so that `streams` pieces at a time share the work evenly.
pub fn pieces<'a>(parts: &[&'a [u8]], streams: usize) -> Vec<&'a [u8]> {
    let longest = total(parts).div_ceil(streams).max(SHORTEST_PIECE);
    parts.iter().flat_map(|part| part.chunks(longest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_held_out() {
        let many: Vec<Vec<u8>> = (0..30).map(|i| vec![i; 5]).collect();
        let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
        let samples = Samples::divide(&many);
        assert_eq!((samples.training.len(), samples.held_out.len()), (27, 3));
        assert_eq!(samples.held_out[0], [9; 5]);
        let few: [&[u8]; 3] = [&[], &[1; 100], &[2; 9]];
        let samples = Samples::divide(&few);
        assert_eq!((samples.training, samples.held_out), (vec![&[1; 90][..], &[2; 9]], vec![&[1; 10][..]]));
    }

    #[test]
    fn pieces_share_the_work() {
        let (long, short) = (vec![1; 100_000], vec![2; 10]);
        let lengths = |streams| pieces(&[&long, &short], streams).iter().map(|p| p.len()).collect::<Vec<_>>();
        assert_eq!(lengths(1), [100_000, 10]);
        assert_eq!(lengths(4), [25_003, 25_003, 25_003, 24_991, 10]);
        assert_eq!(lengths(64).len(), 26);
    }
}
