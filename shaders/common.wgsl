// What every kernel knows: the model's shape, this dispatch's place in it, and
// the integer helpers of src/numerics/fixed.rs.

struct Model {
    streams: u32,
    segment: u32,
    embedding: u32,
    units: u32,
    layers: u32,
    error_fraction: u32,
    // Steps of the current segment.
    steps: u32,
    // Adam's scalars (numerics/wide.rs, AdamStep).
    weight_floor: u32,
    embedding_floor: u32,
    // Gradients count as many bits less.
    gradient_shift: u32,
}

// Which step, streams and matrix a dispatch works on; where it has several
// layers, those of the first.
struct Place {
    // The step, its first stream, and how many; 0 for all streams of all steps of the segment.
    step: u32,
    first: u32,
    streams: u32,
    // 0.. layers; `layers` is the output matrix.
    layer: u32,
    // Whether sums are added to those that are there.
    add: u32,
    // Rows and inputs of the matrix.
    rows: u32,
    inputs: u32,
    // Its first parameter, its first vec4 of packed weights, its first bias, each over four.
    master: u32,
    packed: u32,
    bias: u32,
    // Steps from that of sums of errors to that of the errors: 0 or 1.
    later: u32,
    // First vec4 of the matrix's inputs in a record.
    start: u32,
    // What a forward product runs over: first vec4 of a record of inputs, first
    // vec4 of weights, vec4s of inputs.
    forward: vec4<u32>,
    // What a backward product runs over: first vec4 of a record of errors, first
    // vec4 of weights, vec4s of errors, rows.
    backward: vec4<u32>,
}

@group(0) @binding(0) var<uniform> model: Model;
@group(0) @binding(1) var<uniform> place: Place;

// Lanes of a workgroup across and down: across run rows or inputs, down
// samples (steps and streams). A lane of a product carries so many rows or
// inputs (two vec4s), and so many samples.
const ACROSS: u32 = 16u;
const DOWN: u32 = 4u;
const WIDE: u32 = 8u;
const GROUP: u32 = 4u;
// Lanes of a workgroup that carries four streams or samples.
const LANES: u32 = 256u;

const MASTER_FRACTION: u32 = 24u;
const WEIGHT_FRACTION: u32 = 6u;
const ACTIVATION_FRACTION: u32 = 7u;
const BYTE_LIMIT: i32 = 127;
const GATE_FRACTION: u32 = 14u;
const CELL_FRACTION: u32 = 12u;
const CELL_LIMIT: i32 = 65535;
const STATE_ERROR_LIMIT: i32 = 65535;
const SHARE_FRACTION: u32 = 8u;
const GATE_ONE: i32 = 16384;
const SYMBOLS: u32 = 256u;

fn round_shift(x: vec4<i32>, shift: u32) -> vec4<i32> {
    let half = (1i << (shift & 31u)) >> 1u;
    return (x + half) >> vec4<u32>(shift & 31u);
}

fn bounded(x: vec4<i32>, limit: i32) -> vec4<i32> {
    return clamp(x, vec4<i32>(-limit), vec4<i32>(limit));
}

fn leading_zeros(x: vec4<u32>) -> vec4<u32> {
    var v = x;
    var n = vec4<u32>(0u);
    n += skip(&v, 16u);
    n += skip(&v, 8u);
    n += skip(&v, 4u);
    n += skip(&v, 2u);
    n += skip(&v, 1u);
    return n + select(vec4<u32>(0u), vec4<u32>(1u), v == vec4<u32>(0u));
}

// Shifts `bits` leading zeros out where there are so many.
fn skip(v: ptr<function, vec4<u32>>, bits: u32) -> vec4<u32> {
    let count = select(vec4<u32>(0u), vec4<u32>(bits), *v < vec4<u32>(1u << (32u - bits)));
    *v <<= count;
    return count;
}

// The low bytes of four values in a word.
fn pack_bytes(x: vec4<i32>) -> u32 {
    let bytes = x & vec4<i32>(255);
    return u32(bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u));
}

// What their low bytes, taken as signed, leave of four errors.
fn high_limbs(x: vec4<i32>) -> vec4<i32> {
    return (x + 128) >> vec4<u32>(8u);
}

// The four signed bytes of a word.
fn unpack_bytes(word: u32) -> vec4<i32> {
    let x = bitcast<i32>(word);
    return vec4<i32>((x << 24u) >> 24u, (x << 16u) >> 24u, (x << 8u) >> 24u, x >> 24u);
}

// Products of four words of four bytes with one word.
fn dot_words(w: vec4<u32>, x: u32) -> vec4<i32> {
    return vec4<i32>(dot4I8Packed(w.x, x), dot4I8Packed(w.y, x), dot4I8Packed(w.z, x), dot4I8Packed(w.w, x));
}

// Samples of this dispatch, and the first of them.
fn sample_count() -> u32 {
    return select(place.streams, model.steps * model.streams, place.streams == 0u);
}

fn first_sample() -> u32 {
    return place.step * model.streams + place.first;
}

// vec4s (16 values) of one stream's record of inputs, before those of a matrix and all of them.
fn inputs_before(layer: u32) -> u32 {
    return (layer * (model.embedding + 2u * model.units) - select(model.units, 0u, layer == 0u)) / 16u;
}

fn record_quads() -> u32 {
    return inputs_before(model.layers) + model.layers * model.units / 16u;
}

// vec4s (16 rows) of one stream's record of gate and output errors, and of one plane of limbs.
fn error_quads() -> u32 {
    return (model.layers * model.units + SYMBOLS / 4u) / 4u;
}

fn error_plane() -> u32 {
    return model.segment * model.streams * error_quads();
}

// vec4s (four values of four samples) of transposed inputs, the last four being
// the biases' constant; and how many of each.
fn input_columns() -> u32 {
    return 4u * record_quads() + 4u;
}

fn sample_quads() -> u32 {
    return (model.segment * model.streams + 3u) / 4u;
}
