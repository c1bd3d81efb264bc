//! The uniform structs of shaders/common.wgsl.

use std::iter;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::constants::{QUAD, VEC4, WORD};
use crate::model::Shape;
use crate::numerics::wide::AdamStep;

/// `Model`: the shape, and the scalars of the current segment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ModelUniform {
    streams: u32,
    segment: u32,
    embedding: u32,
    units: u32,
    layers: u32,
    error_fraction: u32,
    /// Steps of the current segment.
    pub steps: u32,
    weight_floor: u32,
    embedding_floor: u32,
    gradient_shift: u32,
    /// GL rounds uniform blocks up to 16 bytes.
    padding: [u32; 2],
}

impl ModelUniform {
    /// The shape, with no segment yet.
    pub fn new(shape: &Shape) -> Self {
        let config = &shape.config;
        ModelUniform {
            streams: config.streams,
            segment: config.segment,
            embedding: config.embedding,
            units: config.units,
            layers: config.layers,
            error_fraction: config.error_fraction,
            ..ModelUniform::zeroed()
        }
    }

    /// Sets a segment's length and Adam's scalars; its factors have a buffer of their own.
    pub fn set_segment(&mut self, steps: usize, adam: &AdamStep) {
        self.steps = steps as u32;
        self.gradient_shift = adam.gradient_shift;
        self.weight_floor = adam.weight_floor;
        self.embedding_floor = adam.embedding_floor;
    }
}

/// `DispatchParams`: the step, streams and matrix that a dispatch works on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct DispatchParams {
    step: u32,
    first: u32,
    streams: u32,
    layer: u32,
    add: u32,
    rows: u32,
    inputs: u32,
    master: u32,
    packed: u32,
    bias: u32,
    later: u32,
    start: u32,
    forward: [u32; 4],
    backward: [u32; 4],
}

/// The steps and streams of a dispatch and, of a product, the range of inputs or rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All steps. Forward: all inputs but a layer's own hidden states. Backward: the output's rows.
    Segment,
    /// All steps. Backward: the rows of the layer above, added.
    Above,
    /// One step of a group of streams. Forward: all inputs.
    Step(usize, usize),
    /// One step. Forward: a layer's own hidden states of the step before, added. Backward: its
    /// own errors of the next step, added. In a dispatch of several layers the first one's step.
    Own(usize),
}

/// Bytes from one dispatch's parameters to the next one's: the alignment of dynamic offsets.
const STRIDE: usize = 256;

impl Span {
    /// Offset in bytes of the parameters for `layer`, if the streams have `groups` groups.
    pub fn offset(self, shape: &Shape, groups: usize, layer: usize) -> u32 {
        let span = match self {
            Span::Segment => 0,
            Span::Above => 1,
            Span::Own(step) => 2 + step * (1 + groups),
            Span::Step(step, group) => 3 + step * (1 + groups) + group,
        };
        ((span * shape.layout.matrices.len() + layer) * STRIDE) as u32
    }
}

/// Returns the parameters of all dispatches, `[2 + segment * (1 + groups)][layers + 1]`, each
/// padded to [`STRIDE`] bytes.
pub fn dispatch_params(shape: &Shape, groups: &[Range<usize>]) -> Vec<u8> {
    let step = |step| iter::once(Span::Own(step)).chain((0..groups.len()).map(move |group| Span::Step(step, group)));
    let steps = (0..shape.config.segment()).flat_map(step);
    let mut bytes = Vec::new();
    for span in [Span::Segment, Span::Above].into_iter().chain(steps) {
        for layer in 0..shape.layout.matrices.len() {
            debug_assert_eq!(bytes.len(), span.offset(shape, groups.len(), layer) as usize);
            bytes.extend_from_slice(bytemuck::bytes_of(&params(shape, groups, span, layer)));
            bytes.resize(bytes.len().next_multiple_of(STRIDE), 0);
        }
    }
    bytes
}

fn params(shape: &Shape, groups: &[Range<usize>], span: Span, layer: usize) -> DispatchParams {
    let (matrices, units) = (&shape.layout.matrices, shape.config.units());
    let (matrix, output) = (&matrices[layer], matrices.len() - 1);
    let packed = |layer: usize| matrices[..layer].iter().map(|m| m.rows * m.inputs / VEC4).sum::<usize>();
    let start: usize = matrices[..layer].iter().map(|m| m.inputs).sum();
    let (step, streams) = match span {
        Span::Segment | Span::Above => (0, 0..0),
        Span::Own(step) => (step, 0..shape.config.streams()),
        Span::Step(step, group) => (step, groups[group].clone()),
    };
    let own = matrix.inputs - if layer == output { 0 } else { units };
    let inputs = match span {
        Span::Step(..) => 0..matrix.inputs,
        Span::Own(_) => own..matrix.inputs,
        Span::Segment | Span::Above => 0..own,
    };
    let forward = [(start + inputs.start) / VEC4, packed(layer) + inputs.start, inputs.len() / VEC4, 0];
    // A matrix with this layer's hidden states among its inputs, and the index of the first of them.
    let (reader, input) = match span {
        Span::Segment | Span::Step(..) => (output, layer * units),
        Span::Above => ((layer + 1).min(output), shape.config.embedding()),
        Span::Own(_) => (layer, own),
    };
    let above = &matrices[reader];
    let backward = [reader * units / WORD, packed(reader) + input / VEC4 * above.rows, above.rows / VEC4, above.rows];
    DispatchParams {
        step: step as u32,
        first: streams.start as u32,
        streams: streams.len() as u32,
        layer: layer as u32,
        add: u32::from(matches!(span, Span::Own(_) | Span::Above)),
        rows: matrix.rows as u32,
        inputs: matrix.inputs as u32,
        master: (matrix.offset / QUAD) as u32,
        packed: packed(layer) as u32,
        bias: matrices[..layer].iter().map(|m| (m.rows / QUAD) as u32).sum(),
        later: u32::from(matches!(span, Span::Own(_))),
        start: (start / VEC4) as u32,
        forward: forward.map(|x| x as u32),
        backward: backward.map(|x| x as u32),
    }
}
