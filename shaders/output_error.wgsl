// The gradient of the cross-entropy: probability minus target.
// A workgroup computes a sample, a lane four symbols.

@group(0) @binding(2) var<storage, read> symbols: array<u32>; // [2][segment][streams]: inputs, targets
@group(0) @binding(3) var<storage, read> weights: array<vec4<u32>>; // [segment][streams][64]
@group(0) @binding(4) var<storage, read_write> errors: array<u32>; // [2 planes][segment][streams][record]

var<workgroup> total: atomic<u32>;

@compute @workgroup_size(PORTABLE_LANES)
fn output_error(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let sample = group.y * model.streams + group.x;
    let w = weights[sample * (SYMBOLS / 4u) + lane];
    atomicAdd(&total, w.x + w.y + w.z + w.w);
    workgroupBarrier();
    let sum = atomicLoad(&total);

    let shift = leading_zeros(vec4<u32>(sum)) & vec4<u32>(31u);
    let mantissa = (sum << shift.x) >> 16u;
    let inverse = 0x80000000u / max(mantissa, 1u);
    let fraction = model.error_fraction;
    let probability = (((w << shift) >> vec4<u32>(16u)) * inverse + (1u << (30u - fraction)))
        >> vec4<u32>(31u - fraction);
    let goal = symbols[(model.segment + group.y) * model.streams + group.x];
    let rows = 4u * lane + vec4<u32>(0u, 1u, 2u, 3u);
    let hit = select(vec4<i32>(0), vec4<i32>(1i << fraction), rows == vec4<u32>(goal));
    let error = select(vec4<i32>(probability) - hit, vec4<i32>(0), vec4<bool>(goal >= SYMBOLS));
    let word = 4u * sample * error_quads() + model.layers * model.units + lane;
    errors[word] = pack_bytes(error);
    errors[4u * error_plane() + word] = pack_bytes(high_limbs(error));
}
