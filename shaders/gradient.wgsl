// What becomes of weights whose gradients are there. Needs `by_input`, `by_row`,
// `biases` and what adam.wgsl needs.

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
