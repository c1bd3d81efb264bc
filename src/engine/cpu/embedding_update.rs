//! Kernel `embedding_update`: gradient of the embedding, Adam, requantisation.

use super::simd::vectorized;
use super::state::{Shape, Stream};
use crate::numerics::fixed::{MASTER_FRACTION, round_shift};
use crate::numerics::tables::TABLES;
use crate::numerics::wide::{AdamStep, adam};
use rayon::prelude::*;

/// Updates masters and moments `[256][embedding]` and the forward embedding.
pub fn embedding_update(
    shape: &Shape,
    steps: usize,
    step: &AdamStep,
    streams: &[Stream],
    master: &mut [i32],
    moments: &mut [u32],
    embedding: &mut [i16],
) {
    let width = shape.config.embedding();
    let mut gradients = vec![0i32; master.len()];
    for stream in streams {
        for (&symbol, errors) in stream.previous.iter().zip(stream.embedding_errors.chunks_exact(width)).take(steps) {
            for (gradient, &error) in gradients[usize::from(symbol) * width..].iter_mut().zip(errors) {
                *gradient = gradient.wrapping_add(error);
            }
        }
    }
    let shift = MASTER_FRACTION - shape.config.activation_fraction();
    let limit = shape.config.activation_limit() << shift;
    let rows = master.par_chunks_mut(width).zip(moments.par_chunks_mut(width));
    let rows = rows.zip(embedding.par_chunks_mut(width)).zip(gradients.par_chunks(width)).with_min_len(64);
    rows.for_each(|(((master, moments), embedding), gradients)| {
        vectorized(|| {
            for n in 0..gradients.len() {
                adam(&TABLES, step, step.embedding_floor, limit, gradients[n], &mut master[n], &mut moments[n]);
                embedding[n] = round_shift(master[n], shift) as i16;
            }
        });
    });
}
