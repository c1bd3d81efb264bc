// Copies the embeddings of the input symbols into the inputs of every layer.
// A lane copies one vec4 of a sample.

@group(0) @binding(2) var<storage, read> symbols: array<u32>; // [2][segment][streams]
@group(0) @binding(3) var<storage, read> embedding: array<vec4<u32>>; // [256][embedding / 16]
@group(0) @binding(4) var<storage, read_write> inputs: array<vec4<u32>>; // [segment + 1][streams][record]

@compute @workgroup_size(PORTABLE_LANES)
fn embed(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = model.embedding / 16u;
    let sample = id.x / width;
    let quad = id.x % width;
    if sample >= sample_count() {
        return;
    }
    let index = first_sample() + sample;
    let symbol = symbols[index];
    let value = embedding[symbol * width + quad];
    for (var layer = 0u; layer < model.layers; layer++) {
        inputs[index * record_quads() + inputs_before(layer) + quad] = value;
    }
}
