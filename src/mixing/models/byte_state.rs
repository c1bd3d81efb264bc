//! Intermediate values of the current byte, of its contexts, and of its next bit.

use super::super::prediction::{BitPrediction, MOST_INPUTS, MixerContext};
use super::contexts::MOST_CONTEXTS;
use super::image::ImageByte;

/// Values of one context.
#[derive(Clone, Copy, Default)]
pub struct ContextState {
    /// Slot of the byte's first nibble.
    pub first_slot: u32,
    /// Slot of the current nibble.
    pub slot: u32,
    /// Word 0 of the first slot when the byte began: the byte that last followed and its run.
    pub head: u32,
    /// Word of the current node in the current slot.
    pub entry: u32,
    /// `index << 1 | bit`: entry in the map of runs and the bit that the run predicts; 0 if it
    /// predicts nothing.
    pub run: u32,
}

/// Values of a byte.
pub struct ByteState {
    /// Number of the byte's stream.
    pub stream: usize,
    /// Hash of each context for the current nibble.
    pub hashes: [u64; MOST_CONTEXTS],
    pub contexts: [ContextState; MOST_CONTEXTS],
    /// The byte that the match expects, under a leading 1.
    pub expected: Option<usize>,
    /// Context of the match in the map of matches.
    pub match_context: usize,
    /// Bucket of the match's length.
    pub match_bucket: usize,
    /// Node in the tree of the nibble's bits, 1..16: its word in the slot.
    pub nibble_node: usize,
    /// Entry in the map of matches.
    pub match_index: usize,
    /// The bit that the match expects.
    pub expected_bit: Option<usize>,
    pub prediction: BitPrediction,
    /// In an image, the predictions of the image model.
    pub image: Option<Box<ImageByte>>,
}

impl Default for ByteState {
    fn default() -> Self {
        ByteState {
            stream: 0,
            hashes: [0; MOST_CONTEXTS],
            contexts: [ContextState::default(); MOST_CONTEXTS],
            expected: None,
            match_context: 0,
            match_bucket: 0,
            nibble_node: 0,
            match_index: 0,
            expected_bit: None,
            prediction: BitPrediction { inputs: [0; MOST_INPUTS], context: MixerContext::default() },
            image: None,
        }
    }
}
