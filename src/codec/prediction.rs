//! What the model predicts, for callers that show it to people.

use crate::coder::PROBABILITY_BITS;
use crate::engine::INACTIVE;
use crate::numerics::softmax::SYMBOLS;
use crate::transform::Transform;

/// The most symbols that a prediction shows.
const MOST_SYMBOLS: usize = 96;

/// What the model predicted for the symbols that one stream coded last.
///
/// A monitor receives it while a job runs, if it asks for it ([`Monitor`](crate::Monitor)). Nothing
/// of it reaches the archive.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// The transform of the block. With [`Transform::None`] symbols are bytes of the content, else
    /// what the transform makes of them.
    pub transform: Transform,
    /// The symbols coded last, at most 96, oldest first; never empty.
    pub symbols: Vec<u8>,
    /// The cost of each of these symbols in bits.
    pub costs: Vec<f32>,
    /// The probabilities that the network alone gave to the 256 values of the last symbol, before it
    /// was known; `None` if there is no network.
    pub network: Option<Vec<f32>>,
}

/// Pairs targets, `[steps][streams]`, with their streams.
pub fn by_stream(targets: &[u16], streams: usize) -> impl Iterator<Item = (usize, u16)> {
    targets.iter().enumerate().map(move |(i, &target)| (i % streams, target))
}

/// Records the costs of a segment's symbols, when a monitor has asked for them.
#[derive(Default)]
pub struct Recorder {
    is_on: bool,
    /// The cost of each symbol of the segment so far, in bits.
    costs: Vec<f32>,
    /// Bits of the last symbol so far.
    bits: u32,
}

impl Recorder {
    /// Says whether the next segment is recorded.
    pub fn begin(&mut self, is_on: bool) {
        *self = Recorder { is_on, ..Recorder::default() };
    }

    /// Takes note of a bit that was coded; `probability` is that of a 1, Q16.
    #[inline(always)]
    pub fn bit(&mut self, bit: bool, probability: u32) {
        if self.is_on {
            self.add(bit, probability);
        }
    }

    #[cold]
    fn add(&mut self, bit: bool, probability: u32) {
        let whole = 1 << PROBABILITY_BITS;
        let of_bit = if bit { probability } else { whole - probability };
        let cost = PROBABILITY_BITS as f32 - (of_bit as f32).log2();
        match self.costs.last_mut().filter(|_| self.bits < 8) {
            Some(last) => (*last, self.bits) = (*last + cost, self.bits + 1),
            None => {
                self.costs.push(cost);
                self.bits = 1;
            }
        }
    }

    /// Ends the segment, if it is recorded, and returns what it showed. Takes the stream and the target of all that
    /// was recorded, in order, and the weights by which the network predicted the last symbol of the first stream, if
    /// there is a network.
    pub fn end(
        &self,
        transform: Transform,
        targets: impl Iterator<Item = (usize, u16)>,
        weights: Option<&[u32]>,
    ) -> Option<Prediction> {
        if !self.is_on {
            return None;
        }
        let coded = targets.filter(|&(_, target)| target != INACTIVE).zip(&self.costs);
        let first_stream = coded.filter(|&((stream, _), _)| stream == 0);
        let (mut symbols, mut costs): (Vec<u8>, Vec<f32>) =
            first_stream.map(|((_, target), &cost)| (target as u8, cost)).unzip();
        let old = symbols.len().saturating_sub(MOST_SYMBOLS);
        symbols.drain(..old);
        costs.drain(..old);
        let network = weights.map(|weights| {
            let weights = &weights[..SYMBOLS];
            let sum: f32 = weights.iter().map(|&weight| weight as f32).sum();
            weights.iter().map(|&weight| weight as f32 / sum).collect()
        });
        (!symbols.is_empty()).then_some(Prediction { transform, symbols, costs, network })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_streams_symbols_and_costs_are_recorded() {
        let mut recorder = Recorder::default();
        recorder.begin(true);
        // Two streams: every bit of the first costs 1, every bit of the second 2; the second ends early.
        let targets = [7, 8, 9, INACTIVE];
        for probability in [1 << 15, 3 << 14, 1 << 15] {
            (0..8).for_each(|_| recorder.bit(false, probability));
        }
        let mut weights = [1; SYMBOLS];
        weights[9] = 257;
        let prediction = recorder.end(Transform::None, by_stream(&targets, 2), Some(&weights)).unwrap();
        assert_eq!((&prediction.symbols[..], &prediction.costs[..]), (&[7, 9][..], &[8.0, 8.0][..]));
        assert_eq!(prediction.network.unwrap()[8..10], [1.0 / 512.0, 257.0 / 512.0]);
    }

    #[test]
    fn nothing_is_recorded_unless_it_is_asked_for() {
        let mut recorder = Recorder::default();
        recorder.bit(true, 1);
        assert!(recorder.end(Transform::None, by_stream(&[1], 1), None).is_none() && recorder.costs.is_empty());
    }
}
