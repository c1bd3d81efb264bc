// The cross-entropy's gradient: probability less target.
// A workgroup carries one stream's step; dispatch (streams, steps).

@group(0) @binding(2) var<storage, read> symbols: array<u32>; // [2][segment][streams]: put in, targets
@group(0) @binding(3) var<storage, read> weights: array<u32>; // [segment][streams][256]
@group(0) @binding(4) var<storage, read_write> errors: array<u32>; // [2 planes][segment][streams][error_words]

var<workgroup> sums: array<u32, 64>;

@compute @workgroup_size(64)
fn output_error(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let sample = group.y * model.streams + group.x;
    let row = gate_row(lane, 0u);
    let record = sample * SYMBOLS + row;
    let w = vec4<u32>(weights[record], weights[record + CELLS], weights[record + 2u * CELLS], weights[record + 3u * CELLS]);
    sums[lane] = w.x + w.y + w.z + w.w;
    for (var half = LANES / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if lane < half {
            sums[lane] += sums[lane + half];
        }
    }
    workgroupBarrier();

    let shift = leading_zeros(sums[0]);
    let mantissa = (sums[0] << (shift & 31u)) >> 16u;
    let inverse = 0x80000000u / max(mantissa, 1u);
    let fraction = model.error_fraction;
    let probability = (((w << vec4<u32>(shift & 31u)) >> vec4<u32>(16u)) * inverse + (1u << (30u - fraction)))
        >> vec4<u32>(31u - fraction);
    let goal = symbols[(model.segment + group.y) * model.streams + group.x];
    let rows = vec4<u32>(row) + vec4<u32>(0u, CELLS, 2u * CELLS, 3u * CELLS);
    let hit = select(vec4<i32>(0), vec4<i32>(1i << fraction), rows == vec4<u32>(goal));
    let error = select(vec4<i32>(probability) - hit, vec4<i32>(0), vec4<bool>(goal >= SYMBOLS));
    let word = sample * error_words() + model.layers * model.units + lane;
    errors[word] = pack_limbs(error, 0u);
    errors[error_plane() + word] = pack_limbs(error, 1u);
}
