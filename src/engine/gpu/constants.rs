//! The constants that Rust and the shaders share, and the WGSL text that declares them.

use crate::model::config::LARGEST_EMBEDDING;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::activation::{SIGMOID_LIMIT, TANH_LIMIT};
use crate::numerics::fixed::{
    ACTIVATION_FRACTION, BIAS_LIMIT, BYTE_LIMIT, CELL_FRACTION, CELL_LIMIT, EMBEDDING_LIMIT, GATE_FRACTION, GATE_ONE,
    MASTER_FRACTION, SHARE_FRACTION, STATE_ERROR_LIMIT, WEIGHT_FRACTION, WEIGHT_LIMIT,
};
use crate::numerics::softmax::{DISTANCE_LIMIT, LOG2_E, SYMBOLS};
use crate::numerics::tables::TABLE_SIZE;
use crate::numerics::wide::{
    DECAYS_BELOW, EXPONENT_BIAS, FACTOR_BITS, FACTORS, LEADING_ONE, MANTISSA_BITS, SECOND_MOMENT_SHIFT, SHIFT_BIAS,
};

/// 8-bit values in a word of 32 bits.
pub const WORD: usize = 4;
/// 32-bit values in a vec4.
pub const QUAD: usize = 4;
/// 8-bit values in a vec4 of words.
pub const VEC4: usize = WORD * QUAD;

/// Samples (or streams) that a lane of a product computes together; in a kernel that
/// splits sums, those of a workgroup.
pub const GROUP: usize = 4;
/// Rows (or inputs) that a lane of a product computes.
pub const LANE_ROWS: usize = 8;

/// Lanes of a workgroup across: rows, inputs or cells.
pub const ACROSS: usize = 16;
/// Lanes of a workgroup down: samples or streams.
pub const DOWN: usize = 4;
/// Lanes of a workgroup in one dimension. Every WebGPU device has as many.
pub const PORTABLE_LANES: usize = ACROSS * DOWN;
/// Lanes of a workgroup of a kernel that splits sums.
pub const SPLIT_LANES: usize = 256;

/// Rows of a matrix's tile whose gradient one lane computes, or one group of lanes.
pub const TILE_ROWS: usize = 4;
/// Inputs of such a tile.
pub const TILE_INPUTS: usize = 8;
/// Tiles of a workgroup of `split_update` across: rows.
pub const UPDATE_ACROSS: usize = 16;
/// Tiles of a workgroup of `split_update` down: inputs.
pub const UPDATE_DOWN: usize = 2;
/// Lanes that share the samples of a tile in `split_update`; later each updates one input.
pub const UPDATE_PARTS: usize = TILE_INPUTS;

/// Bytes of workgroup memory that the kernels that split sums need at most, in `split_update`.
pub const WORKGROUP_BYTES: u32 = (16 * UPDATE_PARTS * TILE_INPUTS * UPDATE_ACROSS * UPDATE_DOWN) as u32;

/// A type that a constant can have in WGSL.
trait Declare {
    fn declare(self, name: &str) -> String;
}

impl Declare for u32 {
    fn declare(self, name: &str) -> String {
        format!("const {name}: u32 = {self}u;\n")
    }
}

impl Declare for i32 {
    fn declare(self, name: &str) -> String {
        format!("const {name}: i32 = {self}i;\n")
    }
}

impl Declare for usize {
    fn declare(self, name: &str) -> String {
        (self as u32).declare(name)
    }
}

/// Declares constants in WGSL under their names in Rust.
macro_rules! declare {
    ($($name:ident),* $(,)?) => { [$($name.declare(stringify!($name))),*].concat() };
}

/// Returns the declarations of all shared constants: the first text of every shader.
pub fn wgsl() -> String {
    declare![
        GROUP,
        LANE_ROWS,
        ACROSS,
        DOWN,
        PORTABLE_LANES,
        SPLIT_LANES,
        TILE_ROWS,
        TILE_INPUTS,
        UPDATE_ACROSS,
        UPDATE_DOWN,
        UPDATE_PARTS,
        SYMBOLS,
        LARGEST_EMBEDDING,
        TILE,
        CELLS,
        MASTER_FRACTION,
        WEIGHT_FRACTION,
        ACTIVATION_FRACTION,
        GATE_FRACTION,
        CELL_FRACTION,
        SHARE_FRACTION,
        GATE_ONE,
        BYTE_LIMIT,
        WEIGHT_LIMIT,
        EMBEDDING_LIMIT,
        BIAS_LIMIT,
        CELL_LIMIT,
        STATE_ERROR_LIMIT,
        TABLE_SIZE,
        SIGMOID_LIMIT,
        TANH_LIMIT,
        DISTANCE_LIMIT,
        LOG2_E,
        SECOND_MOMENT_SHIFT,
        EXPONENT_BIAS,
        MANTISSA_BITS,
        LEADING_ONE,
        DECAYS_BELOW,
        FACTORS,
        FACTOR_BITS,
        SHIFT_BIAS,
    ]
}
