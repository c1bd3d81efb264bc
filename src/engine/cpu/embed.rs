//! Kernel `embed`: the embeddings of the input symbols become activations.

use super::stream::Stream;
use super::weights::Weights;
use crate::model::Shape;

/// Writes the embedding part of slot `step + 1` of each stream.
pub fn embed(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let width = shape.config.embedding();
    for stream in streams {
        let symbol = usize::from(stream.previous[step]);
        let record = (step + 1) * shape.layout.activations;
        stream.activations[record..][..width].copy_from_slice(&weights.embedding[symbol * width..][..width]);
    }
}
