//! Initial weights from an integer random generator.

use super::layout::{CELLS, TILE};
use super::{Layout, ModelConfig, Parameters};
use crate::numerics::fixed::MASTER_FRACTION;
use crate::numerics::generator::random_within;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::wide::BiasCorrection;

/// Initial embeddings are within ±0.5 (Q24).
const EMBEDDING_SPREAD: u32 = 1 << (MASTER_FRACTION - 1);

/// Returns the initial parameters: weights uniform as in Glorot and Bengio 2010 (input and
/// recurrent weights by their own numbers of inputs), forget biases 1, other biases 0.
pub fn initial_parameters(config: &ModelConfig) -> Parameters {
    let layout = Layout::new(config);
    let mut master: Vec<i32> = vec![0; layout.total];
    for (i, weight) in master[..layout.embedding_len].iter_mut().enumerate() {
        *weight = random_within(config.seed, i as u64, EMBEDDING_SPREAD);
    }
    for (m, matrix) in layout.matrices.iter().enumerate() {
        let output = m + 1 == layout.matrices.len();
        let recurrent = if output { 0 } else { config.units() };
        let limits = [
            glorot_limit(matrix.inputs - recurrent, if output { SYMBOLS } else { matrix.rows }),
            glorot_limit(recurrent, matrix.rows),
        ];
        for row in 0..matrix.rows {
            for input in 0..matrix.inputs {
                let i = matrix.index(row, input);
                let limit = limits[usize::from(input >= matrix.inputs - recurrent)];
                master[i] = random_within(config.seed, i as u64, limit);
            }
            let forget_gate = !output && row % TILE / CELLS == 1;
            master[matrix.index(row, matrix.inputs)] = i32::from(forget_gate) << MASTER_FRACTION;
        }
    }
    Parameters { moments: vec![0; master.len()], master, bias: BiasCorrection::default() }
}

/// Returns sqrt(6 / (inputs + outputs)) in Q24.
fn glorot_limit(inputs: usize, outputs: usize) -> u32 {
    ((6u64 << (2 * MASTER_FRACTION)) / (inputs + outputs) as u64).isqrt() as u32
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::small;
    use super::*;

    #[test]
    fn initial_weights_are_within_one_and_depend_on_the_seed() {
        let config = small();
        let parameters = initial_parameters(&config);
        assert!(parameters.master.iter().all(|w| w.abs() <= 1 << MASTER_FRACTION));
        let other = initial_parameters(&ModelConfig { seed: 2, ..config });
        assert_ne!(parameters.hash(), other.hash());
    }
}
