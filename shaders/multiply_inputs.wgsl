// Sums of weights times activations over inputs, for one unit's four rows and
// four streams a lane; twin of multiply_panel in src/engine/cpu/simd.rs.
// Needs `by_input` ([planes][inputs / 4][units][4 rows], a vec4 a unit) and `activations`.

var<private> sum0: vec4<i32>;
var<private> sum1: vec4<i32>;
var<private> sum2: vec4<i32>;
var<private> sum3: vec4<i32>;

fn dot_rows(w: vec4<u32>, x: u32) -> vec4<i32> {
    return vec4<i32>(dot4I8Packed(w.x, x), dot4I8Packed(w.y, x), dot4I8Packed(w.z, x), dot4I8Packed(w.w, x));
}

// Adds `quads` vec4s of activations of four streams, `x` their first vec4s,
// times the weights from vec4 `w` on.
fn multiply_inputs(x: vec4<u32>, w: u32, quads: u32) {
    for (var wp = 0u; wp < model.weight_planes; wp++) {
        for (var ap = 0u; ap < model.activation_planes; ap++) {
            let shift = vec4<u32>(8u * (wp + ap));
            var part0 = vec4<i32>(0);
            var part1 = vec4<i32>(0);
            var part2 = vec4<i32>(0);
            var part3 = vec4<i32>(0);
            var weight = wp * model.packed_plane + w;
            let start = x + ap * activation_plane();
            for (var q = 0u; q < quads; q++) {
                let wa = by_input[weight];
                let wb = by_input[weight + place.units];
                let wc = by_input[weight + 2u * place.units];
                let wd = by_input[weight + 3u * place.units];
                weight += 4u * place.units;
                let x0 = activations[start.x + q];
                let x1 = activations[start.y + q];
                let x2 = activations[start.z + q];
                let x3 = activations[start.w + q];
                part0 += dot_rows(wa, x0.x) + dot_rows(wb, x0.y) + dot_rows(wc, x0.z) + dot_rows(wd, x0.w);
                part1 += dot_rows(wa, x1.x) + dot_rows(wb, x1.y) + dot_rows(wc, x1.z) + dot_rows(wd, x1.w);
                part2 += dot_rows(wa, x2.x) + dot_rows(wb, x2.y) + dot_rows(wc, x2.z) + dot_rows(wd, x2.w);
                part3 += dot_rows(wa, x3.x) + dot_rows(wb, x3.y) + dot_rows(wc, x3.z) + dot_rows(wd, x3.w);
            }
            sum0 += part0 << shift;
            sum1 += part1 << shift;
            sum2 += part2 << shift;
            sum3 += part3 << shift;
        }
    }
}
