// Sums of weights times errors for 16 inputs and four samples a workgroup; a lane
// sums four inputs of all samples over one part of the rows. Needs
// `by_row` (array<vec4<u32>>, [matrices][inputs / 16][rows / 4][4]) and `errors`
// (array<vec4<u32>>).

const BLOCKS: u32 = CELLS / 4u; // vec4s of inputs
const PARTS: u32 = SPLIT_LANES / BLOCKS;
// The number of parts of a sum that remain when one lane adds them up.
const LAST_PARTS: u32 = SPLIT_LANES / (GROUP * BLOCKS);

// The sums of each lane: [parts][samples][blocks].
var<workgroup> partial_sums: array<vec4<i32>, SPLIT_LANES * GROUP>;

var<private> a0: vec4<i32>; // four inputs of the first sample, from low limbs
var<private> a1: vec4<i32>;
var<private> a2: vec4<i32>;
var<private> a3: vec4<i32>;
var<private> b0: vec4<i32>; // the same from high limbs
var<private> b1: vec4<i32>;
var<private> b2: vec4<i32>;
var<private> b3: vec4<i32>;

// Adds the products of this lane's part of the vec4s of errors; `e` are the samples' first
// vec4s, `w` the first vec4 of weights.
fn multiply_part(lane: u32, e: vec4<u32>, w: u32, quads: u32) {
    let high = error_plane() + e;
    for (var q = lane / BLOCKS; q < quads; q += PARTS) {
        let l0 = errors[e.x + q];
        let l1 = errors[e.y + q];
        let l2 = errors[e.z + q];
        let l3 = errors[e.w + q];
        let h0 = errors[high.x + q];
        let h1 = errors[high.y + q];
        let h2 = errors[high.z + q];
        let h3 = errors[high.w + q];
        let n = w + 16u * q;
        let w0 = by_row[n];
        let w1 = by_row[n + 4u];
        let w2 = by_row[n + 8u];
        let w3 = by_row[n + 12u];
        multiply_word(w0, vec4<u32>(l0.x, l1.x, l2.x, l3.x), vec4<u32>(h0.x, h1.x, h2.x, h3.x));
        multiply_word(w1, vec4<u32>(l0.y, l1.y, l2.y, l3.y), vec4<u32>(h0.y, h1.y, h2.y, h3.y));
        multiply_word(w2, vec4<u32>(l0.z, l1.z, l2.z, l3.z), vec4<u32>(h0.z, h1.z, h2.z, h3.z));
        multiply_word(w3, vec4<u32>(l0.w, l1.w, l2.w, l3.w), vec4<u32>(h0.w, h1.w, h2.w, h3.w));
    }
}

fn multiply_word(weights: vec4<u32>, low: vec4<u32>, high: vec4<u32>) {
    a0 += dot_words(weights, low.x);
    a1 += dot_words(weights, low.y);
    a2 += dot_words(weights, low.z);
    a3 += dot_words(weights, low.w);
    b0 += dot_words(weights, high.x);
    b1 += dot_words(weights, high.y);
    b2 += dot_words(weights, high.z);
    b3 += dot_words(weights, high.w);
}

// Adds up the parts of all lanes; the first GROUP * BLOCKS lanes return the sums, [samples][blocks].
fn add_parts(lane: u32) -> vec4<i32> {
    let n = lane / BLOCKS * GROUP * BLOCKS + lane % BLOCKS;
    partial_sums[n] = a0 + (b0 << vec4<u32>(8u));
    partial_sums[n + BLOCKS] = a1 + (b1 << vec4<u32>(8u));
    partial_sums[n + 2u * BLOCKS] = a2 + (b2 << vec4<u32>(8u));
    partial_sums[n + 3u * BLOCKS] = a3 + (b3 << vec4<u32>(8u));
    workgroupBarrier();
    var sum = vec4<i32>(0);
    for (var m = lane; m < PARTS * GROUP * BLOCKS; m += SPLIT_LANES) {
        sum += partial_sums[m];
    }
    partial_sums[lane] = sum;
    workgroupBarrier();
    for (var part = 1u; part < LAST_PARTS && lane < GROUP * BLOCKS; part++) {
        sum += partial_sums[part * GROUP * BLOCKS + lane];
    }
    return sum;
}
