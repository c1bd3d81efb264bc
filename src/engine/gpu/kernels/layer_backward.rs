//! Kernel `layer_backward`: one step backward of several layers, one step apart. It replaces
//! `backward_sums` and `lstm_backward` on devices that split sums.

use super::{
    ACTIVATION, CELL_BACKWARD, Damage, Family, Kernel, SPLIT_ROWS, SelfTest, backward_sums, once, read, write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::GROUP;
use crate::engine::reference::lstm_backward::lstm_backward;
use crate::model::layout::CELLS;

pub static KERNEL: Kernel = Kernel {
    name: "layer_backward",
    family: Family::Split,
    helpers: &[ACTIVATION, CELL_BACKWARD, SPLIT_ROWS],
    shader: include_str!("../../../../shaders/layer_backward.wgsl"),
    bindings: &[
        read(Buffer::Tables),
        read(Buffer::ByRow),
        read(Buffer::Shares),
        read(Buffer::Gates),
        write(Buffer::Cells),
        write(Buffer::Errors),
    ],
    grid: |extent| [extent.streams.div_ceil(GROUP), extent.shape.config.units() / CELLS],
    multiplications: Some(backward_sums::multiplications),
    segment: |schedule| schedule.backward_waves(),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| schedule.backward_waves(),
        step: None,
        reference: |scope, state| {
            let (layers, steps) = (0..scope.shape.config.layers(), scope.shape.config.segment());
            for streams in scope.groups(&mut state.streams) {
                lstm_backward(scope.shape, &state.weights, layers.clone(), steps, streams);
            }
        },
        damage: Damage { find: "step + 1u < model.steps {", replace: "step + 2u < model.steps {" },
    },
};
