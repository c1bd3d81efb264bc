//! Kernel `layer_forward`: one step of one layer, or of several layers one step apart. It
//! replaces `forward_sums` and `lstm_forward` on devices that split sums.

use super::{
    ACTIVATION, CELL_FORWARD, Damage, Family, Kernel, SPLIT_INPUTS, SelfTest, embed, once, read, samples_of,
    weights_of, write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::GROUP;
use crate::engine::gpu::uniforms::Span;
use crate::engine::reference::embed::embed;
use crate::engine::reference::lstm_forward::lstm_forward;
use crate::model::layout::CELLS;

pub static KERNEL: Kernel = Kernel {
    name: "layer_forward",
    family: Family::Split,
    helpers: &[ACTIVATION, CELL_FORWARD, SPLIT_INPUTS],
    shader: include_str!("../../../../shaders/layer_forward.wgsl"),
    bindings: &[
        read(Buffer::Tables),
        read(Buffer::ByInput),
        read(Buffer::Biases),
        read(Buffer::Shares),
        write(Buffer::Inputs),
        write(Buffer::Gates),
        write(Buffer::Cells),
    ],
    grid: |extent| [extent.streams.div_ceil(GROUP), extent.shape.config.units() / CELLS],
    multiplications: Some(|shape| samples_of(shape) * weights_of(&shape.layout.matrices[..shape.config.layers()])),
    segment: |schedule| schedule.forward_waves(),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| {
            schedule.dispatch(&embed::KERNEL, Span::Segment, 0);
            schedule.forward_waves();
        },
        step: Some(|schedule, span, _| {
            schedule.dispatch(&embed::KERNEL, span, 0);
            (0..schedule.layers()).for_each(|layer| schedule.dispatch(&KERNEL, span, layer));
        }),
        reference: |scope, state| {
            let (layers, steps) = (0..scope.shape.config.layers(), 0..scope.shape.config.segment());
            for streams in scope.groups(&mut state.streams) {
                steps.clone().for_each(|step| embed(scope.shape, &state.weights, step, streams));
                lstm_forward(scope.shape, &state.weights, layers.clone(), steps.clone(), streams);
            }
        },
        damage: Damage { find: "step = params.step - group.z", replace: "step = params.step" },
    },
};
