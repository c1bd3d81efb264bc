//! Forward weights, packed for the matrix products.

use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::fixed::{
    ACTIVATION_FRACTION, MASTER_FRACTION, PREACTIVATION_FRACTION, WEIGHT_FRACTION, round_shift,
};
use crate::simd::{AlignedBuffer, GROUP, QUAD, Rows};

/// Forward weights of one matrix, packed twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedMatrix {
    /// `[tiles][inputs / 4][64][4]`, Q6 with 128 added: for sums over inputs, in the forward pass.
    pub by_input: AlignedBuffer<u8>,
    /// `[inputs / 4][tiles][4][64]`, Q6: for sums over rows, in the backward pass.
    pub by_row: AlignedBuffer<i8>,
    /// `[rows]`, Q13 like pre-activations.
    pub biases: Vec<i32>,
}

/// All forward weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// `[256][embedding]`, Q7 like activations.
    pub embedding: Vec<i8>,
    /// The layers from the lowest, then the output.
    pub matrices: Vec<PackedMatrix>,
}

impl Weights {
    /// Rounds all master weights to forward weights.
    pub fn pack(shape: &Shape, master: &[i32]) -> Self {
        let shift = MASTER_FRACTION - ACTIVATION_FRACTION;
        let embedding = master[..shape.layout.embedding_len].iter().map(|&w| round_shift(w, shift) as i8).collect();
        let matrices = shape
            .layout
            .matrices
            .iter()
            .map(|matrix| {
                let len = matrix.rows * matrix.inputs;
                let mut packed = PackedMatrix {
                    by_input: AlignedBuffer::zeros(len),
                    by_row: AlignedBuffer::zeros(len),
                    biases: vec![0; matrix.rows],
                };
                let tiles = master[matrix.offset..][..matrix.len()].chunks_exact(matrix.tile_len());
                for (mut tile, master) in packed.tiles(matrix.inputs).into_iter().zip(tiles) {
                    let (weights, biases) = master.split_at(matrix.inputs * TILE);
                    tile.requantize(0, weights);
                    tile.requantize(matrix.inputs, biases);
                }
                packed
            })
            .collect();
        Weights { embedding, matrices }
    }

    /// Returns master weights from which [`Weights::pack`] makes these weights: each weight, scaled up.
    pub fn unpack(&self, shape: &Shape) -> Vec<i32> {
        let scale = |fraction: u32| move |weight: i32| weight << (MASTER_FRACTION - fraction);
        let embedding = self.embedding.iter().map(|&w| i32::from(w)).map(scale(ACTIVATION_FRACTION));
        let mut masters: Vec<i32> = embedding.collect();
        for (matrix, packed) in shape.layout.matrices.iter().zip(&self.matrices) {
            for rows in (0..matrix.rows).step_by(TILE).map(|first| first..first + TILE) {
                for input in 0..matrix.inputs {
                    masters.extend(rows.clone().map(|row| packed.weight(row, input)).map(scale(WEIGHT_FRACTION)));
                }
                masters.extend(packed.biases[rows].iter().copied().map(scale(PREACTIVATION_FRACTION)));
            }
        }
        masters
    }
}

impl PackedMatrix {
    /// The index of a weight in [`PackedMatrix::by_input`].
    pub fn place(&self, row: usize, input: usize) -> usize {
        let inputs = self.by_input.len() / self.biases.len();
        ((row / TILE * inputs + input / QUAD * QUAD) * TILE) + row % TILE * QUAD + input % QUAD
    }

    /// A forward weight, Q6.
    pub fn weight(&self, row: usize, input: usize) -> i32 {
        i32::from(self.by_input[self.place(row, input)]) - 128
    }

