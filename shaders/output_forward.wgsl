// Softmax of the logits in `sums`.
// A workgroup computes a sample, a lane four symbols.

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<vec4<i32>>; // [segment][streams][64]
@group(0) @binding(4) var<storage, read_write> weights: array<vec4<u32>>; // [segment][streams][64]

// The largest logit, mapped to an unsigned number of the same order: zero is the least.
var<workgroup> largest: atomic<u32>;

@compute @workgroup_size(PORTABLE_LANES)
fn output_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (first_sample() + group.y * model.streams + group.x) * (SYMBOLS / 4u) + lane;
    let logits = sums[index];
    let top = max(max(logits.x, logits.y), max(logits.z, logits.w));
    atomicMax(&largest, u32(top) ^ 0x80000000u);
    workgroupBarrier();
    weights[index] = exp_weight((atomicLoad(&largest) ^ 0x80000000u) - vec4<u32>(logits));
}
