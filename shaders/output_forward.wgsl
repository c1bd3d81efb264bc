// Logits from all hidden states, and their softmax.
// A lane carries four symbols of four streams; dispatch (streams / 4).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> by_input: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> biases: array<i32>;
@group(0) @binding(5) var<storage, read> activations: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> weights: array<u32>; // [segment][streams][256]

var<workgroup> largest: array<vec4<i32>, 64>; // [lanes], a component a stream

@compute @workgroup_size(64)
fn output_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.x * GROUP;
    let stream = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(model.streams - 1u));
    let row = place.bias + gate_row(lane, 0u);
    let bias = vec4<i32>(biases[row], biases[row + CELLS], biases[row + 2u * CELLS], biases[row + 3u * CELLS]);
    sum0 = bias;
    sum1 = bias;
    sum2 = bias;
    sum3 = bias;
    let hidden = ((place.step + 1u) * model.streams + stream) * record_quads() + model.embedding / 16u;
    multiply_inputs(hidden, place.packed + lane, place.inputs / 16u);
    let logits0 = logits(sum0);
    let logits1 = logits(sum1);
    let logits2 = logits(sum2);
    let logits3 = logits(sum3);

    largest[lane] = vec4<i32>(largest_of(logits0), largest_of(logits1), largest_of(logits2), largest_of(logits3));
    for (var half = LANES / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if lane < half {
            largest[lane] = max(largest[lane], largest[lane + half]);
        }
    }
    workgroupBarrier();
    let top = largest[0];
    write_weights(logits0, top.x, first, lane);
    write_weights(logits1, top.y, first + 1u, lane);
    write_weights(logits2, top.z, first + 2u, lane);
    write_weights(logits3, top.w, first + 3u, lane);
}

fn logits(sums: vec4<i32>) -> vec4<i32> {
    let shift = model.weight_fraction + model.activation_fraction - PREACTIVATION_FRACTION;
    return vec4<i32>(
        round_shift(sums.x, shift),
        round_shift(sums.y, shift),
        round_shift(sums.z, shift),
        round_shift(sums.w, shift),
    );
}

fn largest_of(x: vec4<i32>) -> i32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

fn write_weights(logits: vec4<i32>, top: i32, stream: u32, lane: u32) {
    if stream >= model.streams {
        return;
    }
    let record = (place.step * model.streams + stream) * SYMBOLS + gate_row(lane, 0u);
    weights[record] = exp_weight(u32(top - logits.x));
    weights[record + CELLS] = exp_weight(u32(top - logits.y));
    weights[record + 2u * CELLS] = exp_weight(u32(top - logits.z));
    weights[record + 3u * CELLS] = exp_weight(u32(top - logits.w));
}
