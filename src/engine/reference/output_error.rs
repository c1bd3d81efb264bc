//! Definition of `output_error`: the gradient of the cross-entropy, which is probability minus target.

use crate::engine::INACTIVE;
use crate::engine::cpu::stream::Stream;
use crate::model::Shape;
use crate::numerics::softmax::{Normalizer, SYMBOLS};

/// Writes the errors of the logits (`output_errors`, `[steps][256]`, error format) of `steps` steps
/// from the softmax weights (`[steps][256]`) and the targets (`[steps]`).
pub fn output_error(shape: &Shape, steps: usize, streams: &mut [Stream]) {
    let fraction = shape.config.error_fraction;
    for stream in streams {
        for step in 0..steps {
            let first = step * SYMBOLS;
            let target = stream.targets[step];
            let sum = (0..SYMBOLS).map(|symbol| stream.weights[first + symbol]).sum();
            for symbol in 0..SYMBOLS {
                let error = if target == INACTIVE {
                    0
                } else {
                    let probability = Normalizer::new(sum).probability(stream.weights[first + symbol], fraction) as i32;
                    if symbol == usize::from(target) { probability - (1 << fraction) } else { probability }
                };
                stream.output_errors[first + symbol] = error as i16;
            }
        }
    }
}
