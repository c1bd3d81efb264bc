//! The contents of device buffers, made from the CPU engine's state: for uploads, and for
//! the comparison of a kernel with its reference.

use std::ops::Range;

use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::fixed::BYTE_LIMIT;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;
use crate::numerics::wide::FACTORS;

use super::buffers::{Buffer, error_sample_row, input_sample_row, record};
use super::constants::{VEC4, WORD};

/// The contents of all buffers of a model, in the CPU engine's layouts.
pub struct State {
    /// Master weights.
    pub masters: Vec<i32>,
    /// Second moments.
    pub moments: Vec<u32>,
    /// Forward weights.
    pub weights: Weights,
    /// Records of all streams.
    pub streams: Vec<Stream>,
    /// The sums of a product.
    pub sums: Vec<i32>,
}

impl State {
    /// Learned parameters, with forward weights packed from them; no streams.
    pub fn learned(shape: &Shape, masters: &[i32], moments: &[u32]) -> Self {
        let weights = Weights::pack(shape, masters);
        let (masters, moments) = (masters.to_vec(), moments.to_vec());
        State { masters, moments, weights, streams: Vec::new(), sums: Vec::new() }
    }
}

/// Packs four bytes a word.
fn pack_bytes(values: &[i8]) -> Vec<u32> {
    values.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes.map(|byte| byte as u8))).collect()
}

/// The inverse of `pack_bytes`.
pub fn unpack_bytes(words: &[u32]) -> Vec<i8> {
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| byte as i8).collect()
}

/// Splits errors into two planes of limbs, first the low ones.
fn pack_limbs(errors: &[i16]) -> Vec<u32> {
    let low: Vec<i8> = errors.iter().map(|&error| error as i8).collect();
    let high: Vec<i8> = errors.iter().zip(&low).map(|(&error, &low)| ((error - i16::from(low)) >> 8) as i8).collect();
    [pack_bytes(&low), pack_bytes(&high)].concat()
}

fn words(values: &[i32]) -> Vec<u32> {
    bytemuck::cast_slice(values).to_vec()
}

/// Returns the words of one buffer.
pub fn image(shape: &Shape, state: &State, buffer: Buffer) -> Vec<u32> {
    let config = &shape.config;
    let (streams, segment) = (&state.streams, config.segment());
    // [steps][streams][width] from each stream's [steps][width]
    fn interleave<T: Copy>(streams: &[Stream], steps: usize, width: usize, part: impl Fn(&Stream) -> &[T]) -> Vec<T> {
        let records = (0..steps).flat_map(|step| streams.iter().map(move |stream| (step, stream)));
        records.flat_map(|(step, stream)| part(stream)[step * width..][..width].to_vec()).collect()
    }
    match buffer {
        Buffer::Tables => TABLES.concatenated(),
        Buffer::Factors => vec![0; FACTORS],
        Buffer::Symbols => {
            let previous = interleave(streams, segment, 1, |s| &s.previous);
            let targets = interleave(streams, segment, 1, |s| &s.targets);
            previous.into_iter().map(u32::from).chain(targets.into_iter().map(u32::from)).collect()
        }
        Buffer::Embedding => pack_bytes(&state.weights.embedding),
        Buffer::ByInput => packed_weights(shape, &state.weights, |rows, inputs, weight| {
            by_input(rows, inputs).map(|weights| weights.map(|(row, input)| weight(row, input))).collect()
        }),
        Buffer::ByRow => packed_weights(shape, &state.weights, |rows, inputs, weight| {
            panels(inputs, rows / WORD)
                .map(|(input, word)| std::array::from_fn(|i| weight(WORD * word + i, input)))
                .collect()
        }),
        Buffer::Biases => state.weights.matrices.iter().flat_map(|m| words(&m.biases)).collect(),
        Buffer::Inputs => pack_bytes(&inputs(shape, streams)),
        Buffer::Sums => words(&state.sums),
        Buffer::Gates => interleave(streams, segment, shape.gates(), |s| &s.gates)
            .chunks_exact(TILE)
            .flat_map(|tile| {
                let pair = |low: i16, high: i16| u32::from(low as u16) | u32::from(high as u16) << 16;
                let pairs =
                    move |gate: usize, cell: usize| pair(tile[gate * CELLS + cell], tile[(gate + 1) * CELLS + cell]);
                (0..CELLS / 4).flat_map(move |quad| (0..8).map(move |i| pairs(i / 4 * 2, 4 * quad + i % 4)))
            })
            .collect(),
        Buffer::Cells => {
            let mut cells = interleave(streams, segment + 1, shape.cells(), |s| &s.cells);
            cells.extend(streams.iter().flat_map(|s| s.cell_errors.iter()));
            words(&cells)
        }
        Buffer::Shares => streams.iter().flat_map(|s| words(&s.shares)).collect(),
        Buffer::Weights => interleave(streams, segment, SYMBOLS, |s| &s.weights),
        Buffer::Errors => pack_limbs(&errors(shape, streams)),
        Buffer::InputSamples => {
            let constant = [BYTE_LIMIT as i8, 0, 0, 0].repeat(4);
            let records = inputs(shape, streams);
            let samples = records.chunks_exact(record(shape)).take(streams.len() * segment);
            let rows: Vec<i8> = samples.flat_map(|inputs| [inputs, &constant].concat()).collect();
            pack_bytes(&by_sample(&rows, input_sample_row(shape)))
        }
        Buffer::ErrorSamples => pack_limbs(&by_sample(&errors(shape, streams), error_sample_row(shape))),
        Buffer::EmbeddingErrors => words(&interleave(streams, segment, config.embedding(), |s| &s.embedding_errors)),
        Buffer::Masters => words(&state.masters),
        Buffer::Moments => state.moments.clone(),
    }
}

