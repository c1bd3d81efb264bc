// The buffers of both kernels that update weights, and the update of parameters whose
// gradients are known.

@group(0) @binding(2) var<storage, read> factors: array<u32>;
@group(0) @binding(3) var<storage, read> input_samples: array<vec4<u32>>; // [input_columns / 4][samples / 4][4]
@group(0) @binding(4) var<storage, read> error_samples: array<vec4<u32>>; // [2 planes][record / 4][samples / 4][4]
@group(0) @binding(5) var<storage, read_write> masters: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> by_input: array<vec4<u32>>; // [matrices][rows / 16][inputs / 4][4]
@group(0) @binding(8) var<storage, read_write> by_row: array<vec4<u32>>; // [matrices][inputs / 16][rows / 4][4]
@group(0) @binding(9) var<storage, read_write> biases: array<vec4<i32>>;

// Index of a column's vec4 of the first four samples.
fn sample_start(column: u32) -> u32 {
    return column / 4u * 4u * sample_quads() + column % 4u;
}

fn update_bias(n: u32, row: u32, gradient: vec4<i32>) {
    let shift = MASTER_FRACTION - WEIGHT_FRACTION - ACTIVATION_FRACTION;
    biases[params.bias + row] = round_shift(adam(n, model.weight_floor, BIAS_LIMIT, gradient), shift);
}

// Updates four rows of an input, vec4 `n` of the masters; returns their forward weights.
fn update_weights(n: u32, gradient: vec4<i32>) -> vec4<i32> {
    let shift = MASTER_FRACTION - WEIGHT_FRACTION;
    return round_shift(adam(n, model.weight_floor, WEIGHT_LIMIT, gradient), shift);
}

// Writes the forward weights of four rows of four inputs, whose vec4s are `row` and `input`;
// each argument has those of one input.
fn put_weights(row: u32, input: u32, w0: vec4<i32>, w1: vec4<i32>, w2: vec4<i32>, w3: vec4<i32>) {
    by_input[params.packed + row / 4u * params.inputs + 4u * input + row % 4u] = vec4<u32>(
        pack_bytes(vec4<i32>(w0.x, w1.x, w2.x, w3.x)),
        pack_bytes(vec4<i32>(w0.y, w1.y, w2.y, w3.y)),
        pack_bytes(vec4<i32>(w0.z, w1.z, w2.z, w3.z)),
        pack_bytes(vec4<i32>(w0.w, w1.w, w2.w, w3.w)),
    );
    by_row[params.packed + input / 4u * params.rows + 4u * row + input % 4u] =
        vec4<u32>(pack_bytes(w0), pack_bytes(w1), pack_bytes(w2), pack_bytes(w3));
}
