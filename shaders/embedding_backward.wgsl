// Errors of the embedded symbols, from the errors of the rows of all layers.
// A lane computes eight values of four samples.

@group(0) @binding(2) var<storage, read> by_row: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> errors: array<vec4<u32>>; // [2 planes][segment][streams][record]
@group(0) @binding(4) var<storage, read_write> embedding_errors: array<vec4<i32>>; // [segment][streams][embedding / 4]

@compute @workgroup_size(ACROSS, DOWN)
fn embedding_backward(@builtin(global_invocation_id) id: vec3<u32>) {
    let block = LANE_ROWS / 4u * id.x;
    let first = GROUP * id.y;
    let count = sample_count();
    let width = model.embedding / 4u;
    if block >= width || first >= count {
        return;
    }
    // Indices beyond the last sample repeat the last one.
    let sample = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
    let w = block / 4u * 4u * model.units + block % 4u;
    multiply_layers(sample, w);
    let index = sample * width + block;
    put(index.x, a0, b0);
    put(index.y, a1, b1);
    put(index.z, a2, b2);
    put(index.w, a3, b3);
}

// Adds the errors of all layers of four samples times the weights from vec4 `first` on.
fn multiply_layers(sample: vec4<u32>, first: u32) {
    var w = first;
    let rows = 4u * model.units;
    for (var layer = 0u; layer < model.layers; layer++) {
        let e = sample * error_quads() + layer * (model.units / 4u);
        multiply_rows(e, w, model.units / 4u);
        w += rows * (model.embedding + select(2u, 1u, layer == 0u) * model.units) / 16u;
    }
}

fn put(index: u32, a: vec4<i32>, b: vec4<i32>) {
    embedding_errors[index] = bounded(round_shift(a, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
    embedding_errors[index + 1u] = bounded(round_shift(b, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
}
