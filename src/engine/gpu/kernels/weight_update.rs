//! Kernel `weight_update`: gradient, Adam and forward weights of one matrix.

use super::{
    ADAM, Binding, DOT_ERRORS, Damage, Family, GRADIENT, Kernel, Scope, SelfTest, grid, once, read, samples,
    samples_of, write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::{TILE_INPUTS, TILE_ROWS};
use crate::engine::gpu::image::State;
use crate::engine::gpu::schedule::Schedule;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::weight_update::weight_update;
use crate::model::Shape;

pub static KERNEL: Kernel = Kernel {
    name: "weight_update",
    family: Family::Portable,
    helpers: &[DOT_ERRORS, ADAM, GRADIENT],
    shader: include_str!("../../../../shaders/weight_update.wgsl"),
    bindings: BINDINGS,
    grid: |extent| {
        // LARGE_TILES in the shader. The last lanes down compute the biases.
        let scale = if extent.software { 2 } else { 1 };
        grid(extent.matrix.rows / (scale * TILE_ROWS), extent.matrix.inputs / (scale * TILE_INPUTS) + 1)
    },
    multiplications: Some(multiplications),
    segment,
    test: SelfTest {
        layers: once,
        segment: |schedule, _| {
            schedule.dispatch(&samples::KERNEL, Span::Segment, 0);
            segment(schedule);
        },
        step: None,
        reference,
        damage: Damage { find: "gradient < vec4<i32>(0))", replace: "gradient <= vec4<i32>(0)) + 1" },
    },
};

/// The buffers of an update of weights, declared in shaders/gradient.wgsl.
pub const BINDINGS: &[Binding] = &[
    read(Buffer::Factors),
    read(Buffer::InputSamples),
    read(Buffer::ErrorSamples),
    write(Buffer::Masters),
    write(Buffer::Moments),
    write(Buffer::ByInput),
    write(Buffer::ByRow),
    write(Buffer::Biases),
];

fn segment(schedule: &mut Schedule) {
    (0..=schedule.layers()).for_each(|layer| schedule.dispatch(&KERNEL, Span::Segment, layer));
}

/// All weights and biases. Also the multiplications of `split_update`.
pub fn multiplications(shape: &Shape) -> u64 {
    samples_of(shape) * shape.layout.matrices.iter().map(|matrix| matrix.len() as u64).sum::<u64>()
}

/// The update of all matrices; also the reference of `split_update`.
pub fn reference(scope: &Scope, state: &mut State) {
    let State { masters, moments, weights, streams, .. } = state;
    let (steps, first) = (scope.shape.config.segment(), scope.shape.layout.embedding_len);
    let (masters, moments) = (&mut masters[first..], &mut moments[first..]);
    weight_update(scope.shape, steps, scope.adam, streams, masters, moments, &mut weights.matrices);
}
