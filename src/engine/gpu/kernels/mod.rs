//! The kernels: one file describes each of them, and [`ALL`] lists them.

pub mod backward_sums;
pub mod embed;
pub mod embedding_backward;
pub mod embedding_update;
pub mod forward_sums;
pub mod layer_backward;
pub mod layer_forward;
pub mod lstm_backward;
pub mod lstm_forward;
pub mod output_error;
pub mod output_forward;
pub mod output_layer;
pub mod samples;
pub mod split_embedding;
pub mod split_update;
pub mod weight_update;

use std::fmt;
use std::ops::Range;
use std::slice::ChunksMut;

use super::buffers::Buffer;
use super::constants::{ACROSS, DOWN, PORTABLE_LANES, wgsl};
use super::image::State;
use super::schedule::Schedule;
use super::uniforms::Span;
use crate::engine::cpu::stream::Stream;
use crate::model::{Matrix, Shape};
use crate::numerics::wide::AdamStep;
use crate::simd;

/// All kernels. A kernel's place in the list is only its index.
pub static ALL: [&Kernel; 16] = [
    &embed::KERNEL,
    &forward_sums::KERNEL,
    &lstm_forward::KERNEL,
    &output_forward::KERNEL,
    &output_error::KERNEL,
    &backward_sums::KERNEL,
    &lstm_backward::KERNEL,
    &embedding_backward::KERNEL,
    &embedding_update::KERNEL,
    &samples::KERNEL,
    &weight_update::KERNEL,
    &layer_forward::KERNEL,
    &output_layer::KERNEL,
    &layer_backward::KERNEL,
    &split_embedding::KERNEL,
    &split_update::KERNEL,
];

/// The devices that run a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// All devices.
    Every,
    /// Software implementations, and devices with no more than every WebGPU device has.
    Portable,
    /// Devices that split a sum over the lanes of a workgroup, in place of [`Family::Portable`].
    Split,
}

/// The description of a kernel.
pub struct Kernel {
    /// The name of its shader's file and entry point.
    pub name: &'static str,
    /// The devices that run it.
    pub family: Family,
    /// The texts of helpers that its shader needs, besides constants and common.wgsl.
    pub helpers: &'static [&'static str],
    /// The text of its shader.
    pub shader: &'static str,
    /// Its storage buffers, from binding 2 on.
    pub bindings: &'static [Binding],
    /// Returns the number of workgroups across and down.
    pub grid: fn(&Extent) -> [usize; 2],
    /// Returns the number of multiplications in a segment, if the kernel is a matrix product.
    pub multiplications: Option<fn(&Shape) -> u64>,
    /// Adds the kernel's own dispatches of a whole segment, for measurements.
    pub segment: fn(&mut Schedule),
    /// The kernel's check.
    pub test: SelfTest,
}

/// A storage buffer of a kernel.
pub struct Binding {
    /// The buffer.
    pub buffer: Buffer,
    /// True if the kernel writes it.
    pub written: bool,
}

const fn read(buffer: Buffer) -> Binding {
    Binding { buffer, written: false }
}

const fn write(buffer: Buffer) -> Binding {
    Binding { buffer, written: true }
}

/// How a kernel is compared with its reference.
pub struct SelfTest {
    /// The layers that are checked one by one.
    pub layers: fn(&Shape) -> Range<usize>,
    /// Adds the dispatches for one of these layers and a whole segment: the kernel, behind
    /// those whose results it needs.
    pub segment: fn(&mut Schedule, usize),
    /// Adds the dispatches for one step of a group of streams, if a decoder's step has the kernel.
    pub step: Option<fn(&mut Schedule, Span, usize)>,
    /// Does on the host what these dispatches do, by the CPU engine or the plain definition.
    pub reference: fn(&Scope, &mut State),
    /// A wrong text of the shader that the check must notice.
    pub damage: Damage,
}

/// A change of a shader's text, of a kind that a faulty compiler might make.
pub struct Damage {
    /// A part of the text; its first occurrence is replaced.
    pub find: &'static str,
    /// The wrong text.
    pub replace: &'static str,
}

