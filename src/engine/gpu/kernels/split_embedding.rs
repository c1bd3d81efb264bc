//! Kernel `split_embedding`: errors of the embedded symbols. It replaces
//! `embedding_backward` on devices that split sums.

use super::{Damage, Family, Kernel, SPLIT_ROWS, SelfTest, embedding_backward, once, read, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::{GROUP, VEC4};
use crate::engine::gpu::uniforms::Span;

pub static KERNEL: Kernel = Kernel {
    name: "split_embedding",
    family: Family::Split,
    helpers: &[SPLIT_ROWS],
    shader: include_str!("../../../../shaders/split_embedding.wgsl"),
    bindings: &[read(Buffer::ByRow), read(Buffer::Errors), write(Buffer::EmbeddingErrors)],
    grid: |extent| [extent.samples().div_ceil(GROUP), extent.shape.config.embedding() / VEC4],
    multiplications: Some(embedding_backward::multiplications),
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, 0),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| schedule.dispatch(&KERNEL, Span::Segment, 0),
        step: None,
        reference: embedding_backward::reference,
        damage: Damage { find: "layer * (model.units / 4u)", replace: "(layer ^ 1u) * (model.units / 4u)" },
    },
};
