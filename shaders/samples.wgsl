// Inputs and errors of a segment, transposed for the sums of gradients: each word
// holds one value of four samples.
// A lane transposes four values of four samples; the first `input_columns` lanes across
// take inputs, the others errors.

@group(0) @binding(2) var<storage, read> inputs: array<u32>; // [segment + 1][streams][record]
@group(0) @binding(3) var<storage, read> errors: array<u32>; // [2 planes][segment][streams][record]
@group(0) @binding(4) var<storage, read_write> input_samples: array<vec4<u32>>; // [input_columns / 4][samples / 4][4]
@group(0) @binding(5) var<storage, read_write> error_samples: array<vec4<u32>>; // [2 planes][record / 4][samples / 4][4]

@compute @workgroup_size(ACROSS, DOWN)
fn samples(@builtin(global_invocation_id) id: vec3<u32>) {
    let count = model.steps * model.streams;
    let columns = input_columns();
    let error_columns = 4u * error_quads();
    if 4u * id.y >= count || id.x >= columns + error_columns {
        return;
    }
    let sample = 4u * id.y + vec4<u32>(0u, 1u, 2u, 3u);
    let inside = sample < vec4<u32>(count);
    let column = select(id.x - columns, id.x, id.x < columns);
    if id.x >= columns {
        let index = sample * error_columns + column;
        for (var plane = 0u; plane < 2u; plane++) {
            let n = 4u * plane * error_plane() + index;
            let words = vec4<u32>(errors[n.x], errors[n.y], errors[n.z], errors[n.w]);
            let panel = plane * error_columns / 4u + column / 4u;
            error_samples[4u * (panel * sample_quads() + id.y) + column % 4u] = transposed(select(vec4<u32>(0u), words, inside));
        }
        return;
    }
    let record = 4u * record_quads();
    var words = vec4<u32>(u32(BYTE_LIMIT));
    if column < record {
        let n = sample * record + column;
        words = vec4<u32>(inputs[n.x], inputs[n.y], inputs[n.z], inputs[n.w]);
    }
    let row = column / 4u * sample_quads() + id.y;
    input_samples[4u * row + column % 4u] = transposed(select(vec4<u32>(0u), words, inside));
}

// Byte i of word j becomes byte j of word i.
fn transposed(words: vec4<u32>) -> vec4<u32> {
    let shift = vec4<u32>(0u, 8u, 16u, 24u);
    return ((vec4<u32>(words.x) >> shift) & vec4<u32>(255u))
        | (((vec4<u32>(words.y) >> shift) & vec4<u32>(255u)) << vec4<u32>(8u))
        | (((vec4<u32>(words.z) >> shift) & vec4<u32>(255u)) << vec4<u32>(16u))
        | ((vec4<u32>(words.w) >> shift) << vec4<u32>(24u));
}
