// What every kernel knows: the model's shape, this dispatch's place in it, and
// the integer helpers of src/numerics/fixed.rs.

struct Model {
    streams: u32,
    segment: u32,
    embedding: u32,
    units: u32,
    layers: u32,
    weight_fraction: u32,
    activation_fraction: u32,
    error_fraction: u32,
    // Limbs of 8 bits in a weight and in an activation: 1 or 2.
    weight_planes: u32,
    activation_planes: u32,
    // Steps of the current segment.
    steps: u32,
    // Adam's scalars (numerics/wide.rs, AdamStep).
    rate_mantissa: u32,
    rate_exponent: i32,
    weight_floor: u32,
    embedding_floor: u32,
    // vec4s of one plane of packed weights.
    packed_plane: u32,
    // Gradients count as many bits less.
    gradient_shift: u32,
}

struct Place {
    step: u32,
    // 0.. layers; `layers` is the output matrix.
    layer: u32,
    // Inputs of the matrix, and a quarter of its rows.
    inputs: u32,
    units: u32,
    // Its first parameter, its first vec4 of packed weights, its first bias.
    master: u32,
    packed: u32,
    bias: u32,
    // First vec4 of packed weights of the matrix above and of the output.
    above: u32,
    output: u32,
}

@group(0) @binding(0) var<uniform> model: Model;
@group(0) @binding(1) var<uniform> place: Place;

// Lanes of a workgroup, and streams (or samples) that each lane carries.
const LANES: u32 = 64u;
const GROUP: u32 = 4u;
const CELLS: u32 = 16u;
const TILE: u32 = 64u;

const MASTER_FRACTION: u32 = 24u;
const PREACTIVATION_FRACTION: u32 = 13u;
const GATE_FRACTION: u32 = 14u;
const CELL_FRACTION: u32 = 12u;
const CELL_LIMIT: i32 = 65535;
const STATE_ERROR_LIMIT: i32 = 65535;
const GATE_ONE: i32 = 16384;
const SYMBOLS: u32 = 256u;

fn round_shift(x: i32, shift: u32) -> i32 {
    let half = (1i << (shift & 31u)) >> 1u;
    return (x + half) >> (shift & 31u);
}

fn bounded(x: i32, limit: i32) -> i32 {
    return min(max(x, -limit), limit);
}

fn leading_zeros(x: u32) -> u32 {
    var v = x;
    var n = 0u;
    if v < 0x10000u { n += 16u; v <<= 16u; }
    if v < 0x1000000u { n += 8u; v <<= 8u; }
    if v < 0x10000000u { n += 4u; v <<= 4u; }
    if v < 0x40000000u { n += 2u; v <<= 2u; }
    if v < 0x80000000u { n += 1u; v <<= 1u; }
    return n + select(0u, 1u, v == 0u);
}

// The row of a cell's gate, or of one of the output's four symbols.
fn gate_row(cell: u32, gate: u32) -> u32 {
    return cell / CELLS * TILE + gate * CELLS + cell % CELLS;
}

// Four values as 8-bit limbs in a word: plane 0 the low limbs, plane 1 the rest.
fn pack_limbs(x: vec4<i32>, plane: u32) -> u32 {
    let low = ((x + 128) & vec4<i32>(255)) - 128;
    let high = (x - low) >> vec4<u32>(8u);
    let limbs = select(high, low, plane == 0u) & vec4<i32>(255);
    return u32(limbs.x | (limbs.y << 8u) | (limbs.z << 16u) | (limbs.w << 24u));
}

// The four signed bytes of a word.
fn unpack_limbs(word: u32) -> vec4<i32> {
    let x = bitcast<i32>(word);
    return vec4<i32>((x << 24u) >> 24u, (x << 16u) >> 24u, (x << 8u) >> 24u, x >> 24u);
}

// vec4s (16 values) of one stream's record of activations, and of one plane of them.
fn record_quads() -> u32 {
    return (model.embedding + model.layers * model.units) / 16u;
}

fn activation_plane() -> u32 {
    return (model.segment + 1u) * model.streams * record_quads();
}

// Words (four errors) of one stream's record of gate and output errors, and of one plane.
fn error_words() -> u32 {
    return model.layers * model.units + SYMBOLS / 4u;
}

fn error_plane() -> u32 {
    return model.segment * model.streams * error_words();
}
