//! Kernel `lstm_forward`: gates, cell states and hidden states of one layer at one step,
//! from the sums of its rows.

use super::{
    ACTIVATION, CELL_FORWARD, Damage, Family, Kernel, SelfTest, forward_sums, grid, hidden_layers, read, write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::QUAD;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::lstm_forward::lstm_forward;

pub static KERNEL: Kernel = Kernel {
    name: "lstm_forward",
    family: Family::Portable,
    helpers: &[ACTIVATION, CELL_FORWARD],
    shader: include_str!("../../../../shaders/lstm_forward.wgsl"),
    bindings: &[
        read(Buffer::Tables),
        read(Buffer::Sums),
        read(Buffer::Shares),
        write(Buffer::Inputs),
        write(Buffer::Gates),
        write(Buffer::Cells),
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
        segment: |schedule, layer| schedule.forward_layer(layer),
        step: Some(|schedule, span, layer| {
            schedule.dispatch(&forward_sums::KERNEL, span, layer);
            schedule.dispatch(&KERNEL, span, layer);
        }),
        reference: |scope, state| {
            let (layers, steps) = (scope.layer..scope.layer + 1, 0..scope.shape.config.segment());
            for streams in scope.groups(&mut state.streams) {
                lstm_forward(scope.shape, &state.weights, layers.clone(), steps.clone(), streams);
            }
        },
        damage: Damage { find: "GATE_ONE - positive", replace: "GATE_ONE - 1 - positive" },
    },
};
