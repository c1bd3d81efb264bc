//! Kernel `forward_sums`: a matrix's biases and weights times inputs, as the GPU
//! computes them before its other kernels. Here `lstm_forward` and
//! `output_forward` have the sums within; this is the definition in plain loops
//! that the GPU's kernel is compared with.

use super::state::{Stream, Weights};
use crate::model::Shape;

/// Sums of matrix `index` at every step: `sums` begins with `[steps][streams][rows]`.
pub fn forward_sums(shape: &Shape, weights: &Weights, index: usize, streams: &[Stream], sums: &mut [i32]) {
    let (matrix, packed) = (&shape.layout.matrices[index], &weights.matrices[index]);
    for (sample, sums) in (0..shape.config.segment() * streams.len()).zip(sums.chunks_exact_mut(matrix.rows)) {
        let (step, stream) = (sample / streams.len(), &streams[sample % streams.len()]);
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum = packed.biases[row];
            for run in shape.layout.input_runs(index) {
                let record = (step + 1 - run.delay) * shape.layout.activations + run.activation;
                for (input, &x) in (run.input..).zip(&stream.activations[record..][..run.len]) {
                    *sum += packed.weight(row, input) * i32::from(x);
                }
            }
        }
    }
}
