//! What chooses among the sets of weights of a mixer.

use super::matching::BUCKETS;

/// What selects a mixer's set of weights.
#[derive(Clone, Copy, Debug)]
pub enum Selector {
    /// Nothing: there is one set.
    General,
    /// The node of the byte's tree.
    Node,
    /// The last byte.
    Last,
    /// The byte before that.
    Second,
    /// Length of the match that foretells the bit, and the bit's number.
    Match,
    /// The network's probability and the bit's number.
    Network,
    /// How many of the orders know the node, and the bit's number.
    Known,
    /// Place in the line.
    Line,
    /// The last byte and the node.
    LastNode,
    /// The byte before that and the node.
    SecondNode,
    /// Kinds of the last four bytes and the bit's number.
    KindsBit,
    /// The bit history of the word's context.
    Word,
    /// How many of the orders know the node, and the match.
    KnownMatch,
    /// The byte that the network thinks likeliest, and the node.
    LikeliestNode,
}

/// What selectors look at, at one bit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    pub node: usize,
    pub bit_number: usize,
    pub last: usize,
    pub second: usize,
    /// 1 + the bucket of the match if it foretells the bit.
    pub agreed: usize,
    /// The network's stretched probability, in units.
    pub level: usize,
    /// Contexts of orders that know the node.
    pub known: usize,
    pub kinds: usize,
    pub in_line: usize,
    /// The byte that the match expects, 0 if none.
    pub expected: usize,
    /// The byte that the network thinks likeliest, 0 without one.
    pub likeliest: usize,
    pub word_state: usize,
}

impl Selector {
    /// Number of sets.
    pub fn sets(self) -> usize {
        match self {
            Selector::General => 1,
            Selector::Node | Selector::Last | Selector::Second | Selector::Line => 256,
            Selector::Word => 256,
            Selector::LastNode | Selector::SecondNode | Selector::LikeliestNode => 65536,
            Selector::KindsBit => 256 * 8,
            Selector::Match | Selector::KnownMatch => (1 + BUCKETS) * 8,
            Selector::Network => 24 * 8,
            Selector::Known => 8 * 8,
        }
    }

    /// Whether the sets are too many for the nearer caches; such sets follow from the node
    /// and what is known as the byte begins.
    #[inline(always)]
    pub fn is_far(self) -> bool {
        matches!(self, Selector::LastNode | Selector::SecondNode | Selector::LikeliestNode)
    }

    /// The set of a moment.
    #[inline(always)]
    pub fn select(self, moment: &Moment) -> usize {
        match self {
            Selector::General => 0,
            Selector::Node => moment.node,
            Selector::Last => moment.last,
            Selector::Second => moment.second,
            Selector::Match => moment.agreed * 8 + moment.bit_number,
            Selector::Network => moment.level * 8 + moment.bit_number,
            Selector::Known => moment.known * 8 + moment.bit_number,
            Selector::Line => moment.in_line,
            Selector::LastNode => moment.last * 256 + moment.node,
            Selector::SecondNode => moment.second * 256 + moment.node,
            Selector::KindsBit => moment.kinds * 8 + moment.bit_number,
            Selector::Word => moment.word_state,
            Selector::KnownMatch => moment.agreed * 8 + moment.known,
            Selector::LikeliestNode => moment.likeliest * 256 + moment.node,
        }
    }
}
