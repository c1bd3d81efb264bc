//! Definition of `weight_update`: gradients of all matrices, Adam, rounding to forward weights.

use super::gradients::weight_gradient;
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::PackedMatrix;
use crate::model::Shape;
use crate::numerics::fixed::{
    BIAS_LIMIT, MASTER_FRACTION, PREACTIVATION_FRACTION, WEIGHT_FRACTION, WEIGHT_LIMIT, round_shift,
};
use crate::numerics::wide::{AdamStep, adam};

/// Updates master weights (Q24) and second moments (wide numbers) of all matrices, one matrix after
/// the other in the order of the layout, and the forward weights (Q6; biases Q13), from a segment of
/// `steps` steps.
pub fn weight_update(
    shape: &Shape,
    steps: usize,
    step: &AdamStep,
    streams: &[Stream],
    master: &mut [i32],
    moments: &mut [u32],
    weights: &mut [PackedMatrix],
) {
    for (index, matrix) in shape.layout.matrices.iter().enumerate() {
        for row in 0..matrix.rows {
            for input in 0..=matrix.inputs {
                let n = matrix.index(row, input) - shape.layout.embedding_len;
                let is_bias = input == matrix.inputs;
                let limit = if is_bias { BIAS_LIMIT } else { WEIGHT_LIMIT };
                let gradient = weight_gradient(shape, steps, streams, index, row, input);
                adam(step, step.weight_floor, limit, gradient, &mut master[n], &mut moments[n]);
                if is_bias {
                    weights[index].biases[row] = round_shift(master[n], MASTER_FRACTION - PREACTIVATION_FRACTION);
                } else {
                    let weight = round_shift(master[n], MASTER_FRACTION - WEIGHT_FRACTION);
                    weights[index].set_weight(row, input, weight);
                }
            }
        }
    }
}
