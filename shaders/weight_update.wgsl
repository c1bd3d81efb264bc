// Gradient of one matrix over all samples of a segment, Adam, requantisation.
// A lane carries one unit's four rows and four inputs; the row of lanes behind
// the last input carries the biases. Dispatch (units / 64, inputs / 4 + 1).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> activations: array<u32>; // [planes][segment + 1][streams][record]
@group(0) @binding(4) var<storage, read> errors: array<u32>; // [2 planes][segment][streams][error_words]
@group(0) @binding(5) var<storage, read_write> masters: array<i32>;
@group(0) @binding(6) var<storage, read_write> moments: array<u32>;
@group(0) @binding(7) var<storage, read_write> by_input: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read_write> by_row: array<u32>;
@group(0) @binding(9) var<storage, read_write> biases: array<i32>;

const BIAS_LIMIT: i32 = 268435456;

@compute @workgroup_size(64)
fn weight_update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let unit = group.x * LANES + lane;
    if unit >= place.units {
        return;
    }
    let word = group.y;
    let bias = word * 4u == place.inputs;
    let source = input_source(word);
    let record = record_quads() * 4u;
    let activation_limit = (1i << model.activation_fraction) - 1;

    var gradient0 = vec4<i32>(0); // a component a row
    var gradient1 = vec4<i32>(0);
    var gradient2 = vec4<i32>(0);
    var gradient3 = vec4<i32>(0);
    for (var sample = 0u; sample < model.steps * model.streams; sample++) {
        let at = sample * error_words() + place.layer * model.units + unit;
        let error = unpack_limbs(errors[at]) + (unpack_limbs(errors[error_plane() + at]) << vec4<u32>(8u));
        var x = vec4<i32>(activation_limit, 0, 0, 0);
        if !bias {
            // The step before lies one row of streams back.
            let index = (sample + model.streams * (1u - source.y)) * record + source.x;
            x = unpack_limbs(activations[index]);
            if model.activation_planes > 1u {
                x += unpack_limbs(activations[activation_plane() * 4u + index]) << vec4<u32>(8u);
            }
        }
        gradient0 += error * x.x;
        gradient1 += error * x.y;
        gradient2 += error * x.z;
        gradient3 += error * x.w;
    }

    let row = gate_row(unit, 0u);
    if bias {
        let n = place.master + (unit / CELLS * (place.inputs + 1u) + place.inputs) * TILE + unit % CELLS;
        let shift = MASTER_FRACTION - model.weight_fraction - model.activation_fraction;
        let updated = update_rows(n, BIAS_LIMIT, gradient0);
        biases[place.bias + row] = round_shift(updated.x, shift);
        biases[place.bias + row + CELLS] = round_shift(updated.y, shift);
        biases[place.bias + row + 2u * CELLS] = round_shift(updated.z, shift);
        biases[place.bias + row + 3u * CELLS] = round_shift(updated.w, shift);
        return;
    }
    let n = place.master + (unit / CELLS * (place.inputs + 1u) + word * 4u) * TILE + unit % CELLS;
    let shift = MASTER_FRACTION - model.weight_fraction;
    let limit = ((2i << model.weight_fraction) - 1) << shift;
    let w0 = quantise(update_rows(n, limit, gradient0), shift);
    let w1 = quantise(update_rows(n + TILE, limit, gradient1), shift);
    let w2 = quantise(update_rows(n + 2u * TILE, limit, gradient2), shift);
    let w3 = quantise(update_rows(n + 3u * TILE, limit, gradient3), shift);
    for (var plane = 0u; plane < model.weight_planes; plane++) {
        let base = plane * model.packed_plane + place.packed;
        by_input[base + word * place.units + unit] = vec4<u32>(
            pack_limbs(vec4<i32>(w0.x, w1.x, w2.x, w3.x), plane),
            pack_limbs(vec4<i32>(w0.y, w1.y, w2.y, w3.y), plane),
            pack_limbs(vec4<i32>(w0.z, w1.z, w2.z, w3.z), plane),
            pack_limbs(vec4<i32>(w0.w, w1.w, w2.w, w3.w), plane),
        );
        let column = (base + unit / 4u * place.inputs + word * 4u) * 4u + unit % 4u;
        by_row[column] = pack_limbs(w0, plane);
        by_row[column + 4u] = pack_limbs(w1, plane);
        by_row[column + 8u] = pack_limbs(w2, plane);
        by_row[column + 12u] = pack_limbs(w3, plane);
    }
}

// Where four inputs lie in a record of activations (x, in words), and how many steps back (y).
fn input_source(word: u32) -> vec2<u32> {
    let width = model.embedding / 4u;
    let height = model.units / 4u;
    if place.layer == model.layers {
        return vec2<u32>(width + word, 0u);
    }
    if word < width {
        return vec2<u32>(word, 0u);
    }
    let own = place.inputs / 4u - height;
    if word < own {
        return vec2<u32>((place.layer - 1u) * height + word, 0u);
    }
    return vec2<u32>(width + place.layer * height + word - own, 1u);
}

fn quantise(masters: vec4<i32>, shift: u32) -> vec4<i32> {
    return vec4<i32>(
        round_shift(masters.x, shift),
        round_shift(masters.y, shift),
        round_shift(masters.z, shift),
        round_shift(masters.w, shift),
    );
}

fn update_rows(n: u32, limit: i32, gradient: vec4<i32>) -> vec4<i32> {
    return vec4<i32>(
        adam(n, model.weight_floor, limit, gradient.x),
        adam(n + CELLS, model.weight_floor, limit, gradient.y),
        adam(n + 2u * CELLS, model.weight_floor, limit, gradient.z),
        adam(n + 3u * CELLS, model.weight_floor, limit, gradient.w),
    );
}
