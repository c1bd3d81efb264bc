// Text in front of every shader, behind the constants that src/engine/gpu/constants.rs
// generates: the two uniforms, the integer helpers of src/numerics/fixed.rs, and the
// strides of the buffers.

// The model's shape and the current segment.
struct Model {
    streams: u32,
    segment: u32,
    embedding: u32,
    units: u32,
    layers: u32,
    error_fraction: u32,
    // Steps of the current segment.
    steps: u32,
    // Adam's scalars (AdamStep in src/numerics/wide.rs).
    weight_floor: u32,
    embedding_floor: u32,
    // Gradients are scaled down by this power of two.
    gradient_shift: u32,
}

// The step, streams and matrix that a dispatch works on. A dispatch of several
// layers gets the parameters of the first one.
struct DispatchParams {
    // The step, and the first stream and the number of streams; a number of 0 means
    // all streams of all steps of the segment.
    step: u32,
    first: u32,
    streams: u32,
    // 0..=layers; `layers` is the output matrix.
    layer: u32,
    // 1 if sums are added to those that the buffer holds, else 0.
    add: u32,
    // Rows and inputs of the matrix.
    rows: u32,
    inputs: u32,
    // Indices of the matrix's first vec4 of masters, of packed weights and of biases.
    master: u32,
    packed: u32,
    bias: u32,
    // 1 if the errors are those of the next step, else 0.
    later: u32,
    // First vec4 of the matrix's inputs in a record.
    start: u32,
    // Range of a forward product: first vec4 of a record of inputs, first vec4 of
    // weights, vec4s of inputs.
    forward: vec4<u32>,
    // Range of a backward product: first vec4 of a record of errors, first vec4 of
    // weights, vec4s of errors, rows.
    backward: vec4<u32>,
}

@group(0) @binding(0) var<uniform> model: Model;
@group(0) @binding(1) var<uniform> params: DispatchParams;

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

// Shifts each component left by `bits` where it has at least `bits` leading zeros; returns the shifts.
fn skip(v: ptr<function, vec4<u32>>, bits: u32) -> vec4<u32> {
    let count = select(vec4<u32>(0u), vec4<u32>(bits), *v < vec4<u32>(1u << (32u - bits)));
    *v <<= count;
    return count;
}

// Packs the low bytes of four values into a word.
fn pack_bytes(x: vec4<i32>) -> u32 {
    let bytes = x & vec4<i32>(255);
    return u32(bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u));
}

// High limbs of four errors: the rest above their low bytes, which are signed.
fn high_limbs(x: vec4<i32>) -> vec4<i32> {
    return (x + 128) >> vec4<u32>(8u);
}

// Unpacks the four signed bytes of a word.
fn unpack_bytes(word: u32) -> vec4<i32> {
    let x = bitcast<i32>(word);
    return vec4<i32>((x << 24u) >> 24u, (x << 16u) >> 24u, (x << 8u) >> 24u, x >> 24u);
}

// Dot products of four words of four bytes with one word.
fn dot_words(w: vec4<u32>, x: u32) -> vec4<i32> {
    return vec4<i32>(dot4I8Packed(w.x, x), dot4I8Packed(w.y, x), dot4I8Packed(w.z, x), dot4I8Packed(w.w, x));
}

// The number of samples of this dispatch, and the first of them.
fn sample_count() -> u32 {
    return select(params.streams, model.steps * model.streams, params.streams == 0u);
}

fn first_sample() -> u32 {
    return params.step * model.streams + params.first;
}

// The number of vec4s (16 values) of a stream's record of inputs: in front of a layer's
// inputs, and in the whole record.
fn inputs_before(layer: u32) -> u32 {
    return (layer * (model.embedding + 2u * model.units) - select(model.units, 0u, layer == 0u)) / 16u;
}

fn record_quads() -> u32 {
    return inputs_before(model.layers) + model.layers * model.units / 16u;
}

// The number of vec4s (16 rows) of a stream's record of gate and output errors, and of
// one plane of limbs.
fn error_quads() -> u32 {
    return (model.layers * model.units + SYMBOLS / 4u) / 4u;
}

fn error_plane() -> u32 {
    return model.segment * model.streams * error_quads();
}

// The number of columns of transposed inputs (the last four are the biases' constant), and
// of vec4s (four samples) in a column.
fn input_columns() -> u32 {
    return 4u * record_quads() + 4u;
}

fn sample_quads() -> u32 {
    return (model.segment * model.streams + 3u) / 4u;
}
