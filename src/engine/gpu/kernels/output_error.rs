//! Kernel `output_error`: the gradient of the cross-entropy, probability minus target.

use super::{Damage, Family, Kernel, SelfTest, output_only, read, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::output_error::output_error;

pub static KERNEL: Kernel = Kernel {
    name: "output_error",
    family: Family::Every,
    helpers: &[],
    shader: include_str!("../../../../shaders/output_error.wgsl"),
    bindings: &[read(Buffer::Symbols), read(Buffer::Weights), write(Buffer::Errors)],
    grid: |extent| [extent.streams, extent.steps],
    multiplications: None,
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, schedule.layers()),
    test: SelfTest {
        layers: output_only,
        segment: |schedule, output| schedule.dispatch(&KERNEL, Span::Segment, output),
        step: None,
        reference: |scope, state| {
            for streams in scope.groups(&mut state.streams) {
                output_error(scope.shape, scope.shape.config.segment(), streams);
            }
        },
        damage: Damage { find: "max(mantissa, 1u)", replace: "max(mantissa + 1u, 1u)" },
    },
};
