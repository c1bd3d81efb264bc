// One layer, one step: gates, cell and hidden state.
// A lane carries one cell of four streams; dispatch (units / 64, streams / 4).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> by_input: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> biases: array<i32>;
@group(0) @binding(5) var<storage, read_write> activations: array<vec4<u32>>; // [planes][segment + 1][streams][record]
@group(0) @binding(6) var<storage, read_write> gates: array<vec2<u32>>; // [segment][streams][layers * units]: i | f, g | o
@group(0) @binding(7) var<storage, read_write> cells: array<i32>; // [segment + 1][streams][layers * units], then errors

var<workgroup> hidden: array<i32, 256>; // [4 streams][64 cells]

@compute @workgroup_size(64)
fn lstm_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let unit = group.x * LANES + lane;
    let cell = min(unit, model.units - 1u);
    let first = group.y * GROUP;
    let stream = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(model.streams - 1u));

    let row = place.bias + gate_row(cell, 0u);
    let bias = vec4<i32>(biases[row], biases[row + CELLS], biases[row + 2u * CELLS], biases[row + 3u * CELLS]);
    sum0 = bias;
    sum1 = bias;
    sum2 = bias;
    sum3 = bias;
    let width = model.embedding / 16u;
    let height = model.units / 16u;
    let now = ((place.step + 1u) * model.streams + stream) * record_quads();
    let before = (place.step * model.streams + stream) * record_quads();
    var weight = place.packed + cell;
    multiply_inputs(now, weight, width);
    weight += 4u * width * place.units;
    if place.layer > 0u {
        multiply_inputs(now + width + (place.layer - 1u) * height, weight, height);
        weight += 4u * height * place.units;
    }
    multiply_inputs(before + width + place.layer * height, weight, height);

    hidden[lane] = cell_forward(sum0, first, unit);
    hidden[LANES + lane] = cell_forward(sum1, first + 1u, unit);
    hidden[2u * LANES + lane] = cell_forward(sum2, first + 2u, unit);
    hidden[3u * LANES + lane] = cell_forward(sum3, first + 3u, unit);
    workgroupBarrier();

    // Lanes 0..16 pack 16 hidden states each: four quads a stream.
    let target_stream = first + lane / 4u;
    let quad = group.x * 4u + lane % 4u;
    if lane < 16u && target_stream < model.streams && quad < height {
        let h = lane / 4u * LANES + lane % 4u * 16u;
        let record = ((place.step + 1u) * model.streams + target_stream) * record_quads();
        let index = record + width + place.layer * height + quad;
        for (var plane = 0u; plane < model.activation_planes; plane++) {
            activations[plane * activation_plane() + index] = vec4<u32>(
                pack_limbs(vec4<i32>(hidden[h], hidden[h + 1u], hidden[h + 2u], hidden[h + 3u]), plane),
                pack_limbs(vec4<i32>(hidden[h + 4u], hidden[h + 5u], hidden[h + 6u], hidden[h + 7u]), plane),
                pack_limbs(vec4<i32>(hidden[h + 8u], hidden[h + 9u], hidden[h + 10u], hidden[h + 11u]), plane),
                pack_limbs(vec4<i32>(hidden[h + 12u], hidden[h + 13u], hidden[h + 14u], hidden[h + 15u]), plane),
            );
        }
    }
}

// The hidden state of one cell; records gates and cell state.
fn cell_forward(sums: vec4<i32>, stream: u32, unit: u32) -> i32 {
    if stream >= model.streams || unit >= model.units {
        return 0;
    }
    let shift = model.weight_fraction + model.activation_fraction - PREACTIVATION_FRACTION;
    let count = model.layers * model.units;
    let n = place.layer * model.units + unit;
    let index = (place.step * model.streams + stream) * count + n;
    let i = sigmoid(round_shift(sums.x, shift));
    let f = sigmoid(round_shift(sums.y, shift));
    let g = tanh_gate(round_shift(sums.z, shift));
    let o = sigmoid(round_shift(sums.w, shift));
    let c = bounded(round_shift(f * cells[index] + ((i * g) >> 2u), GATE_FRACTION), CELL_LIMIT);
    let tc = tanh_gate(c << 1u);
    let h = round_shift(o * tc, 2u * GATE_FRACTION - model.activation_fraction);
    gates[index] = vec2<u32>(u32(i | (f << 16u)), u32((g & 0xffff) | (o << 16u)));
    cells[index + model.streams * count] = c;
    return bounded(h, (1i << model.activation_fraction) - 1);
}
