// Sums of weights times errors for one layer's hidden states: from the output
// and the layer above, or what the same layer one step later adds to them.
// A lane carries eight units of four samples; dispatch (units / 8 / 16, samples / 4 / 4).

@group(0) @binding(2) var<storage, read> by_row: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> errors: array<vec4<u32>>; // [2 planes][segment][streams][record]
@group(0) @binding(4) var<storage, read_write> sums: array<vec4<i32>>; // [segment][streams][units / 4]

@compute @workgroup_size(16, 4)
fn backward_sums(@builtin(global_invocation_id) id: vec3<u32>) {
    let block = 2u * id.x;
    let first = GROUP * id.y;
    let count = sample_count();
    let width = model.units / 4u;
    if block >= width || first >= count {
        return;
    }
    let sample = place.step * model.streams + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
    for (var limb = model.weight_planes; limb > 0u; limb--) {
        next_limb();
        for (var t = 0u; t < place.backward_terms; t++) {
            let term = place.backward[t];
            let e = (sample + place.later * model.streams) * error_quads() + term.x;
            multiply_rows(e, (limb - 1u) * model.packed_plane + term.y + block, term.w, term.z);
        }
    }
    let index = sample * width + block;
    put(index.x, a0, b0, true);
    put(index.y, a1, b1, first + 1u < count);
    put(index.z, a2, b2, first + 2u < count);
    put(index.w, a3, b3, first + 3u < count);
}

fn put(index: u32, a: vec4<i32>, b: vec4<i32>, inside: bool) {
    if !inside {
        return;
    }
    if place.add == 0u {
        sums[index] = a;
        sums[index + 1u] = b;
    } else {
        sums[index] += a;
        sums[index + 1u] += b;
    }
}
