//! Kernel `output_forward`: softmax of the logits, from the sums of the output's rows.

use super::{ACTIVATION, Damage, Family, Kernel, Scope, SelfTest, forward_sums, output_only, read, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::image::State;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::output_forward::output_forward;

pub static KERNEL: Kernel = Kernel {
    name: "output_forward",
    family: Family::Portable,
    helpers: &[ACTIVATION],
    shader: include_str!("../../../../shaders/output_forward.wgsl"),
    bindings: &[read(Buffer::Tables), read(Buffer::Sums), write(Buffer::Weights)],
    grid: |extent| [extent.streams, extent.steps],
    multiplications: None,
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, schedule.layers()),
    test: SelfTest {
        layers: output_only,
        segment: |schedule, output| {
            schedule.dispatch(&forward_sums::KERNEL, Span::Segment, output);
            schedule.dispatch(&KERNEL, Span::Segment, output);
        },
        step: Some(|schedule, span, output| {
            schedule.dispatch(&forward_sums::KERNEL, span, output);
            schedule.dispatch(&KERNEL, span, output);
        }),
        reference,
        damage: Damage { find: "const LOG2_E: u32 = 11819u;", replace: "const LOG2_E: u32 = 11820u;" },
    },
};

/// Logits and softmax by the CPU engine; also the reference of `output_layer`.
pub fn reference(scope: &Scope, state: &mut State) {
    for streams in scope.groups(&mut state.streams) {
        output_forward(scope.shape, &state.weights, 0..scope.shape.config.segment(), streams);
    }
}
