//! Kernel `embedding_backward`: errors of the embedded symbols.

use super::{
    ACCUMULATORS, DOT_ERRORS, Damage, Family, Kernel, MULTIPLY_ROWS, Scope, SelfTest, grid, once, read, samples_of,
    write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::{GROUP, LANE_ROWS};
use crate::engine::gpu::image::State;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::embedding_backward::embedding_backward;
use crate::model::Shape;

pub static KERNEL: Kernel = Kernel {
    name: "embedding_backward",
    family: Family::Portable,
    helpers: &[ACCUMULATORS, DOT_ERRORS, MULTIPLY_ROWS],
    shader: include_str!("../../../../shaders/embedding_backward.wgsl"),
    bindings: &[read(Buffer::ByRow), read(Buffer::Errors), write(Buffer::EmbeddingErrors)],
    grid: |extent| grid(extent.shape.config.embedding() / LANE_ROWS, extent.samples().div_ceil(GROUP)),
    multiplications: Some(multiplications),
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, 0),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| schedule.dispatch(&KERNEL, Span::Segment, 0),
        step: None,
        reference,
        damage: Damage { find: "layer * (model.units / 4u)", replace: "(layer ^ 1u) * (model.units / 4u)" },
    },
};

/// Also the multiplications of `split_embedding`.
pub fn multiplications(shape: &Shape) -> u64 {
    samples_of(shape) * (shape.config.embedding() * shape.gates()) as u64
}

/// The errors by the CPU engine; also the reference of `split_embedding`.
pub fn reference(scope: &Scope, state: &mut State) {
    for stream in &mut state.streams[scope.streams.clone()] {
        embedding_backward(scope.shape, &state.weights, scope.shape.config.segment(), stream);
    }
}
