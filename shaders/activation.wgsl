// The functions of src/numerics/activation.rs and softmax.rs for four values.
// Needs `tables`: sigmoid, tanh, exp2, TABLE_SIZE entries each.

fn look_up(table: u32, index: vec4<u32>) -> vec4<u32> {
    let n = vec4<u32>(TABLE_SIZE * table) + (index & vec4<u32>(TABLE_SIZE - 1u));
    return vec4<u32>(tables[n.x], tables[n.y], tables[n.z], tables[n.w]);
}

fn sigmoid(x: vec4<i32>) -> vec4<i32> {
    let magnitude = abs(bounded(x, SIGMOID_LIMIT));
    let entry = look_up(0u, vec4<u32>(magnitude >> vec4<u32>(8u)));
    let fraction = magnitude & vec4<i32>(255);
    let rise = vec4<i32>(entry & vec4<u32>(0xffffu)) * fraction;
    let positive = vec4<i32>(entry >> vec4<u32>(16u)) + ((rise + 128) >> vec4<u32>(8u));
    return select(positive, GATE_ONE - positive, x < vec4<i32>(0));
}

fn tanh_gate(x: vec4<i32>) -> vec4<i32> {
    let magnitude = abs(bounded(x, TANH_LIMIT));
    let entry = look_up(1u, vec4<u32>(magnitude >> vec4<u32>(7u)));
    let fraction = magnitude & vec4<i32>(127);
    let rise = vec4<i32>(entry & vec4<u32>(0xffffu)) * fraction;
    let positive = vec4<i32>(entry >> vec4<u32>(16u)) + ((rise + 64) >> vec4<u32>(7u));
    return select(positive, -positive, x < vec4<i32>(0));
}

fn exp_weight(distance: vec4<u32>) -> vec4<u32> {
    let exponent = min(distance, vec4<u32>(DISTANCE_LIMIT)) * LOG2_E;
    let entry = look_up(2u, exponent >> vec4<u32>(18u));
    let fraction = (exponent >> vec4<u32>(10u)) & vec4<u32>(255u);
    let fall = (entry & vec4<u32>(0xffffu)) * fraction;
    let mantissa = (entry >> vec4<u32>(16u)) - ((fall + 128u) >> vec4<u32>(8u));
    return (mantissa << vec4<u32>(8u)) >> (exponent >> vec4<u32>(26u));
}
