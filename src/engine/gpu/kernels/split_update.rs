//! Kernel `split_update`: gradient, Adam and forward weights of one matrix. It replaces
//! `weight_update` on devices that split sums.

use super::weight_update::{BINDINGS, multiplications, reference};
use super::{ADAM, Damage, Family, GRADIENT, Kernel, SelfTest, once, samples};
use crate::engine::gpu::constants::{TILE_INPUTS, TILE_ROWS, UPDATE_ACROSS, UPDATE_DOWN};
use crate::engine::gpu::schedule::Schedule;
use crate::engine::gpu::uniforms::Span;

pub static KERNEL: Kernel = Kernel {
    name: "split_update",
    family: Family::Split,
    helpers: &[ADAM, GRADIENT],
    shader: include_str!("../../../../shaders/split_update.wgsl"),
    bindings: BINDINGS,
    grid: |extent| {
        // The last tiles down are those of the biases.
        let (rows, inputs) = (extent.matrix.rows / TILE_ROWS, extent.matrix.inputs / TILE_INPUTS + 1);
        [rows.div_ceil(UPDATE_ACROSS), inputs.div_ceil(UPDATE_DOWN)]
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
        damage: Damage { find: "n + 4u * UPDATE_PARTS < count", replace: "n + 8u * UPDATE_PARTS < count" },
    },
};

fn segment(schedule: &mut Schedule) {
    (0..=schedule.layers()).for_each(|layer| schedule.dispatch(&KERNEL, Span::Segment, layer));
}
