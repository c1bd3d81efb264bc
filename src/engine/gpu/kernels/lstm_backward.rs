//! Kernel `lstm_backward`: errors of one layer's gates at one step, from the sums of
//! weights times errors of its hidden states.

use super::{ACTIVATION, CELL_BACKWARD, Damage, Family, Kernel, SelfTest, grid, hidden_layers, read, write};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::QUAD;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::lstm_backward::lstm_backward;

pub static KERNEL: Kernel = Kernel {
    name: "lstm_backward",
    family: Family::Portable,
    helpers: &[ACTIVATION, CELL_BACKWARD],
    shader: include_str!("../../../../shaders/lstm_backward.wgsl"),
    bindings: &[
        read(Buffer::Tables),
        read(Buffer::Sums),
        read(Buffer::Shares),
        read(Buffer::Gates),
        write(Buffer::Cells),
        write(Buffer::Errors),
    ],
    grid: |extent| grid(extent.shape.config.units() / QUAD, extent.streams),
    multiplications: None,
    segment: |schedule| {
        for layer in 0..schedule.layers() {
            (0..schedule.steps).for_each(|step| schedule.dispatch(&KERNEL, Span::Own(step), layer));
        }
    },
    test: SelfTest {
        layers: hidden_layers,
        segment: |schedule, layer| schedule.backward_layer(layer),
        step: None,
        reference: |scope, state| {
            let (layers, steps) = (scope.layer..scope.layer + 1, scope.shape.config.segment());
            for streams in scope.groups(&mut state.streams) {
                lstm_backward(scope.shape, &state.weights, layers.clone(), steps, streams);
            }
        },
        damage: Damage { find: "round_shift(a * b, GATE_FRACTION)", replace: "(a * b) >> vec4<u32>(GATE_FRACTION)" },
    },
};
