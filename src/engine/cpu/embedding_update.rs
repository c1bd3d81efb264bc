//! Kernel `embedding_update`: gradient of the embedding, Adam, requantisation.

use super::adam_row::adam_row;
use super::state::Stream;
use crate::model::Shape;
use crate::numerics::fixed::{ACTIVATION_FRACTION, EMBEDDING_LIMIT, MASTER_FRACTION, round_shift};
use crate::numerics::wide::AdamStep;
use crate::simd::aligned::Aligned;
use rayon::prelude::*;

/// Weights that one task updates at a time.
const RUN: usize = 1024;

/// Updates masters and moments `[256][embedding]` and the forward embedding.
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
    let mut gradients: Aligned<i32> = Aligned::zeros(master.len());
    for stream in streams {
        for (&symbol, errors) in stream.previous.iter().zip(stream.embedding_errors.chunks_exact(width)).take(steps) {
            for (gradient, &error) in gradients[usize::from(symbol) * width..].iter_mut().zip(errors) {
                *gradient = gradient.wrapping_add(error);
            }
        }
    }
    // 256 rows of any width make whole runs.
    let runs = master.par_chunks_mut(RUN).zip(moments.par_chunks_mut(RUN));
    let runs = runs.zip(embedding.par_chunks_mut(RUN)).zip(gradients.par_chunks(RUN)).with_min_len(4);
    runs.for_each(|(((master, moments), embedding), gradients)| {
        adam_row(step, step.embedding_floor, EMBEDDING_LIMIT, gradients, master, moments);
        for (embedding, &master) in embedding.iter_mut().zip(master.iter()) {
            *embedding = round_shift(master, MASTER_FRACTION - ACTIVATION_FRACTION) as i8;
        }
    });
}