/// The part of a model that a dispatch works on.
pub struct Extent<'a> {
    pub shape: &'a Shape,
    /// The matrix of the dispatch's layer.
    pub matrix: &'a Matrix,
    pub streams: usize,
    pub steps: usize,
    /// True if the adapter is a software implementation.
    pub software: bool,
}

impl Extent<'_> {
    /// The number of samples: steps times streams.
    pub fn samples(&self) -> usize {
        self.streams * self.steps
    }
}

/// The part of a model that a check works on.
pub struct Scope<'a> {
    pub shape: &'a Shape,
    pub layer: usize,
    /// All streams or those of one group; the others stay as they are.
    pub streams: Range<usize>,
    pub adam: &'a AdamStep,
}

impl Scope<'_> {
    /// The streams, as many at a time as the CPU engine's kernels take.
    fn groups<'a>(&self, streams: &'a mut [Stream]) -> ChunksMut<'a, Stream> {
        streams[self.streams.clone()].chunks_mut(simd::GROUP)
    }
}

impl Kernel {
    /// The index in [`ALL`].
    pub fn index(&self) -> usize {
        ALL.iter().position(|&kernel| kernel == self).expect("every kernel is in the list")
    }

    /// True if devices run it that split sums, or that do not.
    pub fn is_used(&self, splits: bool) -> bool {
        match self.family {
            Family::Every => true,
            Family::Portable => !splits,
            Family::Split => splits,
        }
    }

    /// The complete text of its shader.
    pub fn wgsl(&self) -> String {
        [&wgsl(), COMMON, &self.helpers.concat(), self.shader].concat()
    }

    /// The buffers that it writes.
    pub fn written(&self) -> impl Iterator<Item = Buffer> {
        self.bindings.iter().filter(|binding| binding.written).map(|binding| binding.buffer)
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Kernel {}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const COMMON: &str = include_str!("../../../../shaders/common.wgsl");
const ACCUMULATORS: &str = include_str!("../../../../shaders/accumulators.wgsl");
const ACTIVATION: &str = include_str!("../../../../shaders/activation.wgsl");
const ADAM: &str = include_str!("../../../../shaders/adam.wgsl");
const CELL_BACKWARD: &str = include_str!("../../../../shaders/cell_backward.wgsl");
const CELL_FORWARD: &str = include_str!("../../../../shaders/cell_forward.wgsl");
const DOT_ERRORS: &str = include_str!("../../../../shaders/dot_errors.wgsl");
const GRADIENT: &str = include_str!("../../../../shaders/gradient.wgsl");
const MULTIPLY_ROWS: &str = include_str!("../../../../shaders/multiply_rows.wgsl");
const SPLIT_INPUTS: &str = include_str!("../../../../shaders/split_inputs.wgsl");
const SPLIT_ROWS: &str = include_str!("../../../../shaders/split_rows.wgsl");

/// The workgroups of a kernel whose grid of lanes has two dimensions.
fn grid(across: usize, down: usize) -> [usize; 2] {
    [across.div_ceil(ACROSS), down.div_ceil(DOWN)]
}

/// The workgroups of a kernel whose grid of lanes has one dimension.
fn line(lanes: usize) -> [usize; 2] {
    [lanes.div_ceil(PORTABLE_LANES), 1]
}

/// The samples of a whole segment.
fn samples_of(shape: &Shape) -> u64 {
    (shape.config.streams() * shape.config.segment()) as u64
}

/// The weights of some matrices.
fn weights_of(matrices: &[Matrix]) -> u64 {
    matrices.iter().map(|matrix| (matrix.rows * matrix.inputs) as u64).sum()
}

/// The first and only index of a kernel that runs once for all layers.
fn once(_: &Shape) -> Range<usize> {
    0..1
}

/// The index of the output matrix.
fn output_only(shape: &Shape) -> Range<usize> {
    shape.config.layers()..shape.config.layers() + 1
}

/// The layers without the output.
fn hidden_layers(shape: &Shape) -> Range<usize> {
    0..shape.config.layers()
}
