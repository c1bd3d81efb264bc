//! Kernel `backward_sums`: weights times errors behind a layer's hidden states,
//! as the GPU computes them before `lstm_backward`, which has the sums within
//! here. The definition in plain loops that the GPU's kernel is compared with.

use super::state::{Stream, Weights};
use crate::model::Shape;
use crate::numerics::softmax::SYMBOLS;

/// Sums of `layer` at every step, all with the errors that `streams` hold,
/// modulo 2^32: `sums` begins with `[steps][streams][units]`.
pub fn backward_sums(shape: &Shape, weights: &Weights, layer: usize, streams: &[Stream], sums: &mut [i32]) {
    let (config, matrices) = (&shape.config, &shape.layout.matrices);
    let (steps, units, output) = (config.segment(), config.units(), config.layers());
    for (sample, sums) in (0..steps * streams.len()).zip(sums.chunks_exact_mut(units)) {
        let (step, stream) = (sample / streams.len(), &streams[sample % streams.len()]);
        let gate_errors = |layer: usize, step: usize| &stream.gate_errors[step * shape.gates() + layer * 4 * units..];
        for (unit, sum) in sums.iter_mut().enumerate() {
            *sum = 0;
            let mut add = |index: usize, input: usize, errors: &[i16]| {
                for (row, &error) in errors[..matrices[index].rows].iter().enumerate() {
                    *sum = sum.wrapping_add(weights.matrices[index].weight(row, input) * i32::from(error));
                }
            };
            add(output, layer * units + unit, &stream.output_errors[step * SYMBOLS..]);
            if layer + 1 < output {
                add(layer + 1, config.embedding() + unit, gate_errors(layer + 1, step));
            }
            if step + 1 < steps {
                add(layer, matrices[layer].inputs - units + unit, gate_errors(layer, step + 1));
            }
        }
    }
}
