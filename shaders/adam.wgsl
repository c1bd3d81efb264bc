// Twin of src/numerics/wide.rs, four parameters at a time. Needs `tables`,
// `masters` and `moments`.

const SECOND_MOMENT_SHIFT: u32 = 11u;
const EXPONENT_BIAS: i32 = 150;
const MANTISSA_BITS: u32 = 24u;
const LEADING_ONE: u32 = 0x800000u;

// The leading bits of gradients' magnitudes, and the powers of two that they count.
struct Leading {
    gradient12: vec4<u32>,
    power: vec4<i32>,
}

fn leading12(gradient: vec4<i32>) -> Leading {
    let magnitude = vec4<u32>(abs(gradient));
    let zeros = leading_zeros(magnitude);
    return Leading((magnitude << (zeros & vec4<u32>(31u))) >> vec4<u32>(20u), 20 - vec4<i32>(zeros));
}

fn second_moment(moment: vec4<u32>, leading: Leading, least: u32) -> vec4<u32> {
    let whole = leading.gradient12 * leading.gradient12;
    let short = select(vec4<u32>(0u), vec4<u32>(1u), whole < vec4<u32>(LEADING_ONE));
    let square = whole << short;
    let square_field = 2 * (leading.power - i32(model.gradient_shift)) - vec4<i32>(short) + EXPONENT_BIAS;

    let mantissa = (moment & vec4<u32>(LEADING_ONE - 1u)) | vec4<u32>(LEADING_ONE);
    let old = select(mantissa, vec4<u32>(0u), moment == vec4<u32>(0u));
    let once = old - ((old + 2047u) >> vec4<u32>(SECOND_MOMENT_SHIFT));
    // One bit more is there where the leading one goes.
    let twice = 2u * old - ((2u * old + 2047u) >> vec4<u32>(SECOND_MOMENT_SHIFT));
    let less = once < vec4<u32>(LEADING_ONE);
    let decayed = select(once, twice, less);
    let old_field = vec4<i32>(moment >> vec4<u32>(23u)) - select(vec4<i32>(0), vec4<i32>(1), less);

    let field = max(old_field, select(square_field, old_field, square == vec4<u32>(0u)));
    let sum = (decayed >> (vec4<u32>(min(field - old_field, vec4<i32>(31))) & vec4<u32>(31u)))
        + (square >> (vec4<u32>(clamp(field - square_field, vec4<i32>(0), vec4<i32>(31))) & vec4<u32>(31u)));
    let carry = sum >> vec4<u32>(MANTISSA_BITS);
    let bits = (sum >> (carry & vec4<u32>(31u))) & vec4<u32>(LEADING_ONE - 1u);
    let packed = ((vec4<u32>(field) + carry) << vec4<u32>(23u)) | bits;
    return max(select(packed, vec4<u32>(0u), sum == vec4<u32>(0u)), vec4<u32>(least));
}

fn root_index(variance: vec4<u32>) -> vec4<u32> {
    return (variance >> vec4<u32>(16u)) & vec4<u32>(255u);
}

fn adam_change(variance: vec4<u32>, root: vec4<u32>, gradient: vec4<i32>, leading: Leading) -> vec4<i32> {
    let whole = leading.gradient12 * model.rate_mantissa * ((root & vec4<u32>(127u)) | vec4<u32>(128u));
    let low = select(vec4<u32>(6u), vec4<u32>(7u), whole >= vec4<u32>(0x40000000u))
        + select(vec4<u32>(0u), vec4<u32>(1u), whole >= vec4<u32>(0x80000000u));
    let product = (whole >> low) << low;
    let root_power = vec4<i32>(root >> vec4<u32>(7u)) - 134 - vec4<i32>(variance >> vec4<u32>(24u));
    let shift = i32(model.gradient_shift) - leading.power - model.rate_exponent - root_power;
    let shifted = vec4<i32>(product >> (vec4<u32>(max(shift, vec4<i32>(0))) & vec4<u32>(31u)));
    let change = select(shifted, vec4<i32>(0), shift > vec4<i32>(31));
    return select(change, -change, gradient < vec4<i32>(0));
}

// One Adam step of four parameters, n the vec4 that they make; gives their new masters.
fn adam(n: u32, least: u32, limit: i32, gradient: vec4<i32>) -> vec4<i32> {
    let leading = leading12(gradient);
    let moment = second_moment(moments[n], leading, least);
    let index = 768u + root_index(moment);
    let root = vec4<u32>(tables[index.x], tables[index.y], tables[index.z], tables[index.w]);
    let master = bounded(masters[n] - adam_change(moment, root, gradient, leading), limit);
    moments[n] = moment;
    masters[n] = master;
    return master;
}
