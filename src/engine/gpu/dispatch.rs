//! What runs on the device in which order, kernel by kernel.

use super::GpuEngine;
use super::kernels::{KernelId, error_sample_row, input_sample_row};
use super::uniforms::Span;
use crate::numerics::softmax::SYMBOLS;

/// Lanes of a workgroup across and down; `ACROSS` and `DOWN` in shaders/common.wgsl.
const ACROSS: usize = 16;
const DOWN: usize = 4;
/// Rows or inputs, and samples, that a lane of a product carries; `WIDE` and
/// `GROUP` in shaders/common.wgsl.
const WIDE: usize = 8;
pub(super) const GROUP: usize = 4;

impl GpuEngine {
    /// One step of all layers for a group of streams: what the decoder does.
    pub(super) fn record_step(&self, pass: &mut wgpu::ComputePass<'_>, step: usize, group: usize) {
        let (layers, span) = (self.shape.config.layers(), Span::Step(step, group));
        self.dispatch(pass, KernelId::Embed, span, 0);
        for layer in 0..layers {
            self.dispatch(pass, KernelId::ForwardSums, span, layer);
            self.dispatch(pass, KernelId::LstmForward, span, layer);
        }
        self.dispatch(pass, KernelId::ForwardSums, span, layers);
        self.dispatch(pass, KernelId::OutputForward, span, layers);
    }

    /// All steps of a segment, layer by layer: only a layer's own states make it wait for each step.
    pub(super) fn record_segment(&self, pass: &mut wgpu::ComputePass<'_>) {
        let layers = self.shape.config.layers();
        self.dispatch(pass, KernelId::Embed, Span::Segment, 0);
        (0..layers).for_each(|layer| self.record_forward(pass, layer));
        self.dispatch(pass, KernelId::ForwardSums, Span::Segment, layers);
        self.dispatch(pass, KernelId::OutputForward, Span::Segment, layers);
    }

    pub(super) fn record_forward(&self, pass: &mut wgpu::ComputePass<'_>, layer: usize) {
        self.dispatch(pass, KernelId::ForwardSums, Span::Segment, layer);
        for step in 0..self.model.steps as usize {
            self.dispatch(pass, KernelId::ForwardSums, Span::Own(step), layer);
            self.dispatch(pass, KernelId::LstmForward, Span::Own(step), layer);
        }
    }

    pub(super) fn record_backward(&self, pass: &mut wgpu::ComputePass<'_>, layer: usize) {
        self.dispatch(pass, KernelId::BackwardSums, Span::Segment, layer);
        if layer + 1 < self.shape.config.layers() {
            self.dispatch(pass, KernelId::BackwardSums, Span::Above, layer);
        }
        let steps = self.model.steps as usize;
        for step in (0..steps).rev() {
            if step + 1 < steps {
                self.dispatch(pass, KernelId::BackwardSums, Span::Own(step), layer);
            }
            self.dispatch(pass, KernelId::LstmBackward, Span::Own(step), layer);
        }
    }

    pub(super) fn record_training(&self, pass: &mut wgpu::ComputePass<'_>) {
        let layers = self.shape.config.layers();
        self.dispatch(pass, KernelId::OutputError, Span::Segment, layers);
        (0..layers).rev().for_each(|layer| self.record_backward(pass, layer));
        self.dispatch(pass, KernelId::EmbeddingBackward, Span::Segment, 0);
        self.dispatch(pass, KernelId::EmbeddingUpdate, Span::Segment, 0);
        self.dispatch(pass, KernelId::Samples, Span::Segment, 0);
        (0..=layers).for_each(|layer| self.dispatch(pass, KernelId::WeightUpdate, Span::Segment, layer));
    }

    /// Records one kernel.
    pub(super) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, id: KernelId, span: Span, layer: usize) {
        let config = &self.shape.config;
        let (units, embedding) = (config.units(), config.embedding());
        let (streams, steps) = match span {
            Span::Segment | Span::Above => (config.streams(), self.model.steps as usize),
            Span::Own(_) => (config.streams(), 1),
            Span::Step(_, group) => (self.groups[group].streams.len(), 1),
        };
        let matrix = &self.shape.layout.matrices[layer];
        let samples = streams * steps;
        let grid = |across: usize, down: usize| (across.div_ceil(ACROSS), down.div_ceil(DOWN));
        let product = |width: usize| grid(width / WIDE, samples.div_ceil(GROUP));
        let columns = (input_sample_row(&self.shape) + error_sample_row(&self.shape)) / 4;
        let line = |lanes: usize| (lanes.div_ceil(ACROSS * DOWN), 1);
        let (x, y) = match id {
            KernelId::Embed => line(embedding / 16 * samples),
            KernelId::ForwardSums => product(matrix.rows),
            KernelId::LstmForward | KernelId::LstmBackward => grid(units / 4, streams),
            KernelId::OutputForward | KernelId::OutputError => (streams, steps),
            KernelId::BackwardSums => product(units),
            KernelId::EmbeddingBackward => product(embedding),
            KernelId::EmbeddingUpdate => line(SYMBOLS * embedding / 4),
            KernelId::Samples => grid(columns, samples.div_ceil(4)),
            // LARGE_TILES in shaders/weight_update.wgsl.
            KernelId::WeightUpdate if self.open.software => grid(matrix.rows / 8, matrix.inputs / 16 + 1),
            KernelId::WeightUpdate => grid(matrix.rows / 4, matrix.inputs / 8 + 1),
        };
        pass.set_pipeline(&self.pipelines[id as usize]);
        pass.set_bind_group(
            0,
            &self.bind_groups[self.set][id as usize],
            &[span.offset(&self.shape, self.groups.len(), layer)],
        );
        pass.dispatch_workgroups(x as u32, y as u32, 1);
    }
}
