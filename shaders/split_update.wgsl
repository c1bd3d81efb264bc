// Gradient of one matrix over all samples of a segment, Adam, requantisation;
// the samples are split over the lanes of a workgroup.
// UPDATE_PARTS lanes share a tile of four rows and TILE_INPUTS inputs; the tiles behind
// the last inputs are those of the biases.

const TILES: u32 = UPDATE_ACROSS * UPDATE_DOWN;

// Each lane's sums of four rows: [parts][inputs][tiles]. Later the weights, [inputs][tiles].
var<workgroup> partial_sums: array<vec4<i32>, UPDATE_PARTS * TILE_INPUTS * TILES>;

var<private> low: array<vec4<i32>, TILE_INPUTS>; // four rows of each input, from low limbs
var<private> high: array<vec4<i32>, TILE_INPUTS>;

@compute @workgroup_size(UPDATE_ACROSS, UPDATE_DOWN, UPDATE_PARTS)
fn split_update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let row = UPDATE_ACROSS * group.x + local.x;
    let block = TILE_INPUTS / 4u * (UPDATE_DOWN * group.y + local.y);
    let tile = UPDATE_ACROSS * local.y + local.x;
    let part = local.z;
    let width = params.inputs / 4u;
    if block <= width {
        // The biases' constant follows the last input.
        let x = sample_start(select(4u * params.start + block, input_columns() - 4u, block == width));
        multiply_samples(sample_start(params.layer * model.units + row), x, part);
    }
    // No loop, so that the arrays stay in registers.
    let first = part * TILE_INPUTS * TILES + tile;
    partial_sums[first] = low[0] + (high[0] << vec4<u32>(8u));
    partial_sums[first + TILES] = low[1] + (high[1] << vec4<u32>(8u));
    partial_sums[first + 2u * TILES] = low[2] + (high[2] << vec4<u32>(8u));
    partial_sums[first + 3u * TILES] = low[3] + (high[3] << vec4<u32>(8u));
    partial_sums[first + 4u * TILES] = low[4] + (high[4] << vec4<u32>(8u));
    partial_sums[first + 5u * TILES] = low[5] + (high[5] << vec4<u32>(8u));
    partial_sums[first + 6u * TILES] = low[6] + (high[6] << vec4<u32>(8u));
    partial_sums[first + 7u * TILES] = low[7] + (high[7] << vec4<u32>(8u));
    workgroupBarrier();

    // From here on, a lane computes one of the eight inputs.
    var gradient = vec4<i32>(0);
    for (var other = 0u; other < UPDATE_PARTS; other++) {
        gradient += partial_sums[(other * TILE_INPUTS + part) * TILES + tile];
    }
    let n = params.master + (row / 16u * (params.inputs + 1u) + 4u * block + part) * 16u + row % 16u;
    if block < width {
        partial_sums[part * TILES + tile] = update_weights(n, gradient);
    } else if block == width && part == 0u {
        update_bias(n, row, gradient);
    }
    workgroupBarrier();

    if block < width && part < 2u {
        let w = part * 4u * TILES + tile;
        put_weights(
            row, block + part,
            partial_sums[w], partial_sums[w + TILES], partial_sums[w + 2u * TILES], partial_sums[w + 3u * TILES],
        );
    }
}

// Adds errors times inputs over one part of the samples; `e` and `x` are the vec4s of the first samples.
fn multiply_samples(e: u32, x: u32, part: u32) {
    let count = model.steps * model.streams;
    let e_high = e + 4u * error_quads() * sample_quads();
    var n = 4u * part;
    // Two at a time, because loads take long.
    for (; n + 4u * UPDATE_PARTS < count; n += 8u * UPDATE_PARTS) {
        let m = n + 4u * UPDATE_PARTS;
        let l0 = error_samples[e + n];
        let h0 = error_samples[e_high + n];
        let x0 = input_samples[x + n];
        let y0 = input_samples[x + n + 1u];
        let l1 = error_samples[e + m];
        let h1 = error_samples[e_high + m];
        let x1 = input_samples[x + m];
        let y1 = input_samples[x + m + 1u];
        multiply(l0, h0, x0, y0);
        multiply(l1, h1, x1, y1);
    }
    if n < count {
        multiply(error_samples[e + n], error_samples[e_high + n], input_samples[x + n], input_samples[x + n + 1u]);
    }
}

// Adds the errors of four rows times eight inputs, of four samples.
fn multiply(l: vec4<u32>, h: vec4<u32>, x: vec4<u32>, y: vec4<u32>) {
    low[0] += dot_words(l, x.x);
    low[1] += dot_words(l, x.y);
    low[2] += dot_words(l, x.z);
    low[3] += dot_words(l, x.w);
    low[4] += dot_words(l, y.x);
    low[5] += dot_words(l, y.y);
    low[6] += dot_words(l, y.z);
    low[7] += dot_words(l, y.w);
    high[0] += dot_words(h, x.x);
    high[1] += dot_words(h, x.y);
    high[2] += dot_words(h, x.z);
    high[3] += dot_words(h, x.w);
    high[4] += dot_words(h, y.x);
    high[5] += dot_words(h, y.y);
    high[6] += dot_words(h, y.z);
    high[7] += dot_words(h, y.w);
}
