// What both kernels that update weights bind, and what becomes of a weight whose
// gradient is there.

@group(0) @binding(2) var<storage, read> factors: array<u32>;
@group(0) @binding(3) var<storage, read> input_samples: array<vec4<u32>>; // [input_columns / 4][samples / 4][4]
@group(0) @binding(4) var<storage, read> error_samples: array<vec4<u32>>; // [2 planes][record / 4][samples / 4][4]
@group(0) @binding(5) var<storage, read_write> masters: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> by_input: array<vec4<u32>>; // [matrices][rows / 16][inputs / 4][4]
@group(0) @binding(8) var<storage, read_write> by_row: array<vec4<u32>>; // [matrices][inputs / 16][rows / 4][4]
@group(0) @binding(9) var<storage, read_write> biases: array<vec4<i32>>;

const BIAS_LIMIT: i32 = 268435456;

// The first samples' vec4 of a column.
fn sample_start(column: u32) -> u32 {
    return column / 4u * 4u * sample_quads() + column % 4u;
}

fn update_bias(n: u32, row: u32, gradient: vec4<i32>) {
    let shift = MASTER_FRACTION - WEIGHT_FRACTION - ACTIVATION_FRACTION;
    biases[place.bias + row] = round_shift(adam(n, model.weight_floor, BIAS_LIMIT, gradient), shift);
}

// Four rows of an input, vec4 n of the masters; their forward weights.
fn update_weights(n: u32, gradient: vec4<i32>) -> vec4<i32> {
    let shift = MASTER_FRACTION - WEIGHT_FRACTION;
    return round_shift(adam(n, model.weight_floor, BYTE_LIMIT << shift, gradient), shift);
}

// Four rows of four inputs, both vec4s; one argument an input.
fn put_weights(row: u32, input: u32, w0: vec4<i32>, w1: vec4<i32>, w2: vec4<i32>, w3: vec4<i32>) {
    by_input[place.packed + row / 4u * place.inputs + 4u * input + row % 4u] = vec4<u32>(
        pack_bytes(vec4<i32>(w0.x, w1.x, w2.x, w3.x)),
        pack_bytes(vec4<i32>(w0.y, w1.y, w2.y, w3.y)),
        pack_bytes(vec4<i32>(w0.z, w1.z, w2.z, w3.z)),
        pack_bytes(vec4<i32>(w0.w, w1.w, w2.w, w3.w)),
    );
    by_row[place.packed + input / 4u * place.rows + 4u * row + input % 4u] =
        vec4<u32>(pack_bytes(w0), pack_bytes(w1), pack_bytes(w2), pack_bytes(w3));
}