    /// The product of up to four rows of errors with the weights of 16 inputs from `first` on.
    pub fn rows<'a>(&'a self, first: usize, a: [&'a [i16]; GROUP]) -> Rows<'a> {
        let rows = self.biases.len();
        Rows { a, w: &self.by_row[first * rows..][..CELLS * rows] }
    }

    /// Sets a forward weight, Q6, in both packings.
    pub fn set_weight(&mut self, row: usize, input: usize, weight: i32) {
        let by_input = self.place(row, input);
        let rows = self.biases.len();
        let by_row = input / QUAD * QUAD * rows + (row / TILE * QUAD + input % QUAD) * TILE + row % TILE;
        self.by_input[by_input] = (weight + 128) as u8;
        self.by_row[by_row] = weight as i8;
    }

    /// Returns the tiles of `inputs` inputs, to be written independently.
    pub fn tiles(&mut self, inputs: usize) -> Vec<PackedTile<'_>> {
        let count = self.biases.len() / TILE;
        let by_input = self.by_input.chunks_mut(inputs * TILE).zip(self.biases.chunks_mut(TILE));
        let mut tiles: Vec<PackedTile> = by_input
            .map(|(by_input, biases)| PackedTile { by_input, by_row: Vec::with_capacity(inputs / QUAD), biases })
            .collect();
        for (i, quad) in self.by_row.chunks_mut(QUAD * TILE).enumerate() {
            tiles[i % count].by_row.push(quad);
        }
        tiles
    }
}

/// Both packings of one tile of rows, or of some of its inputs.
pub struct PackedTile<'a> {
    /// `[inputs / 4][64][4]`, 128 added.
    pub by_input: &'a mut [u8],
    /// `[inputs / 4]` slices of `[4][64]`.
    pub by_row: Vec<&'a mut [i8]>,
    /// `[64]`, or empty if the last input is not included.
    pub biases: &'a mut [i32],
}

impl<'a> PackedTile<'a> {
    /// Splits off the first `inputs` inputs, a multiple of four.
    pub fn split_at(self, inputs: usize) -> (PackedTile<'a>, PackedTile<'a>) {
        let PackedTile { by_input, mut by_row, biases } = self;
        let (first, rest) = by_input.split_at_mut(inputs * TILE);
        let rest_by_row = by_row.split_off(inputs / QUAD);
        let (none, biases) = biases.split_at_mut(0);
        let (first_biases, biases) = if rest.is_empty() { (biases, none) } else { (none, biases) };
        (
            PackedTile { by_input: first, by_row, biases: first_biases },
            PackedTile { by_input: rest, by_row: rest_by_row, biases },
        )
    }

    /// Rounds master weights (`[inputs][64]`) to forward weights, from input `first` of this tile
    /// on, a multiple of four; the biases follow the last input.
    #[inline(always)]
    pub fn requantize(&mut self, first: usize, master: &[i32]) {
        if first * TILE == self.by_input.len() {
            let shift = MASTER_FRACTION - PREACTIVATION_FRACTION;
            self.biases.iter_mut().zip(master).for_each(|(bias, &master)| *bias = round_shift(master, shift));
            return;
        }
        let weight = |master: i32| round_shift(master, MASTER_FRACTION - WEIGHT_FRACTION);
        let by_input = self.by_input[first * TILE..].chunks_exact_mut(QUAD * TILE);
        let quads = by_input.zip(&mut self.by_row[first / QUAD..]).zip(master.chunks_exact(QUAD * TILE));
        for ((by_input, by_row), master) in quads {
            for (n, inputs) in by_input.as_chunks_mut::<QUAD>().0.iter_mut().enumerate() {
                let byte = |i: usize| (weight(master[i * TILE + n]) + 128) as u32;
                *inputs = (byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24).to_le_bytes();
            }
            for (row, &master) in by_row.iter_mut().zip(master) {
                *row = weight(master) as i8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;

    #[test]
    fn packing_what_weights_unpack_to_gives_the_same_weights() {
        let shape = Shape::new(&small());
        let mut master = initial_parameters(&shape.config).master;
        for (i, master) in master.iter_mut().enumerate() {
            *master += i as i32 % 1001;
        }
        let weights = Weights::pack(&shape, &master);
        assert_eq!(Weights::pack(&shape, &weights.unpack(&shape)), weights);
        assert_ne!(weights.unpack(&shape), master);
    }

    #[test]
    fn a_weight_that_is_set_is_like_one_that_is_packed() {
        let shape = Shape::new(&small());
        let master = initial_parameters(&shape.config).master;
        let mut weights = Weights::pack(&shape, &master);
        let expected = weights.clone();
        for (matrix, packed) in shape.layout.matrices.iter().zip(&mut weights.matrices) {
            for (row, input) in (0..matrix.rows).flat_map(|row| (0..matrix.inputs).map(move |input| (row, input))) {
                let weight = packed.weight(row, input);
                packed.set_weight(row, input, 127);
                packed.set_weight(row, input, weight);
            }
        }
        assert!(weights == expected);
    }
}
