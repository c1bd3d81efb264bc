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
    gradient_shift: u32,
    padding: [u32; 3],
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
        self.gradient_shift = adam.gradient_shift;
        self.weight_floor = adam.weight_floor;
        self.embedding_floor = adam.embedding_floor;
    }
}

/// `Place`: one step of one matrix.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Place {
    step: u32,
    layer: u32,
    inputs: u32,
    units: u32,
    master: u32,
    packed: u32,
    bias: u32,
    above: u32,
    output: u32,
    padding: [u32; 3],
}

/// Bytes from one place to the next in their buffer.
pub const PLACE_STRIDE: usize = 256;

/// All places, `[segment][layers + 1]`, each padded to [`PLACE_STRIDE`] bytes.
pub fn places(shape: &Shape) -> Vec<u8> {
    let matrices = &shape.layout.matrices;
    let packed = |layer: usize| matrices[..layer].iter().map(|m| m.rows * m.inputs / 16).sum::<usize>() as u32;
    let output = matrices.len() - 1;
    let mut bytes = Vec::with_capacity(shape.config.segment() * matrices.len() * PLACE_STRIDE);
    for step in 0..shape.config.segment() {
        for (layer, matrix) in matrices.iter().enumerate() {
            let place = Place {
                step: step as u32,
                layer: layer as u32,
                inputs: matrix.inputs as u32,
                units: (matrix.rows / 4) as u32,
                master: matrix.offset as u32,
                packed: packed(layer),
                bias: matrices[..layer].iter().map(|m| m.rows as u32).sum(),
                above: packed((layer + 1).min(output)),
                output: packed(output),
                padding: [0; 3],
            };
            bytes.extend_from_slice(bytemuck::bytes_of(&place));
            bytes.resize(bytes.len().next_multiple_of(PLACE_STRIDE), 0);
        }
    }
    bytes
}
