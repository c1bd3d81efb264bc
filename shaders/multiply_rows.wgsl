// Sums of weights times errors over rows, for eight inputs and four samples a
// lane. Needs the accumulators, `by_row` (array<vec4<u32>>,
// [matrices][inputs / 16][rows / 4][4], a vec4 four inputs' words of four
// rows) and `errors` (array<vec4<u32>>).

fn multiply_words(wa: vec4<u32>, wb: vec4<u32>, low: vec4<u32>, high: vec4<u32>) {
    a0 += dot_error_word(wa, low.x, high.x);
    b0 += dot_error_word(wb, low.x, high.x);
    a1 += dot_error_word(wa, low.y, high.y);
    b1 += dot_error_word(wb, low.y, high.y);
    a2 += dot_error_word(wa, low.z, high.z);
    b2 += dot_error_word(wb, low.z, high.z);
    a3 += dot_error_word(wa, low.w, high.w);
    b3 += dot_error_word(wb, low.w, high.w);
}

// Adds `quads` vec4s of errors of four samples times weights; `e` are the samples' first
// vec4s, `first` the first vec4 of weights.
fn multiply_rows(e: vec4<u32>, first: u32, quads: u32) {
    let high = error_plane() + e;
    var w = first;
    var q = 0u;
    loop {
        let l0 = errors[e.x + q];
        let l1 = errors[e.y + q];
        let l2 = errors[e.z + q];
        let l3 = errors[e.w + q];
        let h0 = errors[high.x + q];
        let h1 = errors[high.y + q];
        let h2 = errors[high.z + q];
        let h3 = errors[high.w + q];
        multiply_words(by_row[w], by_row[w + 1u], vec4<u32>(l0.x, l1.x, l2.x, l3.x), vec4<u32>(h0.x, h1.x, h2.x, h3.x));
        w += 4u;
        multiply_words(by_row[w], by_row[w + 1u], vec4<u32>(l0.y, l1.y, l2.y, l3.y), vec4<u32>(h0.y, h1.y, h2.y, h3.y));
        w += 4u;
        multiply_words(by_row[w], by_row[w + 1u], vec4<u32>(l0.z, l1.z, l2.z, l3.z), vec4<u32>(h0.z, h1.z, h2.z, h3.z));
        w += 4u;
        multiply_words(by_row[w], by_row[w + 1u], vec4<u32>(l0.w, l1.w, l2.w, l3.w), vec4<u32>(h0.w, h1.w, h2.w, h3.w));
        w += 4u;
        continuing {
            q++;
            break if q >= quads;
        }
    }
}
