// Sums of weights times inputs over one part of the inputs, for four rows of four
// samples a lane. Needs `by_input` (array<vec4<u32>>, [matrices][rows / 16]
// [inputs / 4][4]) and `inputs` (array<vec4<u32>>).

// The sums of each lane.
var<workgroup> partial_sums: array<vec4<i32>, SPLIT_LANES * GROUP>;

var<private> a0: vec4<i32>; // four rows of the first sample
var<private> a1: vec4<i32>;
var<private> a2: vec4<i32>;
var<private> a3: vec4<i32>;

// Adds the products of this part: every `parts`-th vec4 of inputs from vec4 `part` on. `x` are
// the samples' first vec4s, `w` the first vec4 of weights.
fn multiply_part(x: vec4<u32>, w: u32, quads: u32, part: u32, parts: u32) {
    for (var q = part; q < quads; q += parts) {
        let x0 = inputs[x.x + q];
        let x1 = inputs[x.y + q];
        let x2 = inputs[x.z + q];
        let x3 = inputs[x.w + q];
        let n = w + 16u * q;
        let w0 = by_input[n];
        let w1 = by_input[n + 4u];
        let w2 = by_input[n + 8u];
        let w3 = by_input[n + 12u];
        multiply_word(w0, vec4<u32>(x0.x, x1.x, x2.x, x3.x));
        multiply_word(w1, vec4<u32>(x0.y, x1.y, x2.y, x3.y));
        multiply_word(w2, vec4<u32>(x0.z, x1.z, x2.z, x3.z));
        multiply_word(w3, vec4<u32>(x0.w, x1.w, x2.w, x3.w));
    }
}

fn multiply_word(weights: vec4<u32>, x: vec4<u32>) {
    a0 += dot_words(weights, x.x);
    a1 += dot_words(weights, x.y);
    a2 += dot_words(weights, x.z);
    a3 += dot_words(weights, x.w);
}

// Writes this lane's sums to `partial_sums`: [parts][samples][rows].
fn put_part(row: u32, rows: u32, part: u32) {
    let n = part * GROUP * rows + row;
    partial_sums[n] = a0;
    partial_sums[n + rows] = a1;
    partial_sums[n + 2u * rows] = a2;
    partial_sums[n + 3u * rows] = a3;
}
