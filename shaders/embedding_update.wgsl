// Gradient of the embedding, Adam, requantisation.
// A workgroup updates the embedding of one symbol; its lanes search the samples for it.

@group(0) @binding(2) var<storage, read> factors: array<u32>;
@group(0) @binding(3) var<storage, read> symbols: array<u32>; // [2][segment][streams]
@group(0) @binding(4) var<storage, read> embedding_errors: array<vec4<i32>>; // [segment][streams][embedding / 4]
@group(0) @binding(5) var<storage, read_write> masters: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> embedding: array<u32>; // [256][embedding / 4]

// Sums of the symbol's errors.
var<workgroup> gradient: array<atomic<i32>, LARGEST_EMBEDDING>;

@compute @workgroup_size(PORTABLE_LANES)
fn embedding_update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let width = model.embedding / 4u;
    for (var sample = lane; sample < model.steps * model.streams; sample += PORTABLE_LANES) {
        if symbols[sample] == group.x {
            for (var word = 0u; word < width; word++) {
                let error = embedding_errors[sample * width + word];
                atomicAdd(&gradient[4u * word], error.x);
                atomicAdd(&gradient[4u * word + 1u], error.y);
                atomicAdd(&gradient[4u * word + 2u], error.z);
                atomicAdd(&gradient[4u * word + 3u], error.w);
            }
        }
    }
    workgroupBarrier();
    let shift = MASTER_FRACTION - ACTIVATION_FRACTION;
    for (var word = lane; word < width; word += PORTABLE_LANES) {
        let sum = vec4<i32>(
            atomicLoad(&gradient[4u * word]),
            atomicLoad(&gradient[4u * word + 1u]),
            atomicLoad(&gradient[4u * word + 2u]),
            atomicLoad(&gradient[4u * word + 3u]),
        );
        let n = group.x * width + word;
        embedding[n] = pack_bytes(round_shift(adam(n, model.embedding_floor, EMBEDDING_LIMIT, sum), shift));
    }
}
