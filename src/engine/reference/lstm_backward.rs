//! Definition of `lstm_backward`: errors of the gates, from the last step to the first.

use std::ops::Range;

use super::backward_sums::backward_sum;
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::model::Shape;
use crate::model::layout::gate_row;
use crate::numerics::activation::tanh;
use crate::numerics::fixed::*;
use crate::numerics::tables::TABLES;

/// Writes the gate errors of `layers` at each of `steps` steps for all `streams`. The errors of the
/// output and of the layer above are given.
///
/// - reads `gates` `[steps][layers][4 units]`, Q14; `cells` `[steps + 1][layers][units]`, Q12;
///   `output_errors` `[steps][256]`; `shares` `[layers][units]`, Q8
/// - writes `gate_errors` `[steps][layers][4 units]`; `cell_errors` `[layers][units]`: what a step
///   leaves to the step before it
pub fn lstm_backward(shape: &Shape, weights: &Weights, layers: Range<usize>, steps: usize, streams: &mut [Stream]) {
    let units = shape.config.units();
    let error_limit = shape.config.error_limit();
    // Q14 times any format.
    let product = |a: i32, b: i32| round_shift(a * b, GATE_FRACTION);
    for layer in layers.rev() {
        for stream in &mut *streams {
            for unit in 0..units {
                stream.cell_errors[layer * units + unit] = 0;
            }
            for step in (0..steps).rev() {
                for unit in 0..units {
                    let gates = step * shape.gates() + layer * 4 * units;
                    let [i, f, g, o] = [0, 1, 2, 3].map(|gate| i32::from(stream.gates[gates + gate_row(unit, gate)]));
                    let cell = step * shape.cells() + layer * units + unit;
                    let (before, now) = (stream.cells[cell], stream.cells[cell + shape.cells()]);
                    let later = stream.cell_errors[layer * units + unit];
                    let share = stream.shares[layer * units + unit];
                    let t = tanh(&TABLES, 2 * now);

                    // Errors of the hidden state and of the cell.
                    let sum = backward_sum(shape, weights, layer, stream, step, steps, unit);
                    let dh = bounded(round_shift(sum, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
                    let dh = bounded(round_shift(dh * share, SHARE_FRACTION), STATE_ERROR_LIMIT);
                    let dc = product(dh, product(o, GATE_ONE - product(t, t))) + later;
                    let dc = bounded(dc, STATE_ERROR_LIMIT);

                    // Errors of the gates before their non-linearity.
                    let di = product(dc, product(g, product(i, GATE_ONE - i)));
                    let df = dc * round_shift(before * product(f, GATE_ONE - f), GATE_FRACTION); // times Q12
                    let df = round_shift(df, CELL_FRACTION);
                    let dg = product(dc, product(i, GATE_ONE - product(g, g)));
                    let d_o = product(dh, product(t, product(o, GATE_ONE - o)));

                    stream.cell_errors[layer * units + unit] = product(dc, f);
                    for (gate, error) in [di, df, dg, d_o].into_iter().enumerate() {
                        stream.gate_errors[gates + gate_row(unit, gate)] = bounded(error, error_limit) as i16;
                    }
                }
            }
        }
    }
}
