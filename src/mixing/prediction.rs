//! The prediction of a bit by the models, which mixers weigh, and that of a symbol by a network.

/// The number of mixer inputs is a multiple of this, for vector instructions.
pub const GROUP: usize = 16;
/// Values of [`MixerContext::match_level`].
pub const MATCH_LEVELS: usize = 17;
/// The largest number of mixer inputs.
pub const MOST_INPUTS: usize = 160;

/// The models' prediction of a bit.
pub struct BitPrediction {
    /// Mixer inputs, Q8, within ±12; [`Components`](super::components::Components) defines their order.
    pub inputs: [i16; MOST_INPUTS],
    pub context: MixerContext,
}

/// The context of a bit, by which mixers select weights and refinements select their entries.
///
/// In an image, `last`, `second`, `classes` and `in_line` hold other values instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct MixerContext {
    /// Node in the tree of the byte's bits: 1 is the root, `2 * node + bit` a child; below 256.
    pub node: usize,
    /// Bits of the byte that are already known, 0..=7.
    pub bit_number: usize,
    /// The last byte.
    pub last: usize,
    /// The byte before the last one.
    pub second: usize,
    /// 1 + the match's length bucket if the match predicts this bit, else 0.
    pub match_level: usize,
    /// The network's stretched probability in whole units above -12, 0..=23; 0 without a network.
    pub network_level: usize,
    /// The number of contexts of order 2 and higher that have seen this node before, 0..=6.
    pub seen: usize,
    /// Classes of the last four bytes, two bits each.
    pub classes: usize,
    /// Bytes since the line began, at most 255.
    pub in_line: usize,
    /// The byte that the match expects, 0 without a match.
    pub expected: usize,
    /// The byte that is most probable for the network, 0 without a network.
    pub likeliest: usize,
    /// Bit history of the node in the context at [`WORD`](super::components::WORD).
    pub word_state: usize,
}

/// A network's prediction of a symbol.
pub struct NetworkPrediction<P> {
    /// The most probable symbol.
    pub likeliest: u8,
    /// Returns the probability that the bit below a node of the symbol's tree (root 1) is 1; Q16, 1..=65535.
    pub probability: P,
}

/// Returns a mixer input that is linear in the probability `p` (Q16): 4 · (p - 1/2) in Q8.
#[inline(always)]
pub fn linear(p: u32) -> i32 {
    (p as i32 - 32768) >> 6
}
