// Errors of the embedded symbols: one layer's share, added up from the lowest
// layer to the highest, which also rounds.
// A lane carries one value of four samples; dispatch (embedding / 64, streams * steps / 4).

@group(0) @binding(2) var<storage, read> by_row: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> errors: array<vec4<u32>>; // [2 planes][segment][streams][error_words / 4]
@group(0) @binding(4) var<storage, read_write> embedding_errors: array<i32>; // [segment][streams][embedding]

@compute @workgroup_size(64)
fn embedding_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let value = group.x * LANES + lane;
    let first = group.y * GROUP;
    let samples = model.steps * model.streams;
    let sample = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(samples - 1u));
    total = vec4<i32>(0);
    let start = sample * (error_words() / 4u) + place.layer * (model.units / 4u);
    multiply_rows(start, place.packed + min(value, model.embedding - 1u), place.inputs, model.units / 4u);
    add_error(total.x, first, value);
    add_error(total.y, first + 1u, value);
    add_error(total.z, first + 2u, value);
    add_error(total.w, first + 3u, value);
}

fn add_error(sum: i32, sample: u32, value: u32) {
    if sample >= model.steps * model.streams || value >= model.embedding {
        return;
    }
    let index = sample * model.embedding + value;
    let error = sum + select(embedding_errors[index], 0, place.layer == 0u);
    let rounded = bounded(round_shift(error, model.weight_fraction), STATE_ERROR_LIMIT);
    embedding_errors[index] = select(error, rounded, place.layer + 1u == model.layers);
}
