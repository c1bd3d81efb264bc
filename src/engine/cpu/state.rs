//! What the kernels work on: packed weights and, a stream at a time, the
//! record of a segment.

use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::fixed::{
    ACTIVATION_FRACTION, MASTER_FRACTION, PREACTIVATION_FRACTION, SHARE_ONE, WEIGHT_FRACTION, round_shift,
};
use crate::numerics::softmax::SYMBOLS;
use crate::simd::aligned::Aligned;
use crate::simd::{GROUP, QUAD, Rows};

/// Forward weights of one matrix, packed twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedMatrix {
    /// `[tiles][inputs / 4][64][4]`, 128 added: sums over inputs, for the forward pass.
    pub by_input: Aligned<u8>,
    /// `[inputs / 4][tiles][4][64]`: sums over rows, for the backward pass.
    pub by_row: Aligned<i8>,
    /// `[rows]`, Q13 as pre-activations.
    pub biases: Vec<i32>,
}

/// All forward weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// `[256][embedding]`, Q7 as activations.
    pub embedding: Vec<i8>,
    /// Layers, then output.
    pub matrices: Vec<PackedMatrix>,
}

impl Weights {
    /// Requantises all masters.
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
                    by_input: Aligned::zeros(len),
                    by_row: Aligned::zeros(len),
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

    /// Masters that [`Weights::pack`] makes these weights from: each weight, scaled up.
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
    /// Where [`PackedMatrix::by_input`] has a weight.
    pub fn place(&self, row: usize, input: usize) -> usize {
        let inputs = self.by_input.len() / self.biases.len();
        ((row / TILE * inputs + input / QUAD * QUAD) * TILE) + row % TILE * QUAD + input % QUAD
    }

    /// A forward weight, Q6.
    pub fn weight(&self, row: usize, input: usize) -> i32 {
        i32::from(self.by_input[self.place(row, input)]) - 128
    }

    /// The weights of 16 inputs from `first` on, as [`Rows`] takes them.
    pub fn rows<'a>(&'a self, first: usize, a: [&'a [i16]; GROUP]) -> Rows<'a> {
        let rows = self.biases.len();
        Rows { a, w: &self.by_row[first * rows..][..CELLS * rows] }
    }

    /// The tiles, each to be written by itself.
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

/// The packings of one tile of rows, or of some inputs of it.
pub struct PackedTile<'a> {
    /// `[inputs / 4][64][4]`, 128 added
    pub by_input: &'a mut [u8],
    /// `[inputs / 4]` times `[4][64]`
    pub by_row: Vec<&'a mut [i8]>,
    /// `[64]`, or nothing without the last input.
    pub biases: &'a mut [i32],
}

impl<'a> PackedTile<'a> {
    /// The first so many inputs (a multiple of four), and the others.
    pub fn split_at(self, inputs: usize) -> (PackedTile<'a>, PackedTile<'a>) {
        let PackedTile { by_input, mut by_row, biases } = self;
        let (first, rest) = by_input.split_at_mut(inputs * TILE);
        let rest_by_row = by_row.split_off(inputs / QUAD);
        let (none, biases) = biases.split_at_mut(0);
        let (own, biases) = if rest.is_empty() { (biases, none) } else { (none, biases) };
        (
            PackedTile { by_input: first, by_row, biases: own },
            PackedTile { by_input: rest, by_row: rest_by_row, biases },
        )
    }

    /// Rounds masters (`[inputs][64]`) from the input `first` of these (a multiple of four)
    /// on to forward weights; behind the last input stand the biases.
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

/// The record of one stream's segment of up to T steps.
///
/// Slot 0 of `activations` and `cells` is the end of the segment before; step t
/// writes slot t + 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// `[T + 1][activations]`: embedding and hidden states.
    pub activations: Vec<i8>,
    /// `[T][gates]`, Q14, rows in the layout's order, layer by layer.
    pub gates: Aligned<i16>,
    /// `[T + 1][cells]`, Q12.
    pub cells: Aligned<i32>,
    /// `[T][256]`, softmax weights, Q23 of the largest.
    pub weights: Aligned<u32>,
    /// `[T][256]`, errors of logits.
    pub output_errors: Aligned<i16>,
    /// `[T][gates]`, errors of gates before their non-linearity.
    pub gate_errors: Aligned<i16>,
    /// `[cells]`, errors of the cell states one step later.
    pub cell_errors: Aligned<i32>,
    /// `[T][embedding]`, errors of the embedded symbols.
    pub embedding_errors: Vec<i32>,
    /// `[T]`, symbols put in.
    pub previous: Vec<u8>,
    /// `[T]`, symbols to be learnt, or INACTIVE.
    pub targets: Vec<u16>,
    /// `[cells]`: what is left of their hidden states, Q8, 0..=512: all, but for dropout.
    pub shares: Vec<i32>,
}

impl Stream {
    /// A stream with all states at zero.
    pub fn new(shape: &Shape) -> Self {
        let steps = shape.config.segment();
        Stream {
            activations: vec![0; (steps + 1) * shape.layout.activations],
            gates: Aligned::zeros(steps * shape.gates()),
            cells: Aligned::zeros((steps + 1) * shape.cells()),
            weights: Aligned::zeros(steps * SYMBOLS),
            output_errors: Aligned::zeros(steps * SYMBOLS),
            gate_errors: Aligned::zeros(steps * shape.gates()),
            cell_errors: Aligned::zeros(shape.cells()),
            embedding_errors: vec![0; steps * shape.config.embedding()],
            previous: vec![0; steps],
            targets: vec![0; steps],
            shares: vec![SHARE_ONE; shape.cells()],
        }
    }

    /// Hidden and cell states before the first step become zero.
    pub fn reset(&mut self, shape: &Shape) {
        self.activations[..shape.layout.activations].fill(0);
        self.cells[..shape.cells()].fill(0);
    }

    /// Takes over the states at the end of another record's segment of `steps` steps.
    pub fn carry(&mut self, shape: &Shape, before: &Stream, steps: usize) {
        let (activations, cells) = (shape.layout.activations, shape.cells());
        self.activations[..activations].copy_from_slice(&before.activations[steps * activations..][..activations]);
        self.cells[..cells].copy_from_slice(&before.cells[steps * cells..][..cells]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::tests::small;
    use crate::model::init::initial_parameters;

    #[test]
    fn weights_come_back_from_what_they_unpack_to() {
        let shape = Shape::new(&small());
        let mut master = initial_parameters(&shape.config).master;
        for (i, master) in master.iter_mut().enumerate() {
            *master += i as i32 % 1001;
        }
        let weights = Weights::pack(&shape, &master);
        assert_eq!(Weights::pack(&shape, &weights.unpack(&shape)), weights);
        assert_ne!(weights.unpack(&shape), master);
    }
}
