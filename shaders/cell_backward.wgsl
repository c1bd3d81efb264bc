// Errors of the gates of four cells of one layer at one step. Needs `tables`,
// `shares`, `gates` and `cells`.

// Values that the forward pass and the next step saved for four cells.
struct Saved {
    gates: array<vec4<u32>, 2>,
    before: vec4<i32>, // state at the step before
    state: vec4<i32>,
    later: vec4<i32>, // error at the step after
    share: vec4<i32>,
}

// Errors of the rows of the four gates.
struct GateErrors {
    input: vec4<i32>,
    forget: vec4<i32>,
    candidate: vec4<i32>,
    output: vec4<i32>,
}

// Index of the errors of four of a stream's cells; `quad` is their vec4 in the layer.
fn cell_error(layer: u32, stream: u32, quad: u32) -> u32 {
    let width = model.units / 4u;
    return ((model.segment + 1u) * model.streams + stream) * model.layers * width + layer * width + quad;
}

fn load_saved(step: u32, layer: u32, stream: u32, quad: u32) -> Saved {
    let width = model.units / 4u;
    let count = model.layers * width;
    let n = layer * width + quad;
    let index = (step * model.streams + stream) * count + n;
    let last = step + 1u == model.steps;
    return Saved(
        array<vec4<u32>, 2>(gates[2u * index], gates[2u * index + 1u]),
        cells[index],
        cells[index + model.streams * count],
        select(cells[cell_error(layer, stream, quad)], vec4<i32>(0), last),
        shares[stream * count + n],
    );
}

// Returns the gates' errors; `sum` is the sum of weights times errors of the hidden states.
fn cell_backward(layer: u32, stream: u32, quad: u32, saved: Saved, sum: vec4<i32>) -> GateErrors {
    let first = vec4<i32>(saved.gates[0]);
    let second = vec4<i32>(saved.gates[1]);
    let i = first & vec4<i32>(0xffff);
    let f = first >> vec4<u32>(16u);
    let g = (second << vec4<u32>(16u)) >> vec4<u32>(16u);
    let o = second >> vec4<u32>(16u);
    let tc = tanh_gate(saved.state << vec4<u32>(1u));
    let kept = bounded(round_shift(sum, WEIGHT_FRACTION), STATE_ERROR_LIMIT);
    let dh = bounded(round_shift(kept * saved.share, SHARE_FRACTION), STATE_ERROR_LIMIT);
    let dc = bounded(product(dh, product(o, GATE_ONE - product(tc, tc))) + saved.later, STATE_ERROR_LIMIT);
    let di = product(dc, product(g, product(i, GATE_ONE - i)));
    let cf = round_shift(saved.before * product(f, GATE_ONE - f), GATE_FRACTION);
    let df = round_shift(dc * cf, CELL_FRACTION);
    let dg = product(dc, product(i, GATE_ONE - product(g, g)));
    let d_o = product(dh, product(tc, product(o, GATE_ONE - o)));
    cells[cell_error(layer, stream, quad)] = product(dc, f);
    let limit = 1i << model.error_fraction;
    return GateErrors(bounded(di, limit), bounded(df, limit), bounded(dg, limit), bounded(d_o, limit));
}

fn product(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
    return round_shift(a * b, GATE_FRACTION);
}
