//! The components of each kind of mixing stage: contexts, mixers and refinements.

use std::ops::Range;

use crate::model::MixingKind;

use super::mixers::apm::Refinement;
use super::mixers::selector::Selector;
use super::models::contexts::Context;
use super::models::image;
use super::prediction::GROUP;

/// The components of a kind. Their order decides bits.
pub struct Components {
    pub contexts: &'static [Context],
    /// True if each context has an input from the last bits seen at its node.
    pub last_bits: bool,
    /// Selects the weights of each mixer of the first layer.
    pub mixers: &'static [Selector],
    /// Selects the weights of each mixer of the second layer. Their number is a power of two
    /// because the mean of their outputs is taken.
    pub finals: &'static [Selector],
    /// Selects the entries of each map that refines the result.
    pub refinements: &'static [Refinement],
}

impl Components {
    /// Returns the number of inputs per context.
    pub fn inputs_per_context(&self) -> usize {
        4 + usize::from(self.last_bits)
    }

    /// Returns the index of the network's stretched probability; its linear input follows.
    pub fn network_input(&self) -> usize {
        self.contexts.len() * self.inputs_per_context() + 4
    }

    /// Returns the number of inputs, padded to groups. Their order: contexts, order 0,
    /// constant, match (2), network (2), image.
    pub fn inputs(&self) -> usize {
        (self.contexts.len() * self.inputs_per_context() + 1 + 1 + 2 + 2 + image::INPUTS).next_multiple_of(GROUP)
    }
}

/// Contexts whose bit histories are counted as [`MixerContext::seen`](super::prediction::MixerContext::seen).
pub const COUNTED: Range<usize> = 1..7;
/// The context whose bit history selects weights, [`Context::Word`] in the rich kind.
pub const WORD: usize = 7;

use Context::{
    Above, Classes, Column, Expected, Line, Masked, Order, ThreeSuccessors, ThreeWords, TwoSuccessors, Word,
    WordAndEarlier,
};

use Selector as By;

#[rustfmt::skip]
static LIGHT: Components = Components {
    contexts: &[Order(1), Order(2), Order(3), Order(4), Order(6), Word, WordAndEarlier(1), Line],
    last_bits: false,
    mixers: &[By::General, By::Node, By::Match],
    finals: &[By::Node],
    refinements: &[Refinement::Two],
};

#[rustfmt::skip]
static FULL: Components = Components {
    contexts: &[
        Order(1), Order(2), Order(3), Order(4), Order(6), Order(8),
        Word, WordAndEarlier(1), WordAndEarlier(2), ThreeWords,
        Masked(0xff_ff00), Masked(0xffff_0000), Masked(0xff_00ff), Order(0),
        Column, Above, Expected, Classes, Line,
    ],
    last_bits: false,
    mixers: &[By::General, By::Match, By::Network, By::Seen, By::Classes, By::Line, By::LastNode, By::Second],
    finals: &[By::Node, By::Match],
    refinements: &[Refinement::One, Refinement::Two, Refinement::Expected],
};

#[rustfmt::skip]
static RICH: Components = Components {
    contexts: &[
        Order(1), Order(2), Order(3), Order(4), Order(5), Order(6), Order(8),
        Word, WordAndEarlier(1), WordAndEarlier(2), ThreeWords,
        Masked(0xff_ff00), Masked(0xffff_0000), Masked(0xff_00ff), Order(0),
        Column, Above, Expected, Classes, Line,
        WordAndEarlier(3), TwoSuccessors, ThreeSuccessors, Masked(0xf0f0f0f0f0f0), Masked(0xff00), Masked(0xff0000),
        Masked(0xff0000ff), Masked(0xdfdfdfdf), Order(7),
    ],
    last_bits: true,
    mixers: &[By::General, By::Node, By::Last, By::Match, By::Network, By::Second, By::Seen, By::Classes, By::Line, By::LastNode, By::Word, By::SeenMatch, By::SecondNode, By::LikeliestNode],
    finals: &[By::Node, By::Match, By::Classes, By::Last],
    refinements: &[Refinement::One, Refinement::Two, Refinement::Expected, Refinement::Likeliest],
};

/// Returns the components of a kind.
pub fn components(kind: MixingKind) -> &'static Components {
    match kind {
        MixingKind::Light => &LIGHT,
        MixingKind::Full => &FULL,
        MixingKind::Rich => &RICH,
    }
}
