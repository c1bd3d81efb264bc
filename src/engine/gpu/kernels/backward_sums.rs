//! Kernel `backward_sums`: weights times errors for one layer's hidden states. All steps of
//! a segment at once, but for the layer's own errors of the next step.

use super::{
    ACCUMULATORS, DOT_ERRORS, Damage, Family, Kernel, MULTIPLY_ROWS, SelfTest, grid, hidden_layers, read, samples_of,
    weights_of, write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::{GROUP, LANE_ROWS};
use crate::engine::gpu::schedule::Schedule;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::backward_sums::backward_sums;
use crate::model::Shape;

pub static KERNEL: Kernel = Kernel {
    name: "backward_sums",
    family: Family::Portable,
    helpers: &[ACCUMULATORS, DOT_ERRORS, MULTIPLY_ROWS],
    shader: include_str!("../../../../shaders/backward_sums.wgsl"),
    bindings: &[read(Buffer::ByRow), read(Buffer::Errors), write(Buffer::Sums)],
    grid: |extent| grid(extent.shape.config.units() / LANE_ROWS, extent.samples().div_ceil(GROUP)),
    multiplications: Some(multiplications),
    segment: |schedule| (0..schedule.layers()).for_each(|layer| segment(schedule, layer)),
    test: SelfTest {
        layers: hidden_layers,
        segment,
        step: None,
        reference: |scope, state| {
            backward_sums(scope.shape, &state.weights, scope.layer, &state.streams, &mut state.sums);
        },
        damage: Damage { find: "params.later * model.streams", replace: "model.streams" },
    },
};

fn segment(schedule: &mut Schedule, layer: usize) {
    schedule.dispatch(&KERNEL, Span::Segment, layer);
    if layer + 1 < schedule.layers() {
        schedule.dispatch(&KERNEL, Span::Above, layer);
    }
    // The last step has no next one.
    (0..schedule.steps - 1).for_each(|step| schedule.dispatch(&KERNEL, Span::Own(step), layer));
}

/// All weights but those of the embedding's columns; those of a layer's own hidden states
/// one step less. Also the multiplications of `layer_backward`.
pub fn multiplications(shape: &Shape) -> u64 {
    let config = &shape.config;
    let (embedding, own) = (config.embedding() * shape.gates(), config.units() * shape.gates());
    samples_of(shape) * (weights_of(&shape.layout.matrices) - embedding as u64) - (config.streams() * own) as u64
}
