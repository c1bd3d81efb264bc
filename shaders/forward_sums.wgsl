// Sums of biases and weights times inputs for the rows of one matrix, or what
// some inputs add to sums begun before.
// A lane carries eight rows of four samples; dispatch (rows / 8 / 16, samples / 4 / 4).

@group(0) @binding(2) var<storage, read> by_input: array<vec4<u32>>; // [planes][matrices][inputs / 4][rows / 4]
@group(0) @binding(3) var<storage, read> biases: array<vec4<i32>>; // [matrices][rows / 4]
@group(0) @binding(4) var<storage, read> activations: array<vec4<u32>>; // [planes][segment + 1][streams][record]
@group(0) @binding(5) var<storage, read_write> sums: array<vec4<i32>>; // [segment][streams][rows / 4]

@compute @workgroup_size(16, 4)
fn forward_sums(@builtin(global_invocation_id) id: vec3<u32>) {
    let block = 2u * id.x;
    let first = GROUP * id.y;
    let count = sample_count();
    let height = place.rows / 4u;
    if block >= height || first >= count {
        return;
    }
    let sample = place.step * model.streams + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
    var a0 = vec4<i32>(0); // four rows of sample 0
    var b0 = vec4<i32>(0); // the next four
    var a1 = vec4<i32>(0);
    var b1 = vec4<i32>(0);
    var a2 = vec4<i32>(0);
    var b2 = vec4<i32>(0);
    var a3 = vec4<i32>(0);
    var b3 = vec4<i32>(0);
    for (var weight_limb = model.weight_planes; weight_limb > 0u; weight_limb--) {
        for (var limb = model.activation_planes; limb > 0u; limb--) {
            // The highest limbs come first; the middle two products weigh the same.
            let shift = vec4<u32>(select(0u, 8u, limb == 1u));
            a0 <<= shift;
            b0 <<= shift;
            a1 <<= shift;
            b1 <<= shift;
            a2 <<= shift;
            b2 <<= shift;
            a3 <<= shift;
            b3 <<= shift;
            for (var t = 0u; t < place.forward_terms; t++) {
                let term = place.forward[t];
                let x = (limb - 1u) * activation_plane() + (sample + term.w * model.streams) * record_quads() + term.x;
                var w = (weight_limb - 1u) * model.packed_plane + term.y + block;
                for (var q = 0u; q < term.z; q++) {
                    let x0 = activations[x.x + q];
                    let x1 = activations[x.y + q];
                    let x2 = activations[x.z + q];
                    let x3 = activations[x.w + q];
                    var wa = by_input[w];
                    var wb = by_input[w + 1u];
                    a0 += dot_words(wa, x0.x);
                    b0 += dot_words(wb, x0.x);
                    a1 += dot_words(wa, x1.x);
                    b1 += dot_words(wb, x1.x);
                    a2 += dot_words(wa, x2.x);
                    b2 += dot_words(wb, x2.x);
                    a3 += dot_words(wa, x3.x);
                    b3 += dot_words(wb, x3.x);
                    w += height;
                    wa = by_input[w];
                    wb = by_input[w + 1u];
                    a0 += dot_words(wa, x0.y);
                    b0 += dot_words(wb, x0.y);
                    a1 += dot_words(wa, x1.y);
                    b1 += dot_words(wb, x1.y);
                    a2 += dot_words(wa, x2.y);
                    b2 += dot_words(wb, x2.y);
                    a3 += dot_words(wa, x3.y);
                    b3 += dot_words(wb, x3.y);
                    w += height;
                    wa = by_input[w];
                    wb = by_input[w + 1u];
                    a0 += dot_words(wa, x0.z);
                    b0 += dot_words(wb, x0.z);
                    a1 += dot_words(wa, x1.z);
                    b1 += dot_words(wb, x1.z);
                    a2 += dot_words(wa, x2.z);
                    b2 += dot_words(wb, x2.z);
                    a3 += dot_words(wa, x3.z);
                    b3 += dot_words(wb, x3.z);
                    w += height;
                    wa = by_input[w];
                    wb = by_input[w + 1u];
                    a0 += dot_words(wa, x0.w);
                    b0 += dot_words(wb, x0.w);
                    a1 += dot_words(wa, x1.w);
                    b1 += dot_words(wb, x1.w);
                    a2 += dot_words(wa, x2.w);
                    b2 += dot_words(wb, x2.w);
                    a3 += dot_words(wa, x3.w);
                    b3 += dot_words(wb, x3.w);
                    w += height;
                }
            }
        }
    }
    let index = sample * height + block;
    put(index.x, block, a0, b0, true);
    put(index.y, block, a1, b1, first + 1u < count);
    put(index.z, block, a2, b2, first + 2u < count);
    put(index.w, block, a3, b3, first + 3u < count);
}

fn put(index: u32, block: u32, a: vec4<i32>, b: vec4<i32>, inside: bool) {
    if !inside {
        return;
    }
    if place.add == 0u {
        sums[index] = biases[place.bias + block] + a;
        sums[index + 1u] = biases[place.bias + block + 1u] + b;
    } else {
        sums[index] += a;
        sums[index + 1u] += b;
    }
}
