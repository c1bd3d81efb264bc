//! Kernel `embed`: the embeddings of the input symbols become inputs of every layer.

use super::{Damage, Family, Kernel, SelfTest, line, once, read, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::VEC4;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::embed::embed;

pub static KERNEL: Kernel = Kernel {
    name: "embed",
    family: Family::Every,
    helpers: &[],
    shader: include_str!("../../../../shaders/embed.wgsl"),
    bindings: &[read(Buffer::Symbols), read(Buffer::Embedding), write(Buffer::Inputs)],
    grid: |extent| line(extent.shape.config.embedding() / VEC4 * extent.samples()),
    multiplications: None,
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, 0),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| schedule.dispatch(&KERNEL, Span::Segment, 0),
        step: Some(|schedule, span, _| schedule.dispatch(&KERNEL, span, 0)),
        reference: |scope, state| {
            for streams in scope.groups(&mut state.streams) {
                (0..scope.shape.config.segment()).for_each(|step| embed(scope.shape, &state.weights, step, streams));
            }
        },
        damage: Damage { find: "let sample = id.x / width;", replace: "let sample = (id.x + 1u) / width;" },
    },
};