/// The row and input of each of the four weights in the words of a matrix.
fn by_input(rows: usize, inputs: usize) -> impl Iterator<Item = [(usize, usize); 4]> {
    panels(rows, inputs / WORD).map(|(row, word)| std::array::from_fn(|i| (row, WORD * word + i)))
}

/// Returns the forward weights that a device's buffers hold: embedding, by input and biases.
pub fn weights(shape: &Shape, embedding: &[u32], packed: &[u32], biases: &[u32]) -> Weights {
    let mut weights = Weights::pack(shape, &vec![0; shape.layout.total]);
    weights.embedding = unpack_bytes(embedding);
    let mut values = unpack_bytes(packed).into_iter();
    let mut biases = biases.iter();
    for (matrix, packed) in shape.layout.matrices.iter().zip(&mut weights.matrices) {
        for (row, input) in by_input(matrix.rows, matrix.inputs).flatten() {
            if let Some(value) = values.next() {
                let place = packed.place(row, input);
                packed.by_input[place] = (i32::from(value) + 128) as u8;
            }
        }
        packed.biases.iter_mut().zip(&mut biases).for_each(|(bias, &word)| *bias = word as i32);
    }
    weights
}

/// The positions of a layer's own hidden states in a record of inputs, layer by layer.
pub fn own_states(shape: &Shape) -> impl Iterator<Item = Range<usize>> {
    let units = shape.config.units();
    let ends = shape.layout.matrices.iter().scan(0, |end, matrix| {
        *end += matrix.inputs;
        Some(*end)
    });
    ends.take(shape.config.layers()).map(move |end| end - units..end)
}

/// `[steps + 1][streams][inputs of all matrices]`; the record after the last step holds only
/// the layers' own hidden states.
fn inputs(shape: &Shape, streams: &[Stream]) -> Vec<i8> {
    let (steps, activations) = (shape.config.segment(), shape.layout.activations);
    let mut values = Vec::with_capacity((steps + 1) * streams.len() * record(shape));
    for (step, stream) in (0..=steps).flat_map(|step| streams.iter().map(move |stream| (step, stream))) {
        for run in (0..shape.layout.matrices.len()).flat_map(|index| shape.layout.input_runs(index)) {
            let slot = step + 1 - run.delay;
            match stream.activations.get(slot * activations..(slot + 1) * activations) {
                Some(record) => values.extend(&record[run.activation..][..run.len]),
                None => values.resize(values.len() + run.len, 0),
            }
        }
    }
    values
}

/// `[steps][streams][gates and outputs]`
fn errors(shape: &Shape, streams: &[Stream]) -> Vec<i16> {
    let samples = (0..shape.config.segment()).flat_map(|step| streams.iter().map(move |stream| (step, stream)));
    let record = |(step, stream): (usize, &Stream)| {
        let gates = &stream.gate_errors[step * shape.gates()..][..shape.gates()];
        [gates, &stream.output_errors[step * SYMBOLS..][..SYMBOLS]].concat()
    };
    samples.flat_map(record).collect()
}

/// The (column, row) of each word in panels of 16 columns: `[columns / 16][rows][16]`.
fn panels(columns: usize, rows: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..columns * rows).map(move |i| (i / (VEC4 * rows) * VEC4 + i % VEC4, i / VEC4 % rows))
}

/// Makes panels of four samples a word from `[samples][width]`; missing samples are zero.
fn by_sample<T: Copy + Default>(records: &[T], width: usize) -> Vec<T> {
    let value = |sample: usize, column: usize| records.get(sample * width + column).copied().unwrap_or_default();
    let words = panels(width, records.len().div_ceil(WORD * width));
    words
        .flat_map(|(column, word)| (0..4).map(move |i| (WORD * word + i, column)))
        .map(|(sample, column)| value(sample, column))
        .collect()
}

/// Packs all matrices; `order` lists a matrix's words as four weights each.
fn packed_weights(
    shape: &Shape,
    weights: &Weights,
    order: impl Fn(usize, usize, &dyn Fn(usize, usize) -> i8) -> Vec<[i8; 4]>,
) -> Vec<u32> {
    let matrices = shape.layout.matrices.iter().zip(&weights.matrices);
    let words = matrices
        .flat_map(|(matrix, packed)| order(matrix.rows, matrix.inputs, &|row, input| packed.weight(row, input) as i8));
    pack_bytes(words.collect::<Vec<_>>().as_flattened())
}
