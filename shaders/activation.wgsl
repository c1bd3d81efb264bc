// Twin of src/numerics/activation.rs and softmax.rs. Needs `tables`:
// sigmoid, tanh, exp2, rsqrt, 256 entries each.

const DISTANCE_LIMIT: u32 = 163840u;
const LOG2_E: u32 = 11819u;

fn sigmoid(x: i32) -> i32 {
    let magnitude = abs(bounded(x, 65535));
    let entry = tables[u32(magnitude >> 8u) & 255u];
    let fraction = magnitude & 255;
    let positive = i32(entry >> 16u) + ((i32(entry & 0xffffu) * fraction + 128) >> 8u);
    return select(positive, GATE_ONE - positive, x < 0);
}

fn tanh_gate(x: i32) -> i32 {
    let magnitude = abs(bounded(x, 32767));
    let entry = tables[256u + (u32(magnitude >> 7u) & 255u)];
    let fraction = magnitude & 127;
    let positive = i32(entry >> 16u) + ((i32(entry & 0xffffu) * fraction + 64) >> 7u);
    return select(positive, -positive, x < 0);
}

fn exp_weight(distance: u32) -> u32 {
    let exponent = min(distance, DISTANCE_LIMIT) * LOG2_E;
    let entry = tables[512u + ((exponent >> 18u) & 255u)];
    let fraction = (exponent >> 10u) & 255u;
    let mantissa = (entry >> 16u) - (((entry & 0xffffu) * fraction + 128u) >> 8u);
    return (mantissa << 8u) >> (exponent >> 26u);
}
