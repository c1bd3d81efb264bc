//! The position of each parameter in the flat list of all parameters.
//!
//! The list begins with the embedding, `[256][embedding]`. One matrix per layer and
//! the output matrix follow, each `[rows / 64][inputs + 1][64]`: tiles of 64 rows; in
//! a tile, the weights of its 64 rows for each input, then the 64 biases.
//!
//! Rows of a layer: tile k holds the cells 16k..16k+16: 16 input gates, 16 forget
//! gates, 16 cell candidates, 16 output gates. Inputs of a layer: the embedding, the
//! hidden states of the layer below (if there is one), and its own hidden states of the
//! previous step. Inputs of the output matrix: all hidden states.

use super::ModelConfig;
use crate::numerics::softmax::SYMBOLS;

/// Rows per tile.
pub const TILE: usize = 64;
/// Cells per tile: their four gates are its rows.
pub const CELLS: usize = TILE / 4;

/// One weight matrix with its biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Index of the first parameter in the flat list.
    pub offset: usize,
    /// The number of outputs: four gates per cell, or 256 symbols.
    pub rows: usize,
    /// The number of inputs, without the bias.
    pub inputs: usize,
}

impl Matrix {
    /// Returns the number of parameters including biases.
    pub fn len(&self) -> usize {
        self.rows * (self.inputs + 1)
    }

    /// Always false: a matrix has rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the number of parameters per tile.
    pub fn tile_len(&self) -> usize {
        TILE * (self.inputs + 1)
    }

    /// Returns the index of a weight in the flat list; the bias if `input == inputs`.
    pub fn index(&self, row: usize, input: usize) -> usize {
        self.offset + (row / TILE * (self.inputs + 1) + input) * TILE + row % TILE
    }
}

/// Returns the row of a cell's gate (0 input, 1 forget, 2 candidate, 3 output).
pub fn gate_row(cell: usize, gate: usize) -> usize {
    cell / CELLS * TILE + gate * CELLS + cell % CELLS
}

/// Consecutive inputs of a matrix that are consecutive in a record of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRun {
    /// Index of the first input in the matrix.
    pub input: usize,
    /// Index of the first activation in the record.
    pub activation: usize,
    /// The number of inputs.
    pub len: usize,
    /// 0 for the record of the current step, 1 for the previous step.
    pub delay: usize,
}

/// Offsets of all parameters, and the shape of a record of activations:
/// `[embedding | hidden of layer 0 | hidden of layer 1 | ...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The number of parameters of the embedding, which is at the start.
    pub embedding_len: usize,
    /// The layers from the lowest up, then the output.
    pub matrices: Vec<Matrix>,
    /// The number of all parameters.
    pub total: usize,
    /// The number of activations in a record.
    pub activations: usize,
    embedding: usize,
    units: usize,
    runs: Vec<Vec<InputRun>>,
}

impl Layout {
    /// Returns the layout for a valid configuration.
    pub fn new(config: &ModelConfig) -> Self {
        let (embedding, units, layers) = (config.embedding(), config.units(), config.layers());
        let embedding_len = SYMBOLS * embedding;
        let mut total = embedding_len;
        let mut matrices = Vec::with_capacity(layers + 1);
        for layer in 0..=layers {
            let (rows, inputs) = match layer {
                _ if layer == layers => (SYMBOLS, layers * units),
                0 => (4 * units, embedding + units),
                _ => (4 * units, embedding + 2 * units),
            };
            let matrix = Matrix { offset: total, rows, inputs };
            total += matrix.len();
            matrices.push(matrix);
        }
        let activations = embedding + layers * units;
        let mut layout = Layout { embedding_len, matrices, total, activations, embedding, units, runs: Vec::new() };
        layout.runs = (0..=layers).map(|index| layout.runs(index)).collect();
        layout
    }

    /// Returns the index of a layer's first hidden state in a record of activations.
    pub fn hidden(&self, layer: usize) -> usize {
        self.embedding + layer * self.units
    }

    /// Returns the runs of activations that are a matrix's inputs, in order.
    pub fn input_runs(&self, index: usize) -> &[InputRun] {
        &self.runs[index]
    }

    fn runs(&self, index: usize) -> Vec<InputRun> {
        if index + 1 == self.matrices.len() {
            return vec![InputRun {
                input: 0,
                activation: self.embedding,
                len: self.activations - self.embedding,
                delay: 0,
            }];
        }
        let mut runs = vec![InputRun { input: 0, activation: 0, len: self.embedding, delay: 0 }];
        let mut next = self.embedding;
        if index > 0 {
            runs.push(InputRun { input: next, activation: self.hidden(index - 1), len: self.units, delay: 0 });
            next += self.units;
        }
        runs.push(InputRun { input: next, activation: self.hidden(index), len: self.units, delay: 1 });
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::small;
    use super::*;

    #[test]
    fn indices_cover_every_parameter_once() {
        let layout = Layout::new(&small());
        let mut seen = vec![false; layout.total];
        seen[..layout.embedding_len].fill(true);
        for matrix in &layout.matrices {
            for row in 0..matrix.rows {
                for input in 0..=matrix.inputs {
                    assert!(!std::mem::replace(&mut seen[matrix.index(row, input)], true));
                }
            }
        }
        assert!(seen.into_iter().all(|s| s));
    }

    #[test]
    fn input_runs_cover_all_inputs_without_gaps() {
        let layout = Layout::new(&small());
        for (i, matrix) in layout.matrices.iter().enumerate() {
            let mut next = 0;
            for run in layout.input_runs(i) {
                assert_eq!(run.input, next);
                next += run.len;
                assert!(run.activation + run.len <= layout.activations);
            }
            assert_eq!(next, matrix.inputs);
        }
    }
}
