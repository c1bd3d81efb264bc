// One step of one layer: the products of 64 rows and, from them, 16 cells, for four
// streams. In the same dispatch, layers above work on earlier steps.

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> by_input: array<vec4<u32>>; // [matrices][rows / 16][inputs / 4][4]
@group(0) @binding(4) var<storage, read> biases: array<vec4<i32>>; // [matrices][rows / 4]
@group(0) @binding(5) var<storage, read> shares: array<vec4<i32>>; // [streams][cells / 4]
@group(0) @binding(6) var<storage, read_write> inputs: array<vec4<u32>>; // [segment + 1][streams][record]
@group(0) @binding(7) var<storage, read_write> gates: array<vec4<u32>>; // [segment][streams][cells / 4][2]: i | f, g | o
@group(0) @binding(8) var<storage, read_write> cells: array<vec4<i32>>; // [segment + 1][streams][cells / 4], then errors

const ROWS: u32 = TILE / 4u; // vec4s of rows
const PARTS: u32 = SPLIT_LANES / ROWS;

// Words of hidden states: [streams][4].
var<workgroup> hidden: array<u32, GROUP * CELLS / 4u>;

@compute @workgroup_size(SPLIT_LANES)
fn layer_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let layer = params.layer + group.z;
    let step = params.step - group.z;
    let first = GROUP * group.x;
    // Indices beyond the last stream repeat the last one.
    let streams = params.first + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.streams - 1u));
    let sample = step * model.streams + streams;

    // At the end, sixteen lanes compute four cells of a stream each; they load their operands early.
    let stream = first + lane / 4u % GROUP;
    let quad = group.y * 4u + lane % 4u;
    let n = layer * model.units / 4u + quad;
    let cell = load_cell(step, params.first + min(stream, params.streams - 1u), n);

    let row = lane % ROWS;
    let part = lane / ROWS;
    let before = inputs_before(layer);
    let quads = inputs_before(layer + 1u) - before;
    let w = 4u * model.units * before + (4u * group.y + row / 4u) * 16u * quads + row % 4u;
    multiply_part(sample * record_quads() + before, w, quads, part, PARTS);
    put_part(row, ROWS, part);
    workgroupBarrier();

    if lane < GROUP * ROWS {
        var sum = biases[layer * model.units + ROWS * group.y + row];
        for (var other = 0u; other < PARTS; other++) {
            sum += partial_sums[other * GROUP * ROWS + lane];
        }
        partial_sums[lane] = sum;
    }
    workgroupBarrier();

    if lane < 4u * GROUP && stream < params.streams {
        let r = lane / 4u * ROWS + lane % 4u;
        hidden[lane] = cell_forward(
            step, params.first + stream, n, cell,
            partial_sums[r], partial_sums[r + 4u], partial_sums[r + 8u], partial_sums[r + 12u],
        );
    }
    workgroupBarrier();

    if lane < GROUP && first + lane < params.streams {
        let h = 4u * lane;
        put_hidden(sample[lane], layer, group.y, vec4<u32>(hidden[h], hidden[h + 1u], hidden[h + 2u], hidden[h + 3u]));
    }
}

// Writes hidden states as inputs of the output, of the layer above, and of this layer one
// step later; `quad` is their vec4 in the layer.
fn put_hidden(sample: u32, layer: u32, quad: u32, values: vec4<u32>) {
    let width = model.units / 16u;
    let record = sample * record_quads();
    let next = record + inputs_before(layer + 1u);
    inputs[record + inputs_before(model.layers) + layer * width + quad] = values;
    if layer + 1u < model.layers {
        inputs[next + model.embedding / 16u + quad] = values;
    }
    // A layer's own states are its last inputs.
    inputs[next + model.streams * record_quads() - width + quad] = values;
}
