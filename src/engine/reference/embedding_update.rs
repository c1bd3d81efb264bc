//! Definition of `embedding_update`: gradient of the embedding, Adam, rounding to forward weights.

use super::gradients::embedding_gradient;
use crate::engine::cpu::stream::Stream;
use crate::model::Shape;
use crate::numerics::fixed::{ACTIVATION_FRACTION, EMBEDDING_LIMIT, MASTER_FRACTION, round_shift};
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::{AdamStep, adam};

/// Updates master weights (Q24), second moments (wide numbers) and forward embedding (Q7), all
/// `[256][embedding]`, from a segment of `steps` steps.
pub fn embedding_update(
    shape: &Shape,
    steps: usize,
    step: &AdamStep,
    streams: &[Stream],
    master: &mut [i32],
    moments: &mut [u32],
    embedding: &mut [i8],
) {
    let width = shape.config.embedding();
    for symbol in 0..SYMBOLS {
        for j in 0..width {
            let n = symbol * width + j;
            let gradient = embedding_gradient(shape, steps, streams, symbol, j);
            adam(step, step.embedding_floor, EMBEDDING_LIMIT, gradient, &mut master[n], &mut moments[n]);
            embedding[n] = round_shift(master[n], MASTER_FRACTION - ACTIVATION_FRACTION) as i8;
        }
    }
}
