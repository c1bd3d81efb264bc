//! Activations of a segment, transposed: the sums of the gradients run over samples.

use rayon::prelude::*;

use super::stream::Stream;
use crate::model::Shape;
use crate::model::layout::TILE;
use crate::numerics::fixed::BYTE_LIMIT;
use crate::numerics::softmax::SYMBOLS;

/// The activations of all samples. A sample is one step of one stream; samples are ordered by
/// step, then by stream. The delayed inputs of a step are those of the step before, so one list
/// serves both.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// `[activations][row]`: a row has one slot more than steps, and padding.
    by_activation: Vec<i16>,
    row: usize,
    streams: usize,
    /// The constant input of the biases.
    constant: Vec<i16>,
    /// Streams times steps, rounded up to an even number.
    pub count: usize,
}

impl Samples {
    /// Transposes the activations of a segment of `steps` steps.
    pub fn gather(&mut self, shape: &Shape, steps: usize, streams: &[Stream]) {
        let activations = shape.layout.activations;
        self.streams = streams.len();
        self.count = (steps * streams.len()).next_multiple_of(2);
        self.row = self.count + streams.len();
        self.by_activation.resize(activations * self.row, 0);
        self.constant.resize(self.count, 0);
        self.constant.fill(BYTE_LIMIT as i16);
        let slots = (steps + 1) * streams.len();
        // A run of activations at a time, so that each cache line is read once.
        const RUN: usize = 16;
        self.by_activation.par_chunks_mut(RUN * self.row).with_min_len(4).enumerate().for_each(|(run, rows)| {
            for (slot, stream) in (0..slots).zip(streams.iter().cycle()) {
                let values = &stream.activations[slot / self.streams * activations + run * RUN..][..RUN];
                for (row, &value) in rows.chunks_exact_mut(self.row).zip(values) {
                    row[slot] = value.into();
                }
            }
            rows.chunks_exact_mut(self.row).for_each(|row| row[slots..].fill(0));
        });
    }

    /// One input of a matrix in all samples; after the last input comes that of the biases.
    pub fn input(&self, shape: &Shape, index: usize, input: usize) -> &[i16] {
        let mut runs = shape.layout.input_runs(index).iter();
        match runs.find(|run| input < run.input + run.len) {
            None => &self.constant,
            Some(run) => {
                let row = &self.by_activation[(run.activation + input - run.input) * self.row..];
                &row[(1 - run.delay) * self.streams..][..self.count]
            }
        }
    }

    /// Writes the errors of tile `tile` of matrix `index` in all samples: `[count / 2][64][2]`.
    pub fn errors(
        &self,
        shape: &Shape,
        index: usize,
        tile: usize,
        steps: usize,
        streams: &[Stream],
        errors: &mut [i16],
    ) {
        let step_errors = |sample: usize| -> &[i16; TILE] {
            let (step, stream) = (sample / streams.len(), &streams[sample % streams.len()]);
            let errors = if index == shape.config.layers() {
                &stream.output_errors[step * SYMBOLS + tile * TILE..]
            } else {
                &stream.gate_errors[step * shape.gates() + index * 4 * shape.config.units() + tile * TILE..]
            };
            errors.first_chunk().expect("errors of a tile")
        };
        let samples = steps * streams.len();
        for (pair, errors) in errors.chunks_exact_mut(2 * TILE).enumerate() {
            let even = step_errors(2 * pair);
            let odd = if 2 * pair + 1 < samples { step_errors(2 * pair + 1) } else { &[0; TILE] };
            for n in 0..TILE {
                (errors[2 * n], errors[2 * n + 1]) = (even[n], odd[n]);
            }
        }
    }
}
