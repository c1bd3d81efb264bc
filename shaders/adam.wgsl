// Twin of src/numerics/wide.rs. Needs `tables`, `masters` and `moments`.

const SECOND_MOMENT_SHIFT: u32 = 11u;
const EXPONENT_BIAS: i32 = 128;

fn second_moment(moment: u32, gradient: i32) -> u32 {
    let magnitude = bitcast<u32>(abs(gradient));
    let zeros = leading_zeros(magnitude);
    let gradient16 = (magnitude << (zeros & 31u)) >> 16u;
    let square = (gradient16 * gradient16) >> 2u;
    let square_exponent = 34 - 2 * i32(zeros + model.gradient_shift) - i32(SECOND_MOMENT_SHIFT);

    let old = (moment & 0x00ffffffu) << 6u;
    let old_exponent = i32(moment >> 24u) - EXPONENT_BIAS - 6;
    let decayed = old - (old >> SECOND_MOMENT_SHIFT);

    let exponent = max(old_exponent, select(square_exponent, old_exponent, square == 0u));
    let sum = (decayed >> (u32(min(exponent - old_exponent, 31)) & 31u))
        + (square >> (u32(min(max(exponent - square_exponent, 0), 31)) & 31u));
    let sum_zeros = leading_zeros(sum);
    let mantissa = (sum << (sum_zeros & 31u)) >> 8u;
    let field = exponent + 8 - i32(sum_zeros) + EXPONENT_BIAS;
    return select((u32(field) << 24u) | mantissa, 0u, sum == 0u || field <= 0);
}

fn root_index(variance: u32) -> u32 {
    let odd = ((variance >> 24u) - u32(EXPONENT_BIAS) + 23u) & 1u;
    return ((odd << 7u) | ((variance >> 16u) & 127u)) & 255u;
}

fn adam_change(variance: u32, root: u32, gradient: i32) -> i32 {
    let power = i32(variance >> 24u) - EXPONENT_BIAS + 23;
    let half_power = (power - (power & 1)) >> 1u;
    let magnitude = bitcast<u32>(abs(gradient));
    let zeros = leading_zeros(magnitude);
    let gradient16 = (magnitude << (zeros & 31u)) >> 16u;
    let product = ((gradient16 * root) >> 16u) * model.rate_mantissa;
    let shift = i32(zeros) + half_power - model.rate_exponent - 16;
    let rounded = i32(((product >> ((u32(min(max(shift, 3), 32)) - 1u) & 31u)) + 1u) >> 1u);
    let change = select(rounded, 0, shift > 32);
    return select(change, -change, gradient < 0);
}

// One Adam step of parameter n; gives its new master.
fn adam(n: u32, least: u32, limit: i32, gradient: i32) -> i32 {
    let moment = second_moment(moments[n], gradient);
    let variance = max(moment, least);
    let root = tables[768u + root_index(variance)];
    let master = bounded(masters[n] - adam_change(variance, root, gradient), limit);
    moments[n] = moment;
    masters[n] = master;
    return master;
}
