//! What runs on the device in which order, kernel by kernel.

use std::ops::RangeInclusive;

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

/// A kernel, started once.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch {
    /// Which.
    pub kernel: KernelId,
    /// Where the place that it works on begins, in bytes.
    pub place: u32,
    /// Workgroups in each dimension.
    pub workgroups: [u32; 3],
}

impl GpuEngine {
    /// One step of all layers for a group of streams: what the decoder does.
    pub(super) fn record_step(&self, list: &mut Vec<Dispatch>, step: usize, group: usize) {
        let (layers, span) = (self.shape.config.layers(), Span::Step(step, group));
        self.dispatch(list, KernelId::Embed, span, 0);
        if self.splits {
            (0..layers).for_each(|layer| self.dispatch(list, KernelId::LayerForward, span, layer));
            return self.dispatch(list, KernelId::OutputLayer, span, layers);
        }
        for layer in 0..layers {
            self.dispatch(list, KernelId::ForwardSums, span, layer);
            self.dispatch(list, KernelId::LstmForward, span, layer);
        }
        self.dispatch(list, KernelId::ForwardSums, span, layers);
        self.dispatch(list, KernelId::OutputForward, span, layers);
    }

    /// All steps of a segment, layer by layer: only a layer's own states make it wait for each step.
    pub(super) fn record_segment(&self, list: &mut Vec<Dispatch>) {
        let layers = self.shape.config.layers();
        self.dispatch(list, KernelId::Embed, Span::Segment, 0);
        if self.splits {
            self.record_layers_forward(list);
            return self.dispatch(list, KernelId::OutputLayer, Span::Segment, layers);
        }
        (0..layers).for_each(|layer| self.record_forward(list, layer));
        self.dispatch(list, KernelId::ForwardSums, Span::Segment, layers);
        self.dispatch(list, KernelId::OutputForward, Span::Segment, layers);
    }

    /// All steps of all layers, each layer one step behind the one below, so
    /// that a dispatch has work for all of them.
    pub(super) fn record_layers_forward(&self, list: &mut Vec<Dispatch>) {
        for (wave, layers) in self.waves() {
            let (lowest, count) = (*layers.start(), layers.count());
            self.dispatch_layers(list, KernelId::LayerForward, Span::Own(wave - lowest), lowest, count);
        }
    }

    /// The same backward: each layer one step behind the one above.
    pub(super) fn record_layers_backward(&self, list: &mut Vec<Dispatch>) {
        let (last_step, last_layer) = (self.model.steps as usize - 1, self.shape.config.layers() - 1);
        for (wave, below) in self.waves() {
            let (least, count) = (*below.start(), below.count());
            let step = last_step + least - wave;
            self.dispatch_layers(list, KernelId::LayerBackward, Span::Own(step), last_layer - least, count);
        }
    }

    /// Waves of a segment, and by how many steps the layers at work in each are behind.
    fn waves(&self) -> impl Iterator<Item = (usize, RangeInclusive<usize>)> {
        let (steps, layers) = (self.model.steps as usize, self.shape.config.layers());
        (0..steps + layers - 1).map(move |wave| (wave, (wave + 1).saturating_sub(steps)..=wave.min(layers - 1)))
    }

    pub(super) fn record_forward(&self, list: &mut Vec<Dispatch>, layer: usize) {
        self.dispatch(list, KernelId::ForwardSums, Span::Segment, layer);
        for step in 0..self.model.steps as usize {
            self.dispatch(list, KernelId::ForwardSums, Span::Own(step), layer);
            self.dispatch(list, KernelId::LstmForward, Span::Own(step), layer);
        }
    }

    pub(super) fn record_backward(&self, list: &mut Vec<Dispatch>, layer: usize) {
        self.dispatch(list, KernelId::BackwardSums, Span::Segment, layer);
        if layer + 1 < self.shape.config.layers() {
            self.dispatch(list, KernelId::BackwardSums, Span::Above, layer);
        }
        let steps = self.model.steps as usize;
        for step in (0..steps).rev() {
            if step + 1 < steps {
                self.dispatch(list, KernelId::BackwardSums, Span::Own(step), layer);
            }
            self.dispatch(list, KernelId::LstmBackward, Span::Own(step), layer);
        }
    }

    pub(super) fn record_training(&self, list: &mut Vec<Dispatch>) {
        let layers = self.shape.config.layers();
        self.dispatch(list, KernelId::OutputError, Span::Segment, layers);
        let (embedding, update) = if self.splits {
            self.record_layers_backward(list);
            (KernelId::SplitEmbedding, KernelId::SplitUpdate)
        } else {
            (0..layers).rev().for_each(|layer| self.record_backward(list, layer));
            (KernelId::EmbeddingBackward, KernelId::WeightUpdate)
        };
        self.dispatch(list, embedding, Span::Segment, 0);
        self.dispatch(list, KernelId::EmbeddingUpdate, Span::Segment, 0);
        self.dispatch(list, KernelId::Samples, Span::Segment, 0);
        (0..=layers).for_each(|layer| self.dispatch(list, update, Span::Segment, layer));
    }

    /// Adds one kernel.
    pub(super) fn dispatch(&self, list: &mut Vec<Dispatch>, id: KernelId, span: Span, layer: usize) {
        self.dispatch_layers(list, id, span, layer, 1);
    }

    /// Adds one kernel for so many layers, of which `layer` is the first.
    fn dispatch_layers(&self, list: &mut Vec<Dispatch>, id: KernelId, span: Span, layer: usize, layers: usize) {
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
            KernelId::LayerForward | KernelId::LayerBackward => (streams.div_ceil(GROUP), units / 16),
            KernelId::SplitEmbedding => (samples.div_ceil(GROUP), embedding / 16),
            KernelId::OutputLayer => (samples.div_ceil(GROUP), 1),
            KernelId::BackwardSums => product(units),
            KernelId::EmbeddingBackward => product(embedding),
            KernelId::EmbeddingUpdate => (SYMBOLS, 1),
            KernelId::Samples => grid(columns, samples.div_ceil(4)),
            // LARGE_TILES in shaders/weight_update.wgsl.
            KernelId::SplitUpdate => (matrix.rows / 64, (matrix.inputs / 8 + 1).div_ceil(2)),
            KernelId::WeightUpdate if self.open.software => grid(matrix.rows / 8, matrix.inputs / 16 + 1),
            KernelId::WeightUpdate => grid(matrix.rows / 4, matrix.inputs / 8 + 1),
        };
        let place = span.offset(&self.shape, self.groups.len(), layer);
        list.push(Dispatch { kernel: id, place, workgroups: [x, y, layers].map(|count| count as u32) });
    }

    /// Records a pass of dispatches, each after the one before.
    pub(super) fn run(&self, encoder: &mut wgpu::CommandEncoder, list: &[Dispatch]) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for &Dispatch { kernel, place, workgroups: [x, y, z] } in list {
            pass.set_pipeline(self.open.pipeline(kernel));
            pass.set_bind_group(0, &self.bind_groups[self.set][kernel as usize], &[place]);
            pass.dispatch_workgroups(x, y, z);
        }
    }
}
