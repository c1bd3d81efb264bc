// Errors of one layer's gates at one step. The error of a hidden state comes
// from the output, from the layer above at the same step and from the same
// layer one step later; the sum is rounded once.
// A lane carries one cell of four streams; dispatch (units / 64, streams / 4).

@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read> by_row: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> gates: array<vec2<u32>>; // [segment][streams][layers * units]
@group(0) @binding(5) var<storage, read_write> cells: array<i32>; // [segment + 1][streams][layers * units], then errors
@group(0) @binding(6) var<storage, read_write> errors: array<vec4<u32>>; // [2 planes][segment][streams][error_words / 4]

var<workgroup> low_words: array<u32, 256>; // [4 streams][64 cells]
var<workgroup> high_words: array<u32, 256>;

@compute @workgroup_size(64)
fn lstm_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let unit = group.x * LANES + lane;
    let cell = min(unit, model.units - 1u);
    let first = group.y * GROUP;
    let stream = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(model.streams - 1u));
    let last = place.step + 1u == model.steps;
    let quads = error_words() / 4u;
    let height = model.units / 4u;
    let now = (place.step * model.streams + stream) * quads;
    let later = ((place.step + 1u) * model.streams + stream) * quads;

    total = vec4<i32>(0);
    let outputs = model.layers * model.units;
    multiply_rows(now + outputs / 4u, place.output + place.layer * model.units + cell, outputs, SYMBOLS / 16u);
    if place.layer + 1u < model.layers {
        let inputs = model.embedding + 2u * model.units;
        multiply_rows(now + (place.layer + 1u) * height, place.above + model.embedding + cell, inputs, height);
    }
    if !last {
        let own = place.packed + place.inputs - model.units + cell;
        multiply_rows(later + place.layer * height, own, place.inputs, height);
    }

    cell_backward(total.x, last, first, unit, lane);
    cell_backward(total.y, last, first + 1u, unit, LANES + lane);
    cell_backward(total.z, last, first + 2u, unit, 2u * LANES + lane);
    cell_backward(total.w, last, first + 3u, unit, 3u * LANES + lane);
    workgroupBarrier();

    // Every lane gathers the words of four cells of one stream.
    let target_stream = first + lane / 16u;
    let quad = group.x * 16u + lane % 16u;
    if target_stream < model.streams && quad < height {
        let h = lane / 16u * LANES + lane % 16u * 4u;
        let index = (place.step * model.streams + target_stream) * quads + place.layer * height + quad;
        errors[index] = vec4<u32>(low_words[h], low_words[h + 1u], low_words[h + 2u], low_words[h + 3u]);
        errors[error_plane() / 4u + index] =
            vec4<u32>(high_words[h], high_words[h + 1u], high_words[h + 2u], high_words[h + 3u]);
    }
}

fn product(a: i32, b: i32) -> i32 {
    return round_shift(a * b, GATE_FRACTION);
}

// One cell: leaves its four gate errors in the workgroup's words.
fn cell_backward(sum: i32, last: bool, stream: u32, unit: u32, word: u32) {
    if stream >= model.streams || unit >= model.units {
        return;
    }
    let count = model.layers * model.units;
    let n = place.layer * model.units + unit;
    let index = (place.step * model.streams + stream) * count + n;
    let error_index = ((model.segment + 1u) * model.streams + stream) * count + n;
    let packed = vec2<i32>(gates[index]);
    let i = packed.x & 0xffff;
    let f = packed.x >> 16u;
    let g = (packed.y << 16u) >> 16u;
    let o = packed.y >> 16u;
    let tc = tanh_gate(cells[index + model.streams * count] << 1u);
    let dh = bounded(round_shift(sum, model.weight_fraction), STATE_ERROR_LIMIT);
    let later = select(cells[error_index], 0, last);
    let dc = bounded(product(dh, product(o, GATE_ONE - product(tc, tc))) + later, STATE_ERROR_LIMIT);
    let di = product(dc, product(g, product(i, GATE_ONE - i)));
    let cf = round_shift(cells[index] * product(f, GATE_ONE - f), GATE_FRACTION);
    let df = round_shift(dc * cf, CELL_FRACTION);
    let dg = product(dc, product(i, GATE_ONE - product(g, g)));
    let d_o = product(dh, product(tc, product(o, GATE_ONE - o)));
    cells[error_index] = product(dc, f);
    let limit = 1i << model.error_fraction;
    let gate_errors = vec4<i32>(bounded(di, limit), bounded(df, limit), bounded(dg, limit), bounded(d_o, limit));
    low_words[word] = pack_limbs(gate_errors, 0u);
    high_words[word] = pack_limbs(gate_errors, 1u);
}
