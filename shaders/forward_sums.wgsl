// Sums of biases and weights times inputs for the rows of one matrix, over a range of
// the inputs; the sums of a second range are added to those of a first one.
// A lane computes eight rows of four samples.

@group(0) @binding(2) var<storage, read> by_input: array<vec4<u32>>; // [matrices][rows / 16][inputs / 4][4]
@group(0) @binding(3) var<storage, read> biases: array<vec4<i32>>; // [matrices][rows / 4]
@group(0) @binding(4) var<storage, read> inputs: array<vec4<u32>>; // [segment + 1][streams][record]
@group(0) @binding(5) var<storage, read_write> sums: array<vec4<i32>>; // [segment][streams][rows / 4]

@compute @workgroup_size(ACROSS, DOWN)
fn forward_sums(@builtin(global_invocation_id) id: vec3<u32>) {
    let block = LANE_ROWS / 4u * id.x;
    let first = GROUP * id.y;
    let count = sample_count();
    let height = params.rows / 4u;
    if block >= height || first >= count {
        return;
    }
    // Indices beyond the last sample repeat the last one.
    let sample = first_sample() + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
    let x = sample * record_quads() + params.forward.x;
    let w = params.forward.y + block / 4u * params.inputs + block % 4u;
    multiply_inputs(x, w);

    let index = sample * height + block;
    let added = vec4<bool>(params.add == 1u);
    let bias_a = biases[params.bias + block];
    let bias_b = biases[params.bias + block + 1u];
    a0 += select(bias_a, sums[index.x], added);
    b0 += select(bias_b, sums[index.x + 1u], added);
    a1 += select(bias_a, sums[index.y], added);
    b1 += select(bias_b, sums[index.y + 1u], added);
    a2 += select(bias_a, sums[index.z], added);
    b2 += select(bias_b, sums[index.z + 1u], added);
    a3 += select(bias_a, sums[index.w], added);
    b3 += select(bias_b, sums[index.w + 1u], added);
    sums[index.x] = a0;
    sums[index.x + 1u] = b0;
    sums[index.y] = a1;
    sums[index.y + 1u] = b1;
    sums[index.z] = a2;
    sums[index.z + 1u] = b2;
    sums[index.w] = a3;
    sums[index.w + 1u] = b3;
}

// Adds the inputs of four samples times weights; `x` are the samples' first vec4s, `first` the
// first vec4 of weights.
fn multiply_inputs(x: vec4<u32>, first: u32) {
    var w = first;
    var q = 0u;
    loop {
        let x0 = inputs[x.x + q];
        let x1 = inputs[x.y + q];
        let x2 = inputs[x.z + q];
        let x3 = inputs[x.w + q];
        multiply_words(by_input[w], by_input[w + 1u], vec4<u32>(x0.x, x1.x, x2.x, x3.x));
        w += 4u;
        multiply_words(by_input[w], by_input[w + 1u], vec4<u32>(x0.y, x1.y, x2.y, x3.y));
        w += 4u;
        multiply_words(by_input[w], by_input[w + 1u], vec4<u32>(x0.z, x1.z, x2.z, x3.z));
        w += 4u;
        multiply_words(by_input[w], by_input[w + 1u], vec4<u32>(x0.w, x1.w, x2.w, x3.w));
        w += 4u;
        continuing {
            q++;
            break if q >= params.forward.z;
        }
    }
}

fn multiply_words(wa: vec4<u32>, wb: vec4<u32>, x: vec4<u32>) {
    a0 += dot_words(wa, x.x);
    b0 += dot_words(wb, x.x);
    a1 += dot_words(wa, x.y);
    b1 += dot_words(wb, x.y);
    a2 += dot_words(wa, x.z);
    b2 += dot_words(wb, x.z);
    a3 += dot_words(wa, x.w);
    b3 += dot_words(wb, x.w);
}
