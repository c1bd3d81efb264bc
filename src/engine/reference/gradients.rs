//! Definition of the gradients: sums over all steps and streams of a segment.

use super::backward_sums::error_value;
use super::forward_sums::input_value;
use crate::engine::cpu::stream::Stream;
use crate::model::Shape;
use crate::numerics::fixed::BYTE_LIMIT;

/// The gradient of one weight of matrix `index`: its row's errors times its input (Q7). The gradient
/// of the bias has `input == inputs`, and 127 as its constant input.
pub fn weight_gradient(shape: &Shape, steps: usize, streams: &[Stream], index: usize, row: usize, input: usize) -> i32 {
    let mut gradient = 0;
    for step in 0..steps {
        for stream in streams {
            let x = match input == shape.layout.matrices[index].inputs {
                true => BYTE_LIMIT,
                false => input_value(shape, index, stream, step, input),
            };
            gradient += error_value(shape, index, stream, step, row) * x;
        }
    }
    gradient
}

/// The gradient of value `j` of a symbol's embedding: its errors (`[steps][embedding]`) where the
/// symbol was the input.
pub fn embedding_gradient(shape: &Shape, steps: usize, streams: &[Stream], symbol: usize, j: usize) -> i32 {
    let mut gradient = 0;
    for step in 0..steps {
        for stream in streams {
            if usize::from(stream.previous[step]) == symbol {
                gradient += stream.embedding_errors[step * shape.config.embedding() + j];
            }
        }
    }
    gradient
}
