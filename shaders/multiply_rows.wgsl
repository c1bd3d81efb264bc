// Sums of weights times errors over rows, for one input and four samples a
// lane; twin of multiply_rows in src/engine/cpu/simd.rs.
// Needs `by_row` ([planes][units / 4][inputs] vec4s of four units' words) and
// `errors` (array<vec4<u32>>, [2 planes][segment][streams][error_words / 4]).

var<private> total: vec4<i32>;

fn dot_quad(w: vec4<u32>, e: vec4<u32>) -> i32 {
    return dot4I8Packed(w.x, e.x) + dot4I8Packed(w.y, e.y) + dot4I8Packed(w.z, e.z) + dot4I8Packed(w.w, e.w);
}

// Adds `quads` vec4s of errors of four samples, `e` their first vec4s, times
// the weights from vec4 `w` on, `inputs` apart.
fn multiply_rows(e: vec4<u32>, w: u32, inputs: u32, quads: u32) {
    let plane = error_plane() / 4u;
    for (var wp = 0u; wp < model.weight_planes; wp++) {
        var low = vec4<i32>(0);
        var high = vec4<i32>(0);
        var weight = wp * model.packed_plane + w;
        for (var q = 0u; q < quads; q++) {
            let x = by_row[weight];
            weight += inputs;
            low.x += dot_quad(x, errors[e.x + q]);
            high.x += dot_quad(x, errors[plane + e.x + q]);
            low.y += dot_quad(x, errors[e.y + q]);
            high.y += dot_quad(x, errors[plane + e.y + q]);
            low.z += dot_quad(x, errors[e.z + q]);
            high.z += dot_quad(x, errors[plane + e.z + q]);
            low.w += dot_quad(x, errors[e.w + q]);
            high.w += dot_quad(x, errors[plane + e.w + q]);
        }
        total += ((high << vec4<u32>(8u)) + low) << vec4<u32>(8u * wp);
    }
}
