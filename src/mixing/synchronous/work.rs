//! What belongs to a stream, and what it did in the current step.

use std::slice;

use super::super::components::Components;
use super::super::mixers::Mixed;
use super::super::models::byte_state::ByteState;
use super::super::models::stream::Stream;
use super::parts::MOST_PARTS;
use crate::state::Visitor;

/// A stream and its step.
pub struct Work {
    pub stream: Stream,
    /// A hash of all its probabilities so far.
    pub trace: u64,
    /// The byte that was coded last, if the match has not followed it yet.
    pub pending: Option<u8>,
    /// Hash and position that the table of positions receives after the step.
    pub entry: Option<(u32, u32)>,
    /// The byte of the step.
    pub symbol: u8,
    /// Its position.
    pub position: u32,
    pub byte: ByteState,
    /// `[bits][width]`: mixer inputs.
    pub inputs: Box<[i16]>,
    pub mixed: [Mixed; 8],
    /// `[contexts][bits]`: words of the nodes that the byte went through.
    pub entries: Box<[[u32; 8]]>,
    /// `[contexts][bits]`: entry in the map of runs and predicted bit, `index << 1 | bit`; 0 for none.
    pub runs: Box<[[u8; 8]]>,
    /// `[nibbles][contexts]`: slots.
    pub slots: [Box<[Touched]>; 2],
    /// `[nibbles][parts]`: the contexts whose slot is in that part of the table, as a set of bits.
    pub parts: [[u64; MOST_PARTS]; 2],
    /// `[nibbles]`: the contexts whose hash has no slot, as a set of bits.
    pub missing: [u64; 2],
}

/// A slot that a context used for a nibble.
#[derive(Clone, Copy, Default)]
pub struct Touched {
    pub slot: u32,
    /// Word 0 as it was, if the slot had the context's hash; else its check alone.
    pub head: u32,
}

impl Work {
    /// A stream at the first position.
    pub fn new(components: &Components) -> Self {
        let contexts = components.contexts.len();
        let slots = || vec![Touched::default(); contexts].into();
        Work {
            stream: Stream::new(1),
            trace: 0,
            pending: None,
            entry: None,
            symbol: 0,
            position: 0,
            byte: ByteState::default(),
            inputs: vec![0; 8 * components.inputs()].into(),
            mixed: [Mixed::default(); 8],
            entries: vec![[0; 8]; contexts].into(),
            runs: vec![[0; 8]; contexts].into(),
            slots: [slots(), slots()],
            parts: [[0; MOST_PARTS]; 2],
            missing: [0; 2],
        }
    }

    /// Begins a block: nothing is known of it but that it is an image or not.
    pub fn start_block(&mut self, is_image: bool) {
        self.stream = Stream::new(1);
        self.byte.image = is_image.then(Box::default);
    }

    /// Moves to a position, where the bytes before are unknown; keeps what is known of the kind of data.
    pub fn jump(&mut self, position: u32, column: u32) {
        self.stream = Stream {
            column,
            successors: std::mem::take(&mut self.stream.successors),
            records: std::mem::take(&mut self.stream.records),
            ..Stream::new(position)
        };
        self.pending = None;
    }

    /// Visits what the next steps depend on, without the image model's part.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u64s(slice::from_mut(&mut self.trace));
        self.stream.visit(visitor);
        let mut pending = [u8::from(self.pending.is_some()), self.pending.unwrap_or(0)];
        visitor.u8s(&mut pending);
        self.pending = (pending[0] != 0).then_some(pending[1]);
    }

    /// Visits the image model's part, if there is one.
    pub fn visit_image(&mut self, is_image: bool, visitor: &mut dyn Visitor) {
        self.byte.image = is_image.then(|| self.byte.image.take().unwrap_or_default());
        self.byte.image.iter_mut().for_each(|image| image.visit(visitor));
    }

    /// Node of the byte's tree before a bit.
    #[inline(always)]
    pub fn node(&self, bit_number: usize) -> usize {
        (1 << bit_number) | usize::from(self.symbol) >> (8 - bit_number)
    }

    /// A bit of the byte.
    #[inline(always)]
    pub fn bit(&self, bit_number: usize) -> u32 {
        u32::from(self.symbol >> (7 - bit_number) & 1)
    }
}
