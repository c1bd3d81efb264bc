//! The kinds of the stage: which contexts, mixers and refinements take part.

use crate::model::MixingKind;

use super::apm::Refinement;
use super::contexts::Context;
use super::image;
use super::mixer::GROUP;
use super::selector::Selector;

/// What a kind is made of.
pub struct Parts {
    pub contexts: &'static [Context],
    /// Whether the last bits of a context are an input.
    pub last_bits: bool,
    /// What selects the weights of each mixer of the first layer.
    pub mixers: &'static [Selector],
    /// The same of the second layer: a power of two, as their mean is taken.
    pub finals: &'static [Selector],
    /// Contexts of the maps that refine the result.
    pub refinements: &'static [Refinement],
}

impl Parts {
    /// Inputs of each context.
    pub fn each(&self) -> usize {
        4 + usize::from(self.last_bits)
    }

    /// The input that is the network's stretched probability; its confidence comes behind it.
    pub fn network(&self) -> usize {
        self.contexts.len() * self.each() + 4
    }

    /// All inputs, in groups: those of the contexts, order 0, constant, match, network, image.
    pub fn inputs(&self) -> usize {
        (self.contexts.len() * self.each() + 1 + 1 + 2 + 2 + image::INPUTS).next_multiple_of(GROUP)
    }
}

/// Most contexts of a kind.
pub const MOST_CONTEXTS: usize = 64;
/// Most mixers of a layer.
pub const MOST_MIXERS: usize = 16;

use Context::{
    Above, Column, Followers, Foretold, Kinds, Line, Masked, Order, ThreeFollowers, ThreeWords, Word, WordAndEarlier,
};

use Selector as By;

#[rustfmt::skip]
static LIGHT: Parts = Parts {
    contexts: &[Order(1), Order(2), Order(3), Order(4), Order(6), Word, WordAndEarlier(1), Line],
    last_bits: false,
    mixers: &[By::General, By::Node, By::Match],
    finals: &[By::Node],
    refinements: &[Refinement::Two],
};

#[rustfmt::skip]
static FULL: Parts = Parts {
    contexts: &[
        Order(1), Order(2), Order(3), Order(4), Order(6), Order(8),
        Word, WordAndEarlier(1), WordAndEarlier(2), ThreeWords,
        Masked(0xff_ff00), Masked(0xffff_0000), Masked(0xff_00ff), Order(0),
        Column, Above, Foretold, Kinds, Line,
    ],
    last_bits: false,
    mixers: &[By::General, By::Match, By::Network, By::Known, By::KindsBit, By::Line, By::LastNode, By::Second],
    finals: &[By::Node, By::Match],
    refinements: &[Refinement::One, Refinement::Two, Refinement::Expected],
};

#[rustfmt::skip]
static RICH: Parts = Parts {
    contexts: &[
        Order(1), Order(2), Order(3), Order(4), Order(5), Order(6), Order(8),
        Word, WordAndEarlier(1), WordAndEarlier(2), ThreeWords,
        Masked(0xff_ff00), Masked(0xffff_0000), Masked(0xff_00ff), Order(0),
        Column, Above, Foretold, Kinds, Line,
        WordAndEarlier(3), Followers, ThreeFollowers, Masked(0xf0f0f0f0f0f0), Masked(0xff00), Masked(0xff0000),
        Masked(0xff0000ff), Masked(0xdfdfdfdf), Order(7),
    ],
    last_bits: true,
    mixers: &[By::General, By::Node, By::Last, By::Match, By::Network, By::Second, By::Known, By::KindsBit, By::Line, By::LastNode, By::Word, By::KnownMatch, By::SecondNode, By::LikeliestNode],
    finals: &[By::Node, By::Match, By::KindsBit, By::Last],
    refinements: &[Refinement::One, Refinement::Two, Refinement::Expected, Refinement::Likeliest],
};

/// The parts of a kind.
pub fn parts(kind: MixingKind) -> &'static Parts {
    match kind {
        MixingKind::Light => &LIGHT,
        MixingKind::Full => &FULL,
        MixingKind::Rich => &RICH,
    }
}
