//! Kernel `output_layer`: logits and their softmax. It replaces `forward_sums` and
//! `output_forward` on devices that split sums.

use super::{
    ACTIVATION, Damage, Family, Kernel, SPLIT_INPUTS, SelfTest, output_forward, output_only, read, samples_of,
    weights_of, write,
};
use crate::engine::gpu::buffers::Buffer;
use crate::engine::gpu::constants::GROUP;
use crate::engine::gpu::uniforms::Span;

pub static KERNEL: Kernel = Kernel {
    name: "output_layer",
    family: Family::Split,
    helpers: &[ACTIVATION, SPLIT_INPUTS],
    shader: include_str!("../../../../shaders/output_layer.wgsl"),
    bindings: &[
        read(Buffer::Tables),
        read(Buffer::ByInput),
        read(Buffer::Biases),
        read(Buffer::Inputs),
        write(Buffer::Weights),
    ],
    grid: |extent| [extent.samples().div_ceil(GROUP), 1],
    multiplications: Some(|shape| samples_of(shape) * weights_of(&shape.layout.matrices[shape.config.layers()..])),
    segment: |schedule| schedule.dispatch(&KERNEL, Span::Segment, schedule.layers()),
    test: SelfTest {
        layers: output_only,
        segment: |schedule, output| schedule.dispatch(&KERNEL, Span::Segment, output),
        step: Some(|schedule, span, output| schedule.dispatch(&KERNEL, span, output)),
        reference: output_forward::reference,
        damage: Damage { find: "atomicMax(&largest[part]", replace: "atomicMax(&largest[0]" },
    },
};
