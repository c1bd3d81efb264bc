//! Definition of `forward_sums`: a matrix's biases plus weights times inputs.

use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;

/// Sums of matrix `index` at every step of the segment, Q13: `sums` begins with
/// `[steps][streams][rows]`.
pub fn forward_sums(shape: &Shape, weights: &Weights, index: usize, streams: &[Stream], sums: &mut [i32]) {
    let rows = shape.layout.matrices[index].rows;
    for step in 0..shape.config.segment() {
        for (m, stream) in streams.iter().enumerate() {
            for row in 0..rows {
                sums[(step * streams.len() + m) * rows + row] = forward_sum(shape, weights, index, stream, step, row);
            }
        }
    }
}

/// The sum of one row of matrix `index` at one step of one stream, Q13: the bias (Q13) plus weights
/// (`[rows][inputs]`, Q6) times inputs (Q7).
pub fn forward_sum(shape: &Shape, weights: &Weights, index: usize, stream: &Stream, step: usize, row: usize) -> i32 {
    let packed = &weights.matrices[index];
    let mut sum = packed.biases[row];
    for input in 0..shape.layout.matrices[index].inputs {
        sum += packed.weight(row, input) * input_value(shape, index, stream, step, input);
    }
    sum
}

/// One input of matrix `index` at a step, Q7: an activation of this step or of the step before.
pub fn input_value(shape: &Shape, index: usize, stream: &Stream, step: usize, input: usize) -> i32 {
    let mut runs = shape.layout.input_runs(index).iter();
    let run = runs.find(|run| input < run.input + run.len).expect("an input of the matrix");
    let slot = step + 1 - run.delay;
    stream.activations[slot * shape.layout.activations + run.activation + input - run.input].into()
}
