//! Kernel `samples`: inputs and errors of a segment, transposed for the sums of gradients.

use super::{Damage, Family, Kernel, SelfTest, grid, once, read, write};
use crate::engine::gpu::buffers::{Buffer, error_sample_row, input_sample_row};
use crate::engine::gpu::constants::WORD;
use crate::engine::gpu::uniforms::Span;

pub static KERNEL: Kernel = Kernel {
    name: "samples",
    family: Family::Every,
    helpers: &[],
    shader: include_str!("../../../../shaders/samples.wgsl"),
    bindings: &[read(Buffer::Inputs), read(Buffer::Errors), write(Buffer::InputSamples), write(Buffer::ErrorSamples)],
    grid: |extent| {
        let columns = (input_sample_row(extent.shape) + error_sample_row(extent.shape)) / WORD;
        grid(columns, extent.samples().div_ceil(WORD))
    },
    multiplications: None,
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, 0),
    test: SelfTest {
        layers: once,
        segment: |schedule, _| schedule.dispatch(&KERNEL, Span::Segment, 0),
        step: None,
        // It only reorders values: the definition is the image of the buffers that it writes.
        reference: |_, _| (),
        damage: Damage { find: "vec4<u32>(words.y) >>", replace: "vec4<u32>(words.x) >>" },
    },
};
