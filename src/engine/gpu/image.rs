//! Device buffers as the shaders lay them out, made from the CPU engine's
//! state: for first uploads, and for comparing a kernel with its twin.

use crate::engine::cpu::state::{Shape, Stream, Weights};
use crate::model::layout::{CELLS, TILE, gate_row};
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLES;

use super::kernels::{Buffer, planes};

/// Everything that the buffers hold.
pub struct State {
    /// Master weights.
    pub masters: Vec<i32>,
    /// Second moments.
    pub moments: Vec<u32>,
    /// Forward weights.
    pub weights: Weights,
    /// Records of all streams.
    pub streams: Vec<Stream>,
}

/// Four values as one limb each in a word: plane 0 the low limbs, plane 1 the rest.
fn pack_limbs(values: [i32; 4], plane: usize) -> u32 {
    values.iter().enumerate().fold(0, |word, (i, &x)| {
        let low = ((x + 128) & 255) - 128;
        let limb = if plane == 0 { low } else { (x - low) >> 8 };
        word | ((limb & 255) as u32) << (8 * i)
    })
}

/// Values as planes of limbs, one plane behind the other.
pub fn pack_planes(values: &[i16], planes: usize) -> Vec<u32> {
    let pack = |plane| values.chunks_exact(4).map(move |v| pack_limbs(std::array::from_fn(|i| i32::from(v[i])), plane));
    (0..planes).flat_map(pack).collect()
}

/// The inverse of [`pack_planes`], each plane a slice.
pub fn unpack_planes(planes: &[&[u32]]) -> Vec<i16> {
    let limb = |plane: &[u32], i: usize| (plane[i / 4] >> (8 * (i % 4))) as u8 as i8;
    let value = |i| planes.iter().rev().fold(0i32, |high, plane| (high << 8) + i32::from(limb(plane, i))) as i16;
    (0..planes.first().map_or(0, |plane| 4 * plane.len())).map(value).collect()
}

fn words(values: &[i32]) -> Vec<u32> {
    bytemuck::cast_slice(values).to_vec()
}

/// The words of one buffer.
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
        Buffer::Symbols => {
            let previous = interleave(streams, segment, 1, |s| &s.previous);
            let targets = interleave(streams, segment, 1, |s| &s.targets);
            previous.into_iter().map(u32::from).chain(targets.into_iter().map(u32::from)).collect()
        }
        Buffer::Embedding => pack_planes(&state.weights.embedding, planes(config.activation_bits)),
        Buffer::ByInput => packed_weights(shape, &state.weights, |inputs, units, weight| {
            let words = (0..inputs / 4).flat_map(move |w| (0..units * 4).map(move |n| (w, n / 4, n % 4)));
            words.map(|(w, unit, q)| std::array::from_fn(|i| weight(gate_row(unit, q), 4 * w + i))).collect()
        }),
        Buffer::ByRow => packed_weights(shape, &state.weights, |inputs, units, weight| {
            let words = (0..units / 4).flat_map(move |u| (0..inputs * 4).map(move |n| (4 * u + n % 4, n / 4)));
            words.map(|(unit, input)| std::array::from_fn(|q| weight(gate_row(unit, q), input))).collect()
        }),
        Buffer::Biases => state.weights.matrices.iter().flat_map(|m| words(&m.biases)).collect(),
        Buffer::Activations => {
            let records = interleave(streams, segment + 1, shape.layout.activations, |s| &s.activations);
            pack_planes(&records, planes(config.activation_bits))
        }
        Buffer::Gates => interleave(streams, segment, shape.gates(), |s| &s.gates)
            .chunks_exact(TILE)
            .flat_map(|tile| {
                let pair = |low: i16, high: i16| u32::from(low as u16) | u32::from(high as u16) << 16;
                (0..CELLS)
                    .flat_map(move |c| [pair(tile[c], tile[CELLS + c]), pair(tile[2 * CELLS + c], tile[3 * CELLS + c])])
            })
            .collect(),
        Buffer::Cells => {
            let mut cells = interleave(streams, segment + 1, shape.cells(), |s| &s.cells);
            cells.extend(streams.iter().flat_map(|s| &s.cell_errors));
            words(&cells)
        }
        Buffer::Weights => interleave(streams, segment, SYMBOLS, |s| &s.weights),
        Buffer::Errors => {
            let mut by_unit = Vec::new();
            for step in 0..segment {
                for stream in streams {
                    let gates = &stream.gate_errors[step * shape.gates()..][..shape.gates()];
                    let outputs = &stream.output_errors[step * SYMBOLS..][..SYMBOLS];
                    for tile in gates.chunks_exact(TILE).chain(outputs.chunks_exact(TILE)) {
                        by_unit.extend((0..CELLS).flat_map(|c| (0..4).map(move |q| tile[q * CELLS + c])));
                    }
                }
            }
            pack_planes(&by_unit, 2)
        }
        Buffer::EmbeddingErrors => words(&interleave(streams, segment, config.embedding(), |s| &s.embedding_errors)),
        Buffer::Masters => words(&state.masters),
        Buffer::Moments => state.moments.clone(),
    }
}

/// All matrices plane by plane; `order` lists a matrix's words as four weights each.
fn packed_weights(
    shape: &Shape,
    weights: &Weights,
    order: impl Fn(usize, usize, &dyn Fn(usize, usize) -> i32) -> Vec<[i32; 4]>,
) -> Vec<u32> {
    let quads: Vec<[i32; 4]> = shape
        .layout
        .matrices
        .iter()
        .zip(&weights.matrices)
        .flat_map(|(matrix, packed)| {
            let weight = |row: usize, input: usize| {
                let pair = (row / TILE * matrix.inputs + input / 2 * 2) * TILE;
                i32::from(packed.by_input[pair + row % TILE * 2 + input % 2])
            };
            order(matrix.inputs, matrix.rows / 4, &weight)
        })
        .collect();
    (0..planes(shape.config.weight_bits)).flat_map(|plane| quads.iter().map(move |&q| pack_limbs(q, plane))).collect()
}
