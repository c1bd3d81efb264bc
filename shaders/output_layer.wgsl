// Logits of four samples and their softmax.

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> by_input: array<vec4<u32>>; // [matrices][rows / 16][inputs / 4][4]
@group(0) @binding(4) var<storage, read> biases: array<vec4<i32>>; // [matrices][rows / 4]
@group(0) @binding(5) var<storage, read> inputs: array<vec4<u32>>; // [segment + 1][streams][record]
@group(0) @binding(6) var<storage, read_write> weights: array<vec4<u32>>; // [segment][streams][64]

const ROWS: u32 = SYMBOLS / 4u;
const PARTS: u32 = SPLIT_LANES / ROWS;

// Each sample's largest logit, mapped to an unsigned number of the same order: zero is the least.
var<workgroup> largest: array<atomic<u32>, GROUP>;

@compute @workgroup_size(SPLIT_LANES)
fn output_layer(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    // Indices beyond the last sample repeat the last one.
    let index = min(GROUP * group.x + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(sample_count() - 1u));
    let sample = first_sample() + index;
    let row = lane % ROWS;
    let part = lane / ROWS;
    let w = params.forward.y + row / 4u * params.inputs + row % 4u;
    multiply_part(sample * record_quads() + params.forward.x, w, params.forward.z, part, PARTS);
    put_part(row, ROWS, part);
    workgroupBarrier();

    // From here on, a lane computes four symbols of one sample.
    var logits = biases[params.bias + row];
    for (var other = 0u; other < PARTS; other++) {
        logits += partial_sums[other * GROUP * ROWS + lane];
    }
    let top = max(max(logits.x, logits.y), max(logits.z, logits.w));
    atomicMax(&largest[part], u32(top) ^ 0x80000000u);
    workgroupBarrier();
    weights[sample[part] * ROWS + row] = exp_weight((atomicLoad(&largest[part]) ^ 0x80000000u) - vec4<u32>(logits));
}
