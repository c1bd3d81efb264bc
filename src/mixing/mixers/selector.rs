//! Selects a mixer's set of weights.

use super::super::prediction::{MATCH_LEVELS, MixerContext};

/// The part of the context that selects a set of weights.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// Nothing: there is one set.
    General,
    /// The node of the byte's tree.
    Node,
    /// The last byte.
    Last,
    /// The byte before the last one.
    Second,
    /// Length of the match that predicts the bit, and the bit's number.
    Match,
    /// The network's probability and the bit's number.
    Network,
    /// The number of contexts that have seen the node, and the bit's number.
    Seen,
    /// Position in the line.
    Line,
    /// The last byte and the node.
    LastNode,
    /// The byte before the last one and the node.
    SecondNode,
    /// Classes of the last four bytes and the bit's number.
    Classes,
    /// The bit history in the word's context.
    Word,
    /// The number of contexts that have seen the node, and the length of the match.
    SeenMatch,
    /// The byte that is most probable for the network, and the node.
    LikeliestNode,
}

impl Selector {
    /// Returns the number of sets.
    pub fn sets(self) -> usize {
        match self {
            Selector::General => 1,
            Selector::Node | Selector::Last | Selector::Second | Selector::Line => 256,
            Selector::Word => 256,
            Selector::LastNode | Selector::SecondNode | Selector::LikeliestNode => 65536,
            Selector::Classes => 256 * 8,
            Selector::Match | Selector::SeenMatch => MATCH_LEVELS * 8,
            Selector::Network => 24 * 8,
            Selector::Seen => 8 * 8,
        }
    }

    /// True if the sets do not fit the nearer caches, so that prefetching pays. Such a set
    /// depends only on the node and on values that are fixed when the byte begins.
    #[inline(always)]
    pub fn is_large(self) -> bool {
        matches!(self, Selector::LastNode | Selector::SecondNode | Selector::LikeliestNode)
    }

    /// Returns the index of the selected set.
    #[inline(always)]
    pub fn select(self, context: &MixerContext) -> usize {
        match self {
            Selector::General => 0,
            Selector::Node => context.node,
            Selector::Last => context.last,
            Selector::Second => context.second,
            Selector::Match => context.match_level * 8 + context.bit_number,
            Selector::Network => context.network_level * 8 + context.bit_number,
            Selector::Seen => context.seen * 8 + context.bit_number,
            Selector::Line => context.in_line,
            Selector::LastNode => context.last * 256 + context.node,
            Selector::SecondNode => context.second * 256 + context.node,
            Selector::Classes => context.classes * 8 + context.bit_number,
            Selector::Word => context.word_state,
            Selector::SeenMatch => context.match_level * 8 + context.seen,
            Selector::LikeliestNode => context.likeliest * 256 + context.node,
        }
    }
}
