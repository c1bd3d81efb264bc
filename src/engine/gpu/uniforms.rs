//! The uniform structs of shaders/common.wgsl.

use bytemuck::{Pod, Zeroable};

use super::kernels::planes;
use crate::engine::cpu::state::Shape;
use crate::numerics::wide::AdamStep;

/// `Model`: the shape, and what changes from segment to segment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ModelUniform {
    streams: u32,
    segment: u32,
    embedding: u32,
    units: u32,
    layers: u32,
    weight_fraction: u32,
    activation_fraction: u32,
    error_fraction: u32,
    weight_planes: u32,
    activation_planes: u32,
    /// Steps of the current segment.
    pub steps: u32,
    rate_mantissa: u32,
    rate_exponent: i32,
    weight_floor: u32,
    embedding_floor: u32,
    packed_plane: u32,
}

impl ModelUniform {
    /// The shape, with no segment yet.
    pub fn new(shape: &Shape) -> Self {
        let config = &shape.config;
        let weights: usize = shape.layout.matrices.iter().map(|m| m.rows * m.inputs).sum();
        ModelUniform {
            streams: config.streams,
            segment: config.segment,
            embedding: config.embedding,
            units: config.units,
            layers: config.layers,
            weight_fraction: config.weight_fraction(),
            activation_fraction: config.activation_fraction(),
            error_fraction: config.error_fraction,
            weight_planes: planes(config.weight_bits) as u32,
            activation_planes: planes(config.activation_bits) as u32,
            packed_plane: (weights / 16) as u32,
            ..ModelUniform::zeroed()
        }
    }

    /// Sets a segment's length and Adam's scalars.
    pub fn set_segment(&mut self, steps: usize, adam: &AdamStep) {
        self.steps = steps as u32;
        self.rate_mantissa = adam.rate_mantissa;
        self.rate_exponent = adam.rate_exponent;
        self.weight_floor = adam.weight_floor;
        self.embedding_floor = adam.embedding_floor;
    }
}

/// `Place`: which steps and which matrix a dispatch works on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Place {
    step: u32,
    steps: u32,
    layer: u32,
    add: u32,
    rows: u32,
    inputs: u32,
    master: u32,
    packed: u32,
    bias: u32,
    forward_terms: u32,
    backward_terms: u32,
    later: u32,
    forward: [[u32; 4]; 3],
    backward: [[u32; 4]; 3],
}

/// The part of a segment that a dispatch works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All steps; products leave out a layer's own states, which come step by step.
    Segment,
    /// One step, and products over all that they have.
    Step(usize),
    /// One step; products add a layer's own states, one step earlier (forward) or later (backward).
    Own(usize),
}

/// Bytes from one place to the next in their buffer.
const PLACE_STRIDE: usize = 256;

impl Span {
    /// Where the place of `layer` begins, in bytes.
    pub fn offset(self, shape: &Shape, layer: usize) -> u32 {
        let span = match self {
            Span::Segment => 0,
            Span::Step(step) => 1 + 2 * step,
            Span::Own(step) => 2 + 2 * step,
        };
        ((span * shape.layout.matrices.len() + layer) * PLACE_STRIDE) as u32
    }
}

/// All places: the segment's, then two for each step, each `[layers + 1]` and
/// padded to [`PLACE_STRIDE`] bytes.
pub fn places(shape: &Shape) -> Vec<u8> {
    let steps = (0..shape.config.segment()).flat_map(|step| [Span::Step(step), Span::Own(step)]);
    let mut bytes = Vec::new();
    for span in std::iter::once(Span::Segment).chain(steps) {
        for layer in 0..shape.layout.matrices.len() {
            debug_assert_eq!(bytes.len(), span.offset(shape, layer) as usize);
            bytes.extend_from_slice(bytemuck::bytes_of(&place(shape, span, layer)));
            bytes.resize(bytes.len().next_multiple_of(PLACE_STRIDE), 0);
        }
    }
    bytes
}

fn place(shape: &Shape, span: Span, layer: usize) -> Place {
    let (layout, units) = (&shape.layout, shape.config.units());
    let matrices = &layout.matrices;
    let (matrix, output) = (&matrices[layer], matrices.len() - 1);
    let packed = |layer: usize| matrices[..layer].iter().map(|m| m.rows * m.inputs / 16).sum::<usize>();
    let (step, steps) = match span {
        Span::Segment => (0, 0),
        Span::Step(step) | Span::Own(step) => (step, 1),
    };
    let own = matches!(span, Span::Own(_));
    let mut place = Place {
        step: step as u32,
        steps,
        layer: layer as u32,
        add: u32::from(own),
        rows: matrix.rows as u32,
        inputs: matrix.inputs as u32,
        master: (matrix.offset / 4) as u32,
        packed: packed(layer) as u32,
        bias: matrices[..layer].iter().map(|m| m.rows as u32 / 4).sum(),
        later: u32::from(own),
        ..Place::zeroed()
    };
    for run in layout.input_runs(layer) {
        let wanted = match span {
            Span::Segment => run.delay == 0,
            Span::Step(_) => true,
            Span::Own(_) => run.delay == 1,
        };
        if wanted {
            let weights = packed(layer) + run.input / 4 * (matrix.rows / 4);
            let term = [run.activation / 16, weights, run.len / 16, 1 - run.delay];
            place.forward[place.forward_terms as usize] = term.map(|x| x as u32);
            place.forward_terms += 1;
        }
    }
    // Matrices with this layer's states among their inputs, and which input is the first.
    let readers = match span {
        _ if layer == output => vec![],
        Span::Own(_) => vec![(layer, matrix.inputs - units)],
        _ if layer + 1 == output => vec![(output, layer * units)],
        _ => vec![(output, layer * units), (layer + 1, shape.config.embedding())],
    };
    for (reader, input) in readers {
        let matrix = &matrices[reader];
        let term = [reader * units / 4, packed(reader) + input / 4, matrix.rows / 16, matrix.inputs / 4];
        place.backward[place.backward_terms as usize] = term.map(|x| x as u32);
        place.backward_terms += 1;
    }
    place
}
