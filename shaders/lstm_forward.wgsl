// Gates, cell state and hidden state of one layer at one step, from the sums of its rows.
// A lane computes four cells of a stream.

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<vec4<i32>>; // [segment][streams][units]
@group(0) @binding(4) var<storage, read> shares: array<vec4<i32>>; // [streams][cells / 4]
@group(0) @binding(5) var<storage, read_write> inputs: array<u32>; // [segment + 1][streams][record]
@group(0) @binding(6) var<storage, read_write> gates: array<vec4<u32>>; // [segment][streams][cells / 4][2]: i | f, g | o
@group(0) @binding(7) var<storage, read_write> cells: array<vec4<i32>>; // [segment + 1][streams][cells / 4], then errors

@compute @workgroup_size(ACROSS, DOWN)
fn lstm_forward(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = model.units / 4u;
    if id.x >= width || id.y >= params.streams {
        return;
    }
    let sample = first_sample() + id.y;
    let row = sample * model.units + id.x / 4u * 16u + id.x % 4u;
    let stream = params.first + id.y;
    let n = params.layer * width + id.x;
    let cell = load_cell(params.step, stream, n);
    let hidden =
        cell_forward(params.step, stream, n, cell, sums[row], sums[row + 4u], sums[row + 8u], sums[row + 12u]);
    // Inputs of the output and of the layer above, and of this layer one step later.
    let record = 4u * sample * record_quads();
    let output = record + 4u * inputs_before(model.layers) + n;
    let above = record + 4u * inputs_before(params.layer + 1u) + model.embedding / 4u + id.x;
    let own = record + 4u * (model.streams * record_quads() + params.start) + params.inputs / 4u - width + id.x;
    inputs[output] = hidden;
    if params.layer + 1u < model.layers {
        inputs[above] = hidden;
    }
    inputs[own] = hidden;
}
