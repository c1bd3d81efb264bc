//! The dispatches of a model's steps and segments, in order.

use std::ops::{Range, RangeInclusive};

use super::kernels::{
    Extent, Family, Kernel, backward_sums, embed, embedding_backward, embedding_update, forward_sums, layer_backward,
    layer_forward, lstm_backward, lstm_forward, output_error, output_forward, output_layer, samples, split_embedding,
    split_update, weight_update,
};
use super::uniforms::Span;
use crate::model::Shape;

/// One start of a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Offset of its parameters in their buffer, in bytes.
    pub params: u32,
    /// Workgroups in each dimension; the last one counts layers.
    pub workgroups: [u32; 3],
}

/// A list of dispatches in the making.
pub struct Schedule<'a> {
    /// The model's shape.
    pub shape: &'a Shape,
    /// Steps of the current segment.
    pub steps: usize,
    /// The groups of streams that a decoder's step predicts one by one.
    pub groups: &'a [Range<usize>],
    /// The family that runs besides [`Family::Every`].
    pub family: Family,
    /// True if the adapter is a software implementation.
    pub software: bool,
    /// The dispatches so far.
    pub list: Vec<Dispatch>,
}

impl Schedule<'_> {
    /// The number of layers, which is also the index of the output matrix.
    pub fn layers(&self) -> usize {
        self.shape.config.layers()
    }

    /// Predicts one step for a group of streams, as a decoder does.
    pub fn step(&mut self, step: usize, group: usize) {
        let (layers, span) = (self.layers(), Span::Step(step, group));
        self.dispatch(&embed::KERNEL, span, 0);
        if self.family == Family::Split {
            (0..layers).for_each(|layer| self.dispatch(&layer_forward::KERNEL, span, layer));
            return self.dispatch(&output_layer::KERNEL, span, layers);
        }
        for layer in 0..layers {
            self.dispatch(&forward_sums::KERNEL, span, layer);
            self.dispatch(&lstm_forward::KERNEL, span, layer);
        }
        self.dispatch(&forward_sums::KERNEL, span, layers);
        self.dispatch(&output_forward::KERNEL, span, layers);
    }

    /// Predicts all steps of a segment.
    pub fn segment(&mut self) {
        let layers = self.layers();
        self.dispatch(&embed::KERNEL, Span::Segment, 0);
        if self.family == Family::Split {
            self.forward_waves();
            return self.dispatch(&output_layer::KERNEL, Span::Segment, layers);
        }
        (0..layers).for_each(|layer| self.forward_layer(layer));
        self.dispatch(&forward_sums::KERNEL, Span::Segment, layers);
        self.dispatch(&output_forward::KERNEL, Span::Segment, layers);
    }

    /// Trains on a segment after its prediction.
    pub fn training(&mut self) {
        let layers = self.layers();
        self.dispatch(&output_error::KERNEL, Span::Segment, layers);
        let (embedding, update) = if self.family == Family::Split {
            self.backward_waves();
            (&split_embedding::KERNEL, &split_update::KERNEL)
        } else {
            (0..layers).rev().for_each(|layer| self.backward_layer(layer));
            (&embedding_backward::KERNEL, &weight_update::KERNEL)
        };
        self.dispatch(embedding, Span::Segment, 0);
        self.dispatch(&embedding_update::KERNEL, Span::Segment, 0);
        self.dispatch(&samples::KERNEL, Span::Segment, 0);
        (0..=layers).for_each(|layer| self.dispatch(update, Span::Segment, layer));
    }

    /// All steps of one layer: only the products with its own hidden states run step by step.
    pub fn forward_layer(&mut self, layer: usize) {
        self.dispatch(&forward_sums::KERNEL, Span::Segment, layer);
        for step in 0..self.steps {
            self.dispatch(&forward_sums::KERNEL, Span::Own(step), layer);
            self.dispatch(&lstm_forward::KERNEL, Span::Own(step), layer);
        }
    }

    /// All steps of one layer backward, from the last.
    pub fn backward_layer(&mut self, layer: usize) {
        self.dispatch(&backward_sums::KERNEL, Span::Segment, layer);
        if layer + 1 < self.layers() {
            self.dispatch(&backward_sums::KERNEL, Span::Above, layer);
        }
        for step in (0..self.steps).rev() {
            if step + 1 < self.steps {
                self.dispatch(&backward_sums::KERNEL, Span::Own(step), layer);
            }
            self.dispatch(&lstm_backward::KERNEL, Span::Own(step), layer);
        }
    }

    /// All steps of all layers. Each layer runs one step behind the one below, so that
    /// one dispatch computes a step of every layer.
    pub fn forward_waves(&mut self) {
        for (wave, layers) in self.waves() {
            let (lowest, count) = (*layers.start(), layers.count());
            self.dispatch_layers(&layer_forward::KERNEL, Span::Own(wave - lowest), lowest, count);
        }
    }

    /// All steps of all layers backward. Each layer runs one step behind the one above.
    pub fn backward_waves(&mut self) {
        let (last_step, last_layer) = (self.steps - 1, self.layers() - 1);
        for (wave, below) in self.waves() {
            let (least, count) = (*below.start(), below.count());
            let step = last_step + least - wave;
            self.dispatch_layers(&layer_backward::KERNEL, Span::Own(step), last_layer - least, count);
        }
    }

    /// The waves of a segment, each with the delays, in steps, of the layers that run in it.
    fn waves(&self) -> impl Iterator<Item = (usize, RangeInclusive<usize>)> + use<> {
        let (steps, layers) = (self.steps, self.layers());
        (0..steps + layers - 1).map(move |wave| (wave, (wave + 1).saturating_sub(steps)..=wave.min(layers - 1)))
    }

    /// Adds one kernel; `layer` is the index of its matrix.
    pub fn dispatch(&mut self, kernel: &'static Kernel, span: Span, layer: usize) {
        self.dispatch_layers(kernel, span, layer, 1);
    }

    /// Adds one kernel for `layers` layers, of which `layer` is the first.
    fn dispatch_layers(&mut self, kernel: &'static Kernel, span: Span, layer: usize, layers: usize) {
        let (streams, steps) = match span {
            Span::Segment | Span::Above => (self.shape.config.streams(), self.steps),
            Span::Own(_) => (self.shape.config.streams(), 1),
            Span::Step(_, group) => (self.groups[group].len(), 1),
        };
        let matrix = &self.shape.layout.matrices[layer];
        let [x, y] = (kernel.grid)(&Extent { shape: self.shape, matrix, streams, steps, software: self.software });
        let params = span.offset(self.shape, self.groups.len(), layer);
        self.list.push(Dispatch { kernel, params, workgroups: [x, y, layers].map(|count| count as u32) });
    }
}
