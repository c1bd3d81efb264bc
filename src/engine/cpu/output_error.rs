//! Kernel `output_error`: the gradient of the cross-entropy, which is probability minus target.

use super::stream::Stream;
use crate::engine::INACTIVE;
use crate::model::Shape;
use crate::numerics::softmax::{Normalizer, SYMBOLS};
use crate::simd::vectorized;

/// Writes the errors of the logits of `steps` steps.
pub fn output_error(shape: &Shape, steps: usize, streams: &mut [Stream]) {
    let fraction = shape.config.error_fraction;
    for stream in streams {
        let records = stream.output_errors.chunks_exact_mut(SYMBOLS).zip(stream.weights.chunks_exact(SYMBOLS));
        for ((errors, weights), &target) in records.zip(&stream.targets).take(steps) {
            if target == INACTIVE {
                errors.fill(0);
                continue;
            }
            vectorized(
                #[inline(always)]
                || {
                    let normalizer = Normalizer::new(weights.iter().sum());
                    for (error, &weight) in errors.iter_mut().zip(weights) {
                        *error = normalizer.probability(weight, fraction) as i16;
                    }
                },
            );
            errors[usize::from(target)] -= 1 << fraction;
        }
    }
}
