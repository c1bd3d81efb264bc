//! The record of one stream's segment.

use crate::model::Shape;
use crate::numerics::fixed::SHARE_ONE;
use crate::numerics::softmax::SYMBOLS;
use crate::simd::AlignedBuffer;

/// The record of one stream's segment of up to T steps: what the forward pass leaves for the
/// backward pass, and the errors of the latter.
///
/// Slot 0 of `activations` and `cells` holds the state at the end of the segment before; step t
/// writes slot t + 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// `[T + 1][activations]`: embedding and hidden states, Q7.
    pub activations: Vec<i8>,
    /// `[T][gates]`, Q14: rows in the order of the layout, layer by layer.
    pub gates: AlignedBuffer<i16>,
    /// `[T + 1][cells]`, Q12.
    pub cells: AlignedBuffer<i32>,
    /// `[T][256]`, softmax weights, Q23 of the largest.
    pub weights: AlignedBuffer<u32>,
    /// `[T][256]`, errors of logits.
    pub output_errors: AlignedBuffer<i16>,
    /// `[T][gates]`, errors of gates before their non-linearity.
    pub gate_errors: AlignedBuffer<i16>,
    /// `[cells]`, errors of the cell states one step later.
    pub cell_errors: AlignedBuffer<i32>,
    /// `[T][embedding]`, errors of the embedded symbols.
    pub embedding_errors: Vec<i32>,
    /// `[T]`, input symbols.
    pub previous: Vec<u8>,
    /// `[T]`, symbols to be learned, or [`crate::engine::INACTIVE`].
    pub targets: Vec<u16>,
    /// `[cells]`: the factor of each hidden state, Q8, 0..=512: 1.0 without dropout.
    pub shares: Vec<i32>,
}

impl Stream {
    /// A stream with all states at zero.
    pub fn new(shape: &Shape) -> Self {
        let steps = shape.config.segment();
        Stream {
            activations: vec![0; (steps + 1) * shape.layout.activations],
            gates: AlignedBuffer::zeros(steps * shape.gates()),
            cells: AlignedBuffer::zeros((steps + 1) * shape.cells()),
            weights: AlignedBuffer::zeros(steps * SYMBOLS),
            output_errors: AlignedBuffer::zeros(steps * SYMBOLS),
            gate_errors: AlignedBuffer::zeros(steps * shape.gates()),
            cell_errors: AlignedBuffer::zeros(shape.cells()),
            embedding_errors: vec![0; steps * shape.config.embedding()],
            previous: vec![0; steps],
            targets: vec![0; steps],
            shares: vec![SHARE_ONE; shape.cells()],
        }
    }

    /// Sets the hidden and cell states before the first step to zero.
    pub fn reset(&mut self, shape: &Shape) {
        self.activations[..shape.layout.activations].fill(0);
        self.cells[..shape.cells()].fill(0);
    }

    /// Takes over the states at the end of another record's segment of `steps` steps.
    pub fn carry(&mut self, shape: &Shape, before: &Stream, steps: usize) {
        let (activations, cells) = (shape.layout.activations, shape.cells());
        self.activations[..activations].copy_from_slice(&before.activations[steps * activations..][..activations]);
        self.cells[..cells].copy_from_slice(&before.cells[steps * cells..][..cells]);
    }
}
