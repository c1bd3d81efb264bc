//! Kernel `embedding_update`: gradient of the embedding, Adam, rounding to forward weights.

use super::adam_row::adam_row;
use super::stream::Stream;
use crate::model::Shape;
use crate::numerics::fixed::{ACTIVATION_FRACTION, EMBEDDING_LIMIT, MASTER_FRACTION, round_shift};
use crate::numerics::wide::AdamStep;
use crate::simd::AlignedBuffer;
use rayon::prelude::*;

/// The number of weights that a task updates at a time.
const RUN: usize = 1024;

/// Updates master weights (Q24), second moments and forward embedding, all `[256][embedding]`,
/// from a segment of `steps` steps.
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
    let mut gradients: AlignedBuffer<i32> = AlignedBuffer::zeros(master.len());
    for stream in streams {
        for (&symbol, errors) in stream.previous.iter().zip(stream.embedding_errors.chunks_exact(width)).take(steps) {
            for (gradient, &error) in gradients[usize::from(symbol) * width..].iter_mut().zip(errors) {
                *gradient = gradient.wrapping_add(error);
            }
        }
    }
    // 256 rows of any legal width make whole runs.
    let runs = master.par_chunks_mut(RUN).zip(moments.par_chunks_mut(RUN));
    let runs = runs.zip(embedding.par_chunks_mut(RUN)).zip(gradients.par_chunks(RUN)).with_min_len(4);
    runs.for_each(|(((master, moments), embedding), gradients)| {
        adam_row(step, step.embedding_floor, EMBEDDING_LIMIT, gradients, master, moments);
        for (embedding, &master) in embedding.iter_mut().zip(master.iter()) {
            *embedding = round_shift(master, MASTER_FRACTION - ACTIVATION_FRACTION) as i8;
        }
    });
}
