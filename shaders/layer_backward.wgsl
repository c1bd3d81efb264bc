// One step of one layer backward: the sums of weights times errors of 16 hidden states
// and, from them, the errors of 64 gates, for four streams. In the same dispatch,
// layers below work on later steps.

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> by_row: array<vec4<u32>>; // [matrices][inputs / 16][rows / 4][4]
@group(0) @binding(4) var<storage, read> shares: array<vec4<i32>>; // [streams][cells / 4]
@group(0) @binding(5) var<storage, read> gates: array<vec4<u32>>; // [segment][streams][cells / 4][2]
@group(0) @binding(6) var<storage, read_write> cells: array<vec4<i32>>; // [segment + 1][streams][cells / 4], then errors
@group(0) @binding(7) var<storage, read_write> errors: array<vec4<u32>>; // [2 planes][segment][streams][record]

// Words of gate errors: [2 planes][streams][16 words].
var<workgroup> gate_errors: array<u32, 2u * GROUP * CELLS>;

@compute @workgroup_size(SPLIT_LANES)
fn layer_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let layer = params.layer - group.z;
    let step = params.step + group.z;
    let first = GROUP * group.x;
    // Indices beyond the last stream repeat the last one.
    let sample = step * model.streams + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(model.streams - 1u));

    // At the end, sixteen lanes compute four cells of a stream each; they load their operands early.
    let stream = first + lane / BLOCKS % GROUP;
    var cell: Saved;
    if lane < BLOCKS * GROUP && stream < model.streams {
        cell = load_saved(step, layer, stream, BLOCKS * group.y + lane % BLOCKS);
    }

    let block = lane % BLOCKS;
    multiply_sources(lane, sample, layer, step, BLOCKS * group.y + block);
    let sum = add_parts(lane);
    if lane < BLOCKS * GROUP && stream < model.streams {
        let error = cell_backward(layer, stream, BLOCKS * group.y + block, cell, sum);
        let n = lane / BLOCKS * 16u + block;
        keep(n, error.input);
        keep(n + 4u, error.forget);
        keep(n + 8u, error.candidate);
        keep(n + 12u, error.output);
    }
    workgroupBarrier();

    // A lane writes one gate of a stream in one plane.
    let gate = lane % 4u;
    let to = sample[lane / 4u % GROUP] * error_quads() + layer * model.units / 4u + 4u * group.y + gate;
    if lane < 32u && first + lane / 4u % GROUP < model.streams {
        let n = 4u * lane;
        errors[lane / 16u * error_plane() + to] =
            vec4<u32>(gate_errors[n], gate_errors[n + 1u], gate_errors[n + 2u], gate_errors[n + 3u]);
    }
}

// Adds the products with the output's errors, with those of the layer above at this step, and
// with this layer's at the next step.
fn multiply_sources(lane: u32, sample: vec4<u32>, layer: u32, step: u32, quad: u32) {
    let rows = 4u * model.units;
    let own = sample * error_quads();
    let output_inputs = layer * model.units / 16u + quad / 4u;
    let output = rows * inputs_before(model.layers) + output_inputs * SYMBOLS + quad % 4u;
    multiply_part(lane, own + model.layers * model.units / 4u, output, SYMBOLS / 16u);
    if layer + 1u < model.layers {
        let inputs = inputs_before(layer + 1u) + model.embedding / 16u + quad / 4u;
        multiply_part(lane, own + (layer + 1u) * model.units / 4u, rows * inputs + quad % 4u, rows / 16u);
    }
    if step + 1u < model.steps {
        let inputs = inputs_before(layer + 1u) - model.units / 16u + quad / 4u;
        let later = own + model.streams * error_quads() + layer * model.units / 4u;
        multiply_part(lane, later, rows * inputs + quad % 4u, rows / 16u);
    }
}

fn keep(n: u32, error: vec4<i32>) {
    gate_errors[n] = pack_bytes(error);
    gate_errors[GROUP * CELLS + n] = pack_bytes(high_limbs(error));
}
