// Twin of src/numerics/wide.rs, four parameters at a time. Needs `tables`,
// `masters` and `moments`.

const SECOND_MOMENT_SHIFT: u32 = 11u;
const EXPONENT_BIAS: i32 = 128;

fn second_moment(moment: vec4<u32>, gradient: vec4<i32>) -> vec4<u32> {
    let magnitude = vec4<u32>(abs(gradient));
    let zeros = countLeadingZeros(magnitude);
    let gradient16 = (magnitude << (zeros & vec4<u32>(31u))) >> vec4<u32>(16u);
    let square = (gradient16 * gradient16) >> vec4<u32>(2u);
    let square_exponent = 34 - 2 * vec4<i32>(zeros + model.gradient_shift) - i32(SECOND_MOMENT_SHIFT);

    let old = (moment & vec4<u32>(0x00ffffffu)) << vec4<u32>(6u);
    let old_exponent = vec4<i32>(moment >> vec4<u32>(24u)) - EXPONENT_BIAS - 6;
    let decayed = old - (old >> vec4<u32>(SECOND_MOMENT_SHIFT));

    let exponent = max(old_exponent, select(square_exponent, old_exponent, square == vec4<u32>(0u)));
    let sum = (decayed >> (vec4<u32>(min(exponent - old_exponent, vec4<i32>(31))) & vec4<u32>(31u)))
        + (square >> (vec4<u32>(clamp(exponent - square_exponent, vec4<i32>(0), vec4<i32>(31))) & vec4<u32>(31u)));
    let sum_zeros = countLeadingZeros(sum);
    let mantissa = (sum << (sum_zeros & vec4<u32>(31u))) >> vec4<u32>(8u);
    let field = exponent + 8 - vec4<i32>(sum_zeros) + EXPONENT_BIAS;
    let none = (sum == vec4<u32>(0u)) | (field <= vec4<i32>(0));
    return select((vec4<u32>(field) << vec4<u32>(24u)) | mantissa, vec4<u32>(0u), none);
}

fn root_index(variance: vec4<u32>) -> vec4<u32> {
    let odd = ((variance >> vec4<u32>(24u)) - u32(EXPONENT_BIAS) + 23u) & vec4<u32>(1u);
    return ((odd << vec4<u32>(7u)) | ((variance >> vec4<u32>(16u)) & vec4<u32>(127u))) & vec4<u32>(255u);
}

fn adam_change(variance: vec4<u32>, root: vec4<u32>, gradient: vec4<i32>) -> vec4<i32> {
    let power = vec4<i32>(variance >> vec4<u32>(24u)) - EXPONENT_BIAS + 23;
    let half_power = (power - (power & vec4<i32>(1))) >> vec4<u32>(1u);
    let magnitude = vec4<u32>(abs(gradient));
    let zeros = countLeadingZeros(magnitude);
    let gradient16 = (magnitude << (zeros & vec4<u32>(31u))) >> vec4<u32>(16u);
    let product = ((gradient16 * root) >> vec4<u32>(16u)) * model.rate_mantissa;
    let shift = vec4<i32>(zeros) + half_power - model.rate_exponent - 16;
    let last = (vec4<u32>(clamp(shift, vec4<i32>(3), vec4<i32>(32))) - 1u) & vec4<u32>(31u);
    let rounded = vec4<i32>(((product >> last) + 1u) >> vec4<u32>(1u));
    let change = select(rounded, vec4<i32>(0), shift > vec4<i32>(32));
    return select(change, -change, gradient < vec4<i32>(0));
}

// One Adam step of four parameters, n the vec4 that they make; gives their new masters.
fn adam(n: u32, least: u32, limit: i32, gradient: vec4<i32>) -> vec4<i32> {
    let moment = second_moment(moments[n], gradient);
    let variance = max(moment, vec4<u32>(least));
    let index = 768u + root_index(variance);
    let root = vec4<u32>(tables[index.x], tables[index.y], tables[index.z], tables[index.w]);
    let master = bounded(masters[n] - adam_change(variance, root, gradient), limit);
    moments[n] = moment;
    masters[n] = master;
    return master;
}
