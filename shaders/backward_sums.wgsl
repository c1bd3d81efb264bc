// Sums of weights times errors for one layer's hidden states: over the rows of the
// output matrix; then those of the layer above, or of the same layer one step later, are
// added. A lane computes eight units of four samples.

@group(0) @binding(2) var<storage, read> by_row: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> errors: array<vec4<u32>>; // [2 planes][segment][streams][record]
@group(0) @binding(4) var<storage, read_write> sums: array<vec4<i32>>; // [segment][streams][units / 4]

@compute @workgroup_size(ACROSS, DOWN)
fn backward_sums(@builtin(global_invocation_id) id: vec3<u32>) {
    let block = LANE_ROWS / 4u * id.x;
    let first = GROUP * id.y;
    let count = sample_count();
    let width = model.units / 4u;
    if block >= width || first >= count {
        return;
    }
    // Indices beyond the last sample repeat the last one.
    let sample = first_sample() + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
    let e = (sample + params.later * model.streams) * error_quads() + params.backward.x;
    let w = params.backward.y + block / 4u * params.backward.w + block % 4u;
    multiply_rows(e, w, params.backward.z);

    let index = sample * width + block;
    let added = vec4<bool>(params.add == 1u);
    a0 += select(vec4<i32>(0), sums[index.x], added);
    b0 += select(vec4<i32>(0), sums[index.x + 1u], added);
    a1 += select(vec4<i32>(0), sums[index.y], added);
    b1 += select(vec4<i32>(0), sums[index.y + 1u], added);
    a2 += select(vec4<i32>(0), sums[index.z], added);
    b2 += select(vec4<i32>(0), sums[index.z + 1u], added);
    a3 += select(vec4<i32>(0), sums[index.w], added);
    b3 += select(vec4<i32>(0), sums[index.w + 1u], added);
    sums[index.x] = a0;
    sums[index.x + 1u] = b0;
    sums[index.y] = a1;
    sums[index.y + 1u] = b1;
    sums[index.z] = a2;
    sums[index.z + 1u] = b2;
    sums[index.w] = a3;
    sums[index.w + 1u] = b3;
}
