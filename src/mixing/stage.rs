//! The two forms of the mixing stage.

use super::Mixing;
use super::synchronous::Synchronous;
use crate::model::Raster;
use crate::state::Visitor;

/// The mixing stage of a frame, with its streams.
pub enum Stage {
    /// Streams are coded one after the other, and each byte is learned before the next one is predicted.
    InTurn(Box<Mixing>),
    /// All streams of a step are predicted, then learned.
    AtOnce(Box<Synchronous>),
}

impl Stage {
    /// Begins a block of `len` bytes, see [`Mixing::start_block`]; panels begin by [`Synchronous::start_panel`].
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>, raster: Option<Raster>) {
        match self {
            Stage::InTurn(mixing) => mixing.start_block(len, starts, raster),
            Stage::AtOnce(mixing) => mixing.start_block(len, raster),
        }
    }

    /// Returns a hash of all probabilities so far, see [`Mixing::hash`].
    pub fn hash(&self) -> u64 {
        match self {
            Stage::InTurn(mixing) => mixing.hash(),
            Stage::AtOnce(mixing) => mixing.hash(),
        }
    }

    /// Visits the whole state, see [`Mixing::visit`].
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        match self {
            Stage::InTurn(mixing) => mixing.visit(visitor),
            Stage::AtOnce(mixing) => mixing.visit(visitor),
        }
    }

    /// Returns the stage whose streams take turns.
    pub fn in_turn(&mut self) -> Option<&mut Mixing> {
        match self {
            Stage::InTurn(mixing) => Some(mixing),
            Stage::AtOnce(_) => None,
        }
    }

    /// Returns what was learned.
    pub fn into_mixing(self) -> Mixing {
        match self {
            Stage::InTurn(mixing) => *mixing,
            Stage::AtOnce(mixing) => mixing.into_stage(),
        }
    }
}
