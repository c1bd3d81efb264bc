// The functions of src/numerics/wide.rs for four parameters. Needs `factors`,
// `masters` and `moments`.

// The 12 leading bits of gradients' magnitudes, and the number of zeros in front of them.
struct Leading {
    gradient12: vec4<u32>,
    zeros: vec4<u32>,
}

fn leading12(gradient: vec4<i32>) -> Leading {
    let magnitude = vec4<u32>(abs(gradient));
    let zeros = leading_zeros(magnitude);
    return Leading((magnitude << (zeros & vec4<u32>(31u))) >> vec4<u32>(20u), zeros);
}

// x / 2^shift, rounded down; any shift.
fn shifted(x: vec4<u32>, shift: vec4<u32>) -> vec4<u32> {
    return select(x >> (shift & vec4<u32>(31u)), vec4<u32>(0u), shift > vec4<u32>(31u));
}

fn second_moment(moment: vec4<u32>, leading: Leading, least: u32) -> vec4<u32> {
    let whole = leading.gradient12 * leading.gradient12;
    let short = select(vec4<u32>(0u), vec4<u32>(1u), whole < vec4<u32>(LEADING_ONE));
    let square = whole << short;
    // For a gradient of zero, below the fields of all moments.
    let square_field = EXPONENT_BIAS + 40 - vec4<i32>(2u * (leading.zeros + model.gradient_shift) + short);

    let mantissa = (moment & vec4<u32>(LEADING_ONE - 1u)) | vec4<u32>(LEADING_ONE);
    let less = select(vec4<u32>(0u), vec4<u32>(1u), mantissa < vec4<u32>(DECAYS_BELOW));
    let old = mantissa << less;
    let decayed = old - ((old + 2047u) >> vec4<u32>(SECOND_MOMENT_SHIFT));
    // If the moment is zero, its field is so far below the square's that the mantissa is shifted out.
    let old_field = vec4<i32>(moment >> vec4<u32>(23u)) - vec4<i32>(less);

    let field = max(old_field, square_field);
    let sum = shifted(decayed, vec4<u32>(field - old_field)) + shifted(square, vec4<u32>(field - square_field));
    let carry = sum >> vec4<u32>(MANTISSA_BITS);
    let packed = ((vec4<u32>(field) + carry) << vec4<u32>(23u)) | ((sum >> carry) & vec4<u32>(LEADING_ONE - 1u));
    return max(packed, vec4<u32>(least));
}

fn factor_index(variance: vec4<u32>) -> vec4<u32> {
    return (variance >> vec4<u32>(19u)) & vec4<u32>(FACTORS - 1u);
}

fn adam_change(factor: vec4<u32>, variance: vec4<u32>, gradient: vec4<i32>, leading: Leading) -> vec4<i32> {
    let product = leading.gradient12 * (factor & vec4<u32>((1u << FACTOR_BITS) - 1u));
    let shift = (factor >> vec4<u32>(FACTOR_BITS)) + leading.zeros + (variance >> vec4<u32>(24u));
    let change = vec4<i32>(shifted(product, max(shift, vec4<u32>(SHIFT_BIAS)) - SHIFT_BIAS));
    return select(change, -change, gradient < vec4<i32>(0));
}

// Makes one Adam step of four parameters, vec4 `n` of the masters; returns their new masters.
fn adam(n: u32, least: u32, limit: i32, gradient: vec4<i32>) -> vec4<i32> {
    let leading = leading12(gradient);
    let moment = second_moment(moments[n], leading, least);
    let index = factor_index(moment);
    let factor = vec4<u32>(factors[index.x], factors[index.y], factors[index.z], factors[index.w]);
    let master = bounded(masters[n] - adam_change(factor, moment, gradient, leading), limit);
    moments[n] = moment;
    masters[n] = master;
    return master;
}
