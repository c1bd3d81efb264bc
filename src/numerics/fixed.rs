//! Fixed-point rounding and saturation.

/// Fraction bits of master weights, biases and embeddings (Q24, range +-128).
pub const MASTER_FRACTION: u32 = 24;
/// Fraction bits of forward weights, which are signed bytes (Q6, just below +-2).
pub const WEIGHT_FRACTION: u32 = 6;
/// Fraction bits of activations, which are signed bytes (Q7, just below +-1).
pub const ACTIVATION_FRACTION: u32 = 7;
/// Largest magnitude of a forward weight and of an activation; also the constant input of biases.
pub const BYTE_LIMIT: i32 = 127;
/// Master weights saturate at the largest forward weight (Q24).
pub const WEIGHT_LIMIT: i32 = BYTE_LIMIT << (MASTER_FRACTION - WEIGHT_FRACTION);
/// Master embeddings saturate at the largest activation (Q24).
pub const EMBEDDING_LIMIT: i32 = BYTE_LIMIT << (MASTER_FRACTION - ACTIVATION_FRACTION);
/// Fraction bits of sums of weights times activations: pre-activations and logits.
pub const PREACTIVATION_FRACTION: u32 = WEIGHT_FRACTION + ACTIVATION_FRACTION;
/// Fraction bits of gates and of tanh of the cell.
pub const GATE_FRACTION: u32 = 14;
/// Fraction bits of the cell state.
pub const CELL_FRACTION: u32 = 12;
/// The cell state saturates at +-16 (Q12).
pub const CELL_LIMIT: i32 = (1 << 16) - 1;
/// Errors of hidden and cell states saturate here, in their own fraction bits.
pub const STATE_ERROR_LIMIT: i32 = (1 << 16) - 1;
/// Master biases saturate at +-16 (Q24).
pub const BIAS_LIMIT: i32 = 16 << MASTER_FRACTION;
/// 1.0 as a share, the factor of a hidden state (Q8): its value without dropout.
pub const SHARE_ONE: i32 = 1 << SHARE_FRACTION;
/// Fraction bits of a share, the factor by which dropout multiplies a hidden state.
pub const SHARE_FRACTION: u32 = 8;
/// 1.0 as a gate (Q14).
pub const GATE_ONE: i32 = 1 << GATE_FRACTION;

/// Returns `x / 2^shift`, rounded to nearest, ties towards plus infinity.
///
/// `shift` is 0..=30. The addition of one half wraps if `x` is too close to the largest integer.
#[inline(always)]
pub const fn round_shift(x: i32, shift: u32) -> i32 {
    let half = (1i32 << (shift & 31)) >> 1;
    x.wrapping_add(half) >> (shift & 31)
}

/// Returns `x` limited to `-limit..=limit`.
#[inline(always)]
pub const fn bounded(x: i32, limit: i32) -> i32 {
    if x > limit {
        limit
    } else if x < -limit {
        -limit
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_shift_is_floor_of_x_plus_half(x in -(1i32 << 30)..(1i32 << 30), shift in 0u32..31) {
            let exact = (i64::from(x) + if shift == 0 { 0 } else { 1i64 << (shift - 1) }).div_euclid(1i64 << shift);
            prop_assert_eq!(i64::from(round_shift(x, shift)), exact);
        }

        #[test]
        fn bounded_keeps_within_the_limit(x: i32, limit in 0i32..i32::MAX) {
            let y = bounded(x, limit);
            prop_assert_eq!(i64::from(y), i64::from(x).clamp(-i64::from(limit), i64::from(limit)));
        }
    }
}
