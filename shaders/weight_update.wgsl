// Gradient of one matrix over all samples of a segment, Adam, requantisation.
// A lane carries four rows and eight inputs; lanes behind the last inputs carry
// the biases. Dispatch (rows / 4 / 16, (inputs / 8 + 1) / 4).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> input_samples: array<vec4<u32>>; // [planes][samples / 4][input_columns]
@group(0) @binding(4) var<storage, read> error_samples: array<vec4<u32>>; // [2 planes][samples / 4][record]
@group(0) @binding(5) var<storage, read_write> masters: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> by_input: array<vec4<u32>>; // [planes][matrices][inputs / 4][rows / 4]
@group(0) @binding(8) var<storage, read_write> by_row: array<vec4<u32>>; // [planes][matrices][rows / 4][inputs / 4]
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
    let columns = input_columns();
    let error_columns = 4u * error_quads();
    let column = input_column(block);
    let next = select(column + 1u, column, bias);
    let quads = (model.steps * model.streams + 3u) / 4u;

    var a0 = vec4<i32>(0); // a component a row, input 0
    var a1 = vec4<i32>(0);
    var a2 = vec4<i32>(0);
    var a3 = vec4<i32>(0);
    var b0 = vec4<i32>(0); // input 4
    var b1 = vec4<i32>(0);
    var b2 = vec4<i32>(0);
    var b3 = vec4<i32>(0);
    for (var limb = model.activation_planes; limb > 0u; limb--) {
        a0 <<= vec4<u32>(8u);
        a1 <<= vec4<u32>(8u);
        a2 <<= vec4<u32>(8u);
        a3 <<= vec4<u32>(8u);
        b0 <<= vec4<u32>(8u);
        b1 <<= vec4<u32>(8u);
        b2 <<= vec4<u32>(8u);
        b3 <<= vec4<u32>(8u);
        var e = place.layer * model.units + id.x;
        let plane = sample_quads() * error_columns;
        var x = (limb - 1u) * sample_quads() * columns;
        for (var quad = 0u; quad < quads; quad++) {
            let low = error_samples[e];
            let high = error_samples[plane + e];
            let xa = input_samples[x + column];
            let xb = input_samples[x + next];
            e += error_columns;
            x += columns;
            a0 += dot_error_words(low, high, xa.x);
            a1 += dot_error_words(low, high, xa.y);
            a2 += dot_error_words(low, high, xa.z);
            a3 += dot_error_words(low, high, xa.w);
            b0 += dot_error_words(low, high, xb.x);
            b1 += dot_error_words(low, high, xb.y);
            b2 += dot_error_words(low, high, xb.z);
            b3 += dot_error_words(low, high, xb.w);
        }
    }

    let n = place.master + (id.x / 16u * (place.inputs + 1u) + block * 4u) * 16u + id.x % 16u;
    if bias {
        let shift = MASTER_FRACTION - model.weight_fraction - model.activation_fraction;
        biases[place.bias + id.x] = round_shift(adam(n, model.weight_floor, BIAS_LIMIT, a0), shift);
        return;
    }
    update(n, id.x, block, a0, a1, a2, a3);
    update(n + 64u, id.x, block + 1u, b0, b1, b2, b3);
}

// Four rows of four inputs, from vec4 n of the masters on.
fn update(n: u32, row: u32, input: u32, g0: vec4<i32>, g1: vec4<i32>, g2: vec4<i32>, g3: vec4<i32>) {
    let shift = MASTER_FRACTION - model.weight_fraction;
    let limit = ((2i << model.weight_fraction) - 1) << shift;
    let w0 = round_shift(adam(n, model.weight_floor, limit, g0), shift);
    let w1 = round_shift(adam(n + 16u, model.weight_floor, limit, g1), shift);
    let w2 = round_shift(adam(n + 32u, model.weight_floor, limit, g2), shift);
    let w3 = round_shift(adam(n + 48u, model.weight_floor, limit, g3), shift);
    for (var plane = 0u; plane < model.weight_planes; plane++) {
        let base = plane * model.packed_plane + place.packed;
        by_input[base + input * (place.rows / 4u) + row] = vec4<u32>(
            pack_limbs(vec4<i32>(w0.x, w1.x, w2.x, w3.x), plane),
            pack_limbs(vec4<i32>(w0.y, w1.y, w2.y, w3.y), plane),
            pack_limbs(vec4<i32>(w0.z, w1.z, w2.z, w3.z), plane),
            pack_limbs(vec4<i32>(w0.w, w1.w, w2.w, w3.w), plane),
        );
        by_row[base + row * (place.inputs / 4u) + input] =
            vec4<u32>(pack_limbs(w0, plane), pack_limbs(w1, plane), pack_limbs(w2, plane), pack_limbs(w3, plane));
    }
}

// The column of four inputs' samples; behind them that of the biases' constant.
fn input_column(block: u32) -> u32 {
    let record = 4u * record_quads();
    let width = model.embedding / 4u;
    let height = model.units / 4u;
    if block * 4u == place.inputs {
        return 2u * record;
    }
    if place.layer == model.layers {
        return width + block;
    }
    if block < width {
        return block;
    }
    let own = place.inputs / 4u - height;
    if block < own {
        return (place.layer - 1u) * height + block;
    }
    return record + width + place.layer * height + block - own;
}
