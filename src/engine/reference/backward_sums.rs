//! Definition of `backward_sums`: weights times errors behind a layer's hidden states.

use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::numerics::softmax::SYMBOLS;

/// Sums of `layer` at every step of the segment, from the errors in `streams`, modulo 2^32: `sums`
/// begins with `[steps][streams][units]`.
pub fn backward_sums(shape: &Shape, weights: &Weights, layer: usize, streams: &[Stream], sums: &mut [i32]) {
    let (steps, units) = (shape.config.segment(), shape.config.units());
    for step in 0..steps {
        for (m, stream) in streams.iter().enumerate() {
            for unit in 0..units {
                sums[(step * streams.len() + m) * units + unit] =
                    backward_sum(shape, weights, layer, stream, step, steps, unit);
            }
        }
    }
}

/// The sum behind one hidden state at one of `steps` steps of one stream, modulo 2^32: weights
/// (`[rows][inputs]`, Q6) times the errors of the output (`[steps][256]`), of the layer above
/// (`[steps][4 units]`), and of the layer itself at the step after.
pub fn backward_sum(
    shape: &Shape,
    weights: &Weights,
    layer: usize,
    stream: &Stream,
    step: usize,
    steps: usize,
    unit: usize,
) -> i32 {
    let (embedding, units, layers) = (shape.config.embedding(), shape.config.units(), shape.config.layers());
    let mut sum = 0i32;
    for row in 0..SYMBOLS {
        let weight = weights.matrices[layers].weight(row, layer * units + unit);
        sum = sum.wrapping_add(weight * error_value(shape, layers, stream, step, row));
    }
    if layer + 1 < layers {
        for row in 0..4 * units {
            let weight = weights.matrices[layer + 1].weight(row, embedding + unit);
            sum = sum.wrapping_add(weight * error_value(shape, layer + 1, stream, step, row));
        }
    }
    if step + 1 < steps {
        let own_states = shape.layout.matrices[layer].inputs - units;
        for row in 0..4 * units {
            let weight = weights.matrices[layer].weight(row, own_states + unit);
            sum = sum.wrapping_add(weight * error_value(shape, layer, stream, step + 1, row));
        }
    }
    sum
}

/// The error of one row of matrix `index` at a step: of a logit or of a gate.
pub fn error_value(shape: &Shape, index: usize, stream: &Stream, step: usize, row: usize) -> i32 {
    match index == shape.config.layers() {
        true => stream.output_errors[step * SYMBOLS + row].into(),
        false => stream.gate_errors[step * shape.gates() + index * 4 * shape.config.units() + row].into(),
    }
}
