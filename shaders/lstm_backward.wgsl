// Errors of one layer's gates at one step, from the sums of weights times errors of its
// hidden states. A lane computes four cells of a stream.

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<vec4<i32>>; // [segment][streams][units / 4]
@group(0) @binding(4) var<storage, read> shares: array<vec4<i32>>; // [streams][cells / 4]
@group(0) @binding(5) var<storage, read> gates: array<vec4<u32>>; // [segment][streams][cells / 4][2]
@group(0) @binding(6) var<storage, read_write> cells: array<vec4<i32>>; // [segment + 1][streams][cells / 4], then errors
@group(0) @binding(7) var<storage, read_write> errors: array<u32>; // [2 planes][segment][streams][record]

@compute @workgroup_size(ACROSS, DOWN)
fn lstm_backward(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = model.units / 4u;
    if id.x >= width || id.y >= model.streams {
        return;
    }
    let sample = params.step * model.streams + id.y;
    let saved = load_saved(params.step, params.layer, id.y, id.x);
    let error = cell_backward(params.layer, id.y, id.x, saved, sums[sample * width + id.x]);
    let word = 4u * sample * error_quads() + params.layer * model.units + id.x / 4u * 16u + id.x % 4u;
    put(word, error.input);
    put(word + 4u, error.forget);
    put(word + 8u, error.candidate);
    put(word + 12u, error.output);
}

fn put(word: u32, error: vec4<i32>) {
    errors[word] = pack_bytes(error);
    errors[4u * error_plane() + word] = pack_bytes(high_limbs(error));
}
