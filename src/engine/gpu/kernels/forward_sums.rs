//! Kernel `forward_sums`: biases and weights times inputs of one matrix. All steps of a
//! segment at once, but for a layer's own hidden states, which are added step by step.

use super::{ACCUMULATORS, Damage, Family, Kernel, SelfTest, grid, read, samples_of, weights_of, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::{GROUP, LANE_ROWS};
use crate::engine::gpu::image::State;
use crate::engine::gpu::kernels::Scope;
use crate::engine::gpu::schedule::Schedule;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::forward_sums::forward_sums;

pub static KERNEL: Kernel = Kernel {
    name: "forward_sums",
    family: Family::Portable,
    helpers: &[ACCUMULATORS],
    shader: include_str!("../../../../shaders/forward_sums.wgsl"),
    bindings: &[read(Buffer::ByInput), read(Buffer::Biases), read(Buffer::Inputs), write(Buffer::Sums)],
    grid: |extent| grid(extent.matrix.rows / LANE_ROWS, extent.samples().div_ceil(GROUP)),
    multiplications: Some(|shape| samples_of(shape) * weights_of(&shape.layout.matrices)),
    segment: |schedule| (0..=schedule.layers()).for_each(|layer| segment(schedule, layer)),
    test: SelfTest {
        layers: |shape| 0..shape.layout.matrices.len(),
        segment,
        step: Some(|schedule, span, layer| schedule.dispatch(&KERNEL, span, layer)),
        reference,
        damage: Damage { find: "break if q >= params.forward.z;", replace: "break if q + 1u >= params.forward.z;" },
    },
};

fn segment(schedule: &mut Schedule, layer: usize) {
    schedule.dispatch(&KERNEL, Span::Segment, layer);
    if layer < schedule.layers() {
        (0..schedule.steps).for_each(|step| schedule.dispatch(&KERNEL, Span::Own(step), layer));
    }
}

fn reference(scope: &Scope, state: &mut State) {
    let State { weights, streams, sums, .. } = state;
    let rows = scope.shape.layout.matrices[scope.layer].rows;
    let mut all = sums.clone();
    forward_sums(scope.shape, weights, scope.layer, streams, &mut all);
    for (sample, (sums, all)) in sums.chunks_exact_mut(rows).zip(all.chunks_exact(rows)).enumerate() {
        if scope.streams.contains(&(sample % streams.len())) {
            sums.copy_from_slice(all);
        }
    }
}
