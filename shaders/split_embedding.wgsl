// Errors of 16 values of the embedded symbols of four samples, from the errors of the rows of
// all layers.

@group(0) @binding(2) var<storage, read> by_row: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> errors: array<vec4<u32>>; // [2 planes][segment][streams][record]
@group(0) @binding(4) var<storage, read_write> embedding_errors: array<vec4<i32>>; // [segment][streams][embedding / 4]

@compute @workgroup_size(SPLIT_LANES)
fn split_embedding(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    // Indices beyond the last sample repeat the last one.
    let sample = min(GROUP * group.x + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(sample_count() - 1u));
    let rows = 4u * model.units;
    for (var layer = 0u; layer < model.layers; layer++) {
        let e = sample * error_quads() + layer * (model.units / 4u);
        multiply_part(lane, e, rows * (inputs_before(layer) + group.y) + lane % BLOCKS, rows / 16u);
    }
    let sum = add_parts(lane);
    if lane < GROUP * BLOCKS {
        let n = sample[lane / BLOCKS] * (model.embedding / 4u) + BLOCKS * group.y + lane % BLOCKS;
        embedding_errors[n] = bounded(round_shift(sum, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
    }
}
