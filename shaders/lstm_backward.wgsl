// Errors of one layer's gates at one step, from the sums behind the errors of
// its hidden states.
// A lane carries four cells of a stream; dispatch (units / 4 / 16, streams / 4).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> sums: array<vec4<i32>>; // [segment][streams][units / 4]
@group(0) @binding(4) var<storage, read> shares: array<vec4<i32>>; // [streams][cells / 4]
@group(0) @binding(5) var<storage, read> gates: array<vec4<u32>>; // [segment][streams][cells / 4][2]
@group(0) @binding(6) var<storage, read_write> cells: array<vec4<i32>>; // [segment + 1][streams][cells / 4], then errors
@group(0) @binding(7) var<storage, read_write> errors: array<u32>; // [2 planes][segment][streams][record]

@compute @workgroup_size(16, 4)
fn lstm_backward(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = model.units / 4u;
    if id.x >= width || id.y >= model.streams {
        return;
    }
    let sample = place.step * model.streams + id.y;
    let last = place.step + 1u == model.steps;
    let count = model.layers * width;
    let n = place.layer * width + id.x;
    let index = sample * count + n;
    let error_index = ((model.segment + 1u) * model.streams + id.y) * count + n;
    let first = vec4<i32>(gates[2u * index]);
    let second = vec4<i32>(gates[2u * index + 1u]);
    let i = first & vec4<i32>(0xffff);
    let f = first >> vec4<u32>(16u);
    let g = (second << vec4<u32>(16u)) >> vec4<u32>(16u);
    let o = second >> vec4<u32>(16u);
    let tc = tanh_gate(cells[index + model.streams * count] << vec4<u32>(1u));
    let share = shares[id.y * count + n];
    let kept = bounded(round_shift(sums[sample * width + id.x], WEIGHT_FRACTION), STATE_ERROR_LIMIT);
    let dh = bounded(round_shift(kept * share, SHARE_FRACTION), STATE_ERROR_LIMIT);
    let later = select(cells[error_index], vec4<i32>(0), last);
    let dc = bounded(product(dh, product(o, GATE_ONE - product(tc, tc))) + later, STATE_ERROR_LIMIT);
    let di = product(dc, product(g, product(i, GATE_ONE - i)));
    let cf = round_shift(cells[index] * product(f, GATE_ONE - f), GATE_FRACTION);
    let df = round_shift(dc * cf, CELL_FRACTION);
    let dg = product(dc, product(i, GATE_ONE - product(g, g)));
    let d_o = product(dh, product(tc, product(o, GATE_ONE - o)));
    cells[error_index] = product(dc, f);
    let word = 4u * sample * error_quads() + place.layer * model.units + id.x / 4u * 16u + id.x % 4u;
    put(word, di);
    put(word + 4u, df);
    put(word + 8u, dg);
    put(word + 12u, d_o);
}

fn product(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
    return round_shift(a * b, GATE_FRACTION);
}

fn put(word: u32, error: vec4<i32>) {
    let gate = bounded(error, 1i << model.error_fraction);
    errors[word] = pack_bytes(gate);
    errors[4u * error_plane() + word] = pack_bytes(high_limbs(gate));
}
