// Gradient of one matrix over all samples of a segment, Adam, requantisation.
// A lane carries four rows and eight inputs; lanes behind the last inputs carry
// the biases. Dispatch (rows / 4 / 16, (inputs / 8 + 1) / 4).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> input_samples: array<vec4<u32>>; // [planes][input_columns / 4][samples / 4][4]
@group(0) @binding(4) var<storage, read> error_samples: array<vec4<u32>>; // [2 planes][record / 4][samples / 4][4]
@group(0) @binding(5) var<storage, read_write> masters: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> by_input: array<vec4<u32>>; // [planes][matrices][rows / 16][inputs / 4][4]
@group(0) @binding(8) var<storage, read_write> by_row: array<vec4<u32>>; // [planes][matrices][inputs / 16][rows / 4][4]
@group(0) @binding(9) var<storage, read_write> biases: array<vec4<i32>>;

const BIAS_LIMIT: i32 = 268435456;

@compute @workgroup_size(16, 4)
fn weight_update(@builtin(global_invocation_id) id: vec3<u32>) {
    let height = place.rows / 4u;
    let width = place.inputs / 4u;
    let block = 2u * id.y;
    if id.x >= height || block > width {
        return;
    }
    let bias = block == width;
    let e = sample_start(place.layer * model.units + id.x);
    // Behind the last input stands the biases' constant.
    let x = sample_start(select(4u * place.start + block, input_columns() - 4u, bias));
    if ACTIVATION_LIMBS == 2u {
        multiply_samples(e, input_columns() * sample_quads() + x);
        next_limb();
    }
    multiply_samples(e, x);

    let n = place.master + (id.x / 16u * (place.inputs + 1u) + block * 4u) * 16u + id.x % 16u;
    if bias {
        let shift = MASTER_FRACTION - model.weight_fraction - model.activation_fraction;
        biases[place.bias + id.x] = round_shift(adam(n, model.weight_floor, BIAS_LIMIT, a0), shift);
        return;
    }
    update(n, id.x, block, a0, a1, a2, a3);
    update(n + 64u, id.x, block + 1u, b0, b1, b2, b3);
}

// The first samples' vec4 of a column.
fn sample_start(column: u32) -> u32 {
    return column / 4u * 4u * sample_quads() + column % 4u;
}

// Adds four rows' errors times eight inputs over all samples: a0 has the first
// input, b0 the fifth; `e` and `x` are the first samples' vec4s.
fn multiply_samples(e: u32, x: u32) {
    let plane = 4u * error_quads() * sample_quads();
    let quads = (model.steps * model.streams + 3u) / 4u;
    var quad = 0u;
    loop {
        let low = error_samples[e + 4u * quad];
        let high = error_samples[plane + e + 4u * quad];
        let xs = input_samples[x + 4u * quad];
        let ys = input_samples[x + 4u * quad + 1u];
        a0 += dot_error_words(low, high, xs.x);
        a1 += dot_error_words(low, high, xs.y);
        a2 += dot_error_words(low, high, xs.z);
        a3 += dot_error_words(low, high, xs.w);
        b0 += dot_error_words(low, high, ys.x);
        b1 += dot_error_words(low, high, ys.y);
        b2 += dot_error_words(low, high, ys.z);
        b3 += dot_error_words(low, high, ys.w);
        continuing {
            quad++;
            break if quad >= quads;
        }
    }
}

// Four rows of four inputs, from vec4 n of the masters on.
fn update(n: u32, row: u32, input: u32, g0: vec4<i32>, g1: vec4<i32>, g2: vec4<i32>, g3: vec4<i32>) {
    let shift = MASTER_FRACTION - model.weight_fraction;
    let limit = ((2i << model.weight_fraction) - 1) << shift;
    let w0 = round_shift(adam(n, model.weight_floor, limit, g0), shift);
    let w1 = round_shift(adam(n + 16u, model.weight_floor, limit, g1), shift);
    let w2 = round_shift(adam(n + 32u, model.weight_floor, limit, g2), shift);
    let w3 = round_shift(adam(n + 48u, model.weight_floor, limit, g3), shift);
    for (var plane = 0u; plane < WEIGHT_LIMBS; plane++) {
        let base = plane * model.packed_plane + place.packed;
        by_input[base + row / 4u * place.inputs + 4u * input + row % 4u] = vec4<u32>(
            pack_limbs(vec4<i32>(w0.x, w1.x, w2.x, w3.x), plane),
            pack_limbs(vec4<i32>(w0.y, w1.y, w2.y, w3.y), plane),
            pack_limbs(vec4<i32>(w0.z, w1.z, w2.z, w3.z), plane),
            pack_limbs(vec4<i32>(w0.w, w1.w, w2.w, w3.w), plane),
        );
        by_row[base + input / 4u * place.rows + 4u * row + input % 4u] =
            vec4<u32>(pack_limbs(w0, plane), pack_limbs(w1, plane), pack_limbs(w2, plane), pack_limbs(w3, plane));
    }
}
