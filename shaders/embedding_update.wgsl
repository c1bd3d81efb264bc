// Gradient of the embedding, Adam, requantisation.
// A lane carries four values of one symbol; dispatch (256 * embedding / 4 / 64).

@group(0) @binding(2) var<storage, read> factors: array<u32>;
@group(0) @binding(3) var<storage, read> symbols: array<u32>; // [2][segment][streams]
@group(0) @binding(4) var<storage, read> embedding_errors: array<vec4<i32>>; // [segment][streams][embedding / 4]
@group(0) @binding(5) var<storage, read_write> masters: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> embedding: array<u32>; // [256][embedding / 4]

@compute @workgroup_size(64)
fn embedding_update(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = model.embedding / 4u;
    let symbol = id.x / width;
    let word = id.x % width;
    if symbol >= SYMBOLS {
        return;
    }
    var gradient = vec4<i32>(0);
    for (var sample = 0u; sample < model.steps * model.streams; sample++) {
        if symbols[sample] == symbol {
            gradient += embedding_errors[sample * width + word];
        }
    }
    let shift = MASTER_FRACTION - ACTIVATION_FRACTION;
    embedding[id.x] = pack_bytes(round_shift(adam(id.x, model.embedding_floor, BYTE_LIMIT << shift, gradient), shift));
}
