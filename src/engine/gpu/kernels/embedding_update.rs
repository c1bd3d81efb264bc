//! Kernel `embedding_update`: gradient, Adam and forward weights of the embedding.

use super::{ADAM, Damage, Family, Kernel, Scope, SelfTest, once, read, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::image::State;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::embedding_update::embedding_update;
use crate::numerics::softmax::SYMBOLS;

pub static KERNEL: Kernel = Kernel {
    name: "embedding_update",
    family: Family::Every,
    helpers: &[ADAM],
    shader: include_str!("../../../../shaders/embedding_update.wgsl"),
    bindings: &[
        read(Buffer::Factors),
        read(Buffer::Symbols),
        read(Buffer::EmbeddingErrors),
        write(Buffer::Masters),
        write(Buffer::Moments),
        write(Buffer::Embedding),
    ],
    grid: |_| [SYMBOLS, 1],
    multiplications: None,
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, 0),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| schedule.dispatch(&KERNEL, Span::Segment, 0),
        step: None,
        reference,
        damage: Damage { find: "(sum >> carry)", replace: "sum" },
    },
};

fn reference(scope: &Scope, state: &mut State) {
    let (shape, len) = (scope.shape, scope.shape.layout.embedding_len);
    let (masters, moments) = (&mut state.masters[..len], &mut state.moments[..len]);
    let embedding = &mut state.weights.embedding;
    embedding_update(shape, shape.config.segment(), scope.adam, &state.streams, masters, moments, embedding);
}
