// Gates, cell and hidden state of four cells of one layer at one step. Needs
// `tables`, `shares`, `gates` and `cells`.

// The operands of four cells besides the sums of their gates' rows.
struct Cell {
    state: vec4<i32>,
    share: vec4<i32>,
}

// Loads four cells of a stream at a step; `n` is their vec4 among all layers' cells.
fn load_cell(step: u32, stream: u32, n: u32) -> Cell {
    let count = model.layers * model.units / 4u;
    return Cell(cells[(step * model.streams + stream) * count + n], shares[stream * count + n]);
}

// Returns the hidden states of four cells as a word; the arguments from `input` to
// `output` are the sums of the gates' rows.
fn cell_forward(
    step: u32, stream: u32, n: u32, cell: Cell,
    input: vec4<i32>, forget: vec4<i32>, candidate: vec4<i32>, output: vec4<i32>,
) -> u32 {
    let count = model.layers * model.units / 4u;
    let index = (step * model.streams + stream) * count + n;
    let i = sigmoid(input);
    let f = sigmoid(forget);
    let g = tanh_gate(candidate);
    let o = sigmoid(output);
    let c = bounded(round_shift(f * cell.state + ((i * g) >> vec4<u32>(2u)), GATE_FRACTION), CELL_LIMIT);
    let tc = tanh_gate(c << vec4<u32>(1u));
    let h = round_shift(o * tc, 2u * GATE_FRACTION - ACTIVATION_FRACTION);
    gates[2u * index] = vec4<u32>(i | (f << vec4<u32>(16u)));
    gates[2u * index + 1u] = vec4<u32>((g & vec4<i32>(0xffff)) | (o << vec4<u32>(16u)));
    cells[index + model.streams * count] = c;
    return pack_bytes(bounded(round_shift(h * cell.share, SHARE_FRACTION), BYTE_LIMIT));
}
