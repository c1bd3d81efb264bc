//! Definition of `lstm_forward`: the cells of an LSTM with forget gates.

use std::ops::Range;

use super::forward_sums::forward_sum;
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::model::layout::gate_row;
use crate::numerics::activation::{sigmoid, tanh};
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;

/// Computes gates, cells and hidden states of `layers` at each of `steps` for all `streams`, whose
/// symbols are embedded.
///
/// - reads `activations` `[steps + 1][activations]`, Q7; `shares` `[layers][units]`, Q8
/// - writes `gates` `[steps][layers][4 units]`, Q14; `cells` `[steps + 1][layers][units]`, Q12;
///   the hidden states in `activations`, Q7
pub fn lstm_forward(
    shape: &Shape,
    weights: &Weights,
    layers: Range<usize>,
    steps: Range<usize>,
    streams: &mut [Stream],
) {
    let units = shape.config.units();
    for step in steps {
        for layer in layers.clone() {
            for stream in &mut *streams {
                for unit in 0..units {
                    // Pre-activations, Q13.
                    let z = |gate: usize| forward_sum(shape, weights, layer, stream, step, gate_row(unit, gate));
                    // Gates and candidate, Q14.
                    let i = sigmoid(&TABLES, z(0));
                    let f = sigmoid(&TABLES, z(1));
                    let g = tanh(&TABLES, z(2));
                    let o = sigmoid(&TABLES, z(3));

                    // The cell, Q12: Q14 times Q12, and Q28 shifted to Q26.
                    let before = step * shape.cells() + layer * units + unit;
                    let after = before + shape.cells();
                    let c = bounded(round_shift(f * stream.cells[before] + ((i * g) >> 2), GATE_FRACTION), CELL_LIMIT);

                    // The hidden state: Q28 to Q7, then times the share, Q8.
                    let t = tanh(&TABLES, 2 * c);
                    let h = round_shift(o * t, 2 * GATE_FRACTION - ACTIVATION_FRACTION);
                    let h = round_shift(h * stream.shares[layer * units + unit], SHARE_FRACTION);

                    let gates = step * shape.gates() + layer * 4 * units;
                    for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                        stream.gates[gates + gate_row(unit, gate)] = value as i16;
                    }
                    stream.cells[after] = c;
                    let hidden = (step + 1) * shape.layout.activations + shape.layout.hidden(layer) + unit;
                    stream.activations[hidden] = bounded(h, BYTE_LIMIT) as i8;
                }
            }
        }
    }
}
