//! Definition of `embed`: the embedding of the input symbol becomes the first activations of a step.

use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;

/// Copies row `previous[step]` of the forward embedding (`[256][embedding]`, Q7) to slot `step + 1`
/// of each stream's activations (`[steps + 1][activations]`, Q7).
pub fn embed(shape: &Shape, weights: &Weights, step: usize, streams: &mut [Stream]) {
    let (width, activations) = (shape.config.embedding(), shape.layout.activations);
    for stream in streams {
        let symbol = usize::from(stream.previous[step]);
        for j in 0..width {
            stream.activations[(step + 1) * activations + j] = weights.embedding[symbol * width + j];
        }
    }
}
