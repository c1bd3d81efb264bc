// Gradient of one matrix over all samples of a segment, Adam, requantisation.
// A lane computes a tile of TILE_ROWS rows and TILE_INPUTS inputs, or twice as many of
// both; the lanes behind the last inputs compute the biases.

// True if a lane's tile has twice the rows and inputs: half the loads for a
// multiplication, but a quarter of the lanes.
override LARGE_TILES: bool = false;

// Sums of four rows, for four inputs.
struct Tile {
    x: vec4<i32>,
    y: vec4<i32>,
    z: vec4<i32>,
    w: vec4<i32>,
}

var<private> a0: Tile; // the first four rows and inputs
var<private> a1: Tile; // the next four inputs
var<private> a2: Tile;
var<private> a3: Tile;
var<private> b0: Tile; // the next four rows
var<private> b1: Tile;
var<private> b2: Tile;
var<private> b3: Tile;

@compute @workgroup_size(ACROSS, DOWN)
fn weight_update(@builtin(global_invocation_id) id: vec3<u32>) {
    let height = params.rows / 4u;
    let width = params.inputs / 4u;
    let row = TILE_ROWS / 4u * select(1u, 2u, LARGE_TILES) * id.x;
    let block = TILE_INPUTS / 4u * select(1u, 2u, LARGE_TILES) * id.y;
    if row >= height || block > width {
        return;
    }
    let bias = block == width;
    let e = sample_start(params.layer * model.units + row);
    // The biases' constant follows the last input.
    let x = sample_start(select(4u * params.start + block, input_columns() - 4u, bias));
    multiply_samples(e, x);

    let n = params.master + (row / 16u * (params.inputs + 1u) + block * 4u) * 16u + row % 16u;
    if bias {
        update_bias(n, row, a0.x);
        if LARGE_TILES {
            update_bias(n + 1u, row + 1u, b0.x);
        }
        return;
    }
    update(n, row, block, a0);
    update(n + 64u, row, block + 1u, a1);
    if LARGE_TILES {
        update(n + 128u, row, block + 2u, a2);
        update(n + 192u, row, block + 3u, a3);
        update(n + 1u, row + 1u, block, b0);
        update(n + 65u, row + 1u, block + 1u, b1);
        update(n + 129u, row + 1u, block + 2u, b2);
        update(n + 193u, row + 1u, block + 3u, b3);
    }
}

// Adds errors times inputs over all samples; `e` and `x` are the vec4s of the first samples.
fn multiply_samples(e: u32, x: u32) {
    let plane = 4u * error_quads() * sample_quads();
    let quads = (model.steps * model.streams + 3u) / 4u;
    var quad = 0u;
    loop {
        let n = 4u * quad;
        let low = error_samples[e + n];
        let high = error_samples[plane + e + n];
        let x0 = input_samples[x + n];
        let x1 = input_samples[x + n + 1u];
        multiply(&a0, low, high, x0);
        multiply(&a1, low, high, x1);
        if LARGE_TILES {
            let x2 = input_samples[x + n + 2u];
            let x3 = input_samples[x + n + 3u];
            multiply(&a2, low, high, x2);
            multiply(&a3, low, high, x3);
            let next_low = error_samples[e + n + 1u];
            let next_high = error_samples[plane + e + n + 1u];
            multiply(&b0, next_low, next_high, x0);
            multiply(&b1, next_low, next_high, x1);
            multiply(&b2, next_low, next_high, x2);
            multiply(&b3, next_low, next_high, x3);
        }
        continuing {
            quad++;
            break if quad >= quads;
        }
    }
}

// Adds the errors of four rows times four inputs, of four samples.
fn multiply(tile: ptr<private, Tile>, low: vec4<u32>, high: vec4<u32>, x: vec4<u32>) {
    (*tile).x += dot_error_words(low, high, x.x);
    (*tile).y += dot_error_words(low, high, x.y);
    (*tile).z += dot_error_words(low, high, x.z);
    (*tile).w += dot_error_words(low, high, x.w);
}

// Updates four rows of four inputs, from vec4 `n` of the masters on.
fn update(n: u32, row: u32, input: u32, gradient: Tile) {
    let w0 = update_weights(n, gradient.x);
    let w1 = update_weights(n + 16u, gradient.y);
    let w2 = update_weights(n + 32u, gradient.z);
    let w3 = update_weights(n + 48u, gradient.w);
    put_weights(row, input, w0, w1, w2, w3);
}
