//! Sigmoid and tanh by table and linear interpolation.

use super::fixed::{GATE_ONE, bounded};
use super::tables::Tables;

/// Largest magnitude that [`sigmoid`] distinguishes, Q13: just below 8.
pub const SIGMOID_LIMIT: i32 = (8 << 13) - 1;
/// Largest magnitude that [`tanh`] distinguishes, Q13: just below 4.
pub const TANH_LIMIT: i32 = (4 << 13) - 1;

/// sigmoid(x): x in Q13 (saturates at +-8), result in Q14, 0..=2^14.
#[inline(always)]
pub fn sigmoid(tables: &Tables, x: i32) -> i32 {
    sigmoid_between(tables.sigmoid[sigmoid_index(x)], x)
}

/// The index of the table entry for sigmoid(x).
#[inline(always)]
pub fn sigmoid_index(x: i32) -> usize {
    (bounded(x, SIGMOID_LIMIT).abs() >> 8) as usize & 255
}

/// sigmoid(x) by interpolation from its table entry.
#[inline(always)]
pub fn sigmoid_between(entry: u32, x: i32) -> i32 {
    let fraction = bounded(x, SIGMOID_LIMIT).abs() & 255;
    let positive = (entry >> 16) as i32 + (((entry & 0xffff) as i32 * fraction + 128) >> 8);
    if x < 0 { GATE_ONE - positive } else { positive }
}

/// tanh(x): x in Q13 (saturates at +-4), result in Q14, -2^14..=2^14.
#[inline(always)]
pub fn tanh(tables: &Tables, x: i32) -> i32 {
    tanh_between(tables.tanh[tanh_index(x)], x)
}

/// The index of the table entry for tanh(x).
#[inline(always)]
pub fn tanh_index(x: i32) -> usize {
    (bounded(x, TANH_LIMIT).abs() >> 7) as usize & 255
}

/// tanh(x) by interpolation from its table entry.
#[inline(always)]
pub fn tanh_between(entry: u32, x: i32) -> i32 {
    let fraction = bounded(x, TANH_LIMIT).abs() & 127;
    let positive = (entry >> 16) as i32 + (((entry & 0xffff) as i32 * fraction + 64) >> 7);
    if x < 0 { -positive } else { positive }
}

#[cfg(test)]
mod tests {
    use super::super::tables::TABLES;
    use super::*;

    #[test]
    fn activations_approximate_the_functions_and_never_decrease() {
        let (mut last_sigmoid, mut last_tanh) = (0, -GATE_ONE);
        for x in -80_000..80_000 {
            let real = f64::from(x) / 8192.0;
            let (s, t) = (sigmoid(&TABLES, x), tanh(&TABLES, x));
            assert!((f64::from(s) - 16384.0 / (1.0 + (-real).exp())).abs() < 6.0, "sigmoid({real}) = {s}");
            assert!((f64::from(t) - 16384.0 * real.tanh()).abs() < 12.0, "tanh({real}) = {t}");
            assert!(s >= last_sigmoid && t >= last_tanh);
            (last_sigmoid, last_tanh) = (s, t);
        }
    }

    #[test]
    fn extreme_inputs_saturate() {
        for x in [i32::MIN, i32::MIN + 1, i32::MIN / 2, i32::MAX / 2, i32::MAX] {
            assert!((0..=GATE_ONE).contains(&sigmoid(&TABLES, x)));
            assert!((-GATE_ONE..=GATE_ONE).contains(&tanh(&TABLES, x)));
        }
    }

    /// Interpolates between a table entry and the next one, in integers so wide that nothing overflows.
    fn slow(table: &[u32; 256], magnitude: i128, step: i128) -> i128 {
        let entry = table[usize::try_from(magnitude / step).unwrap()];
        let (base, distance) = (i128::from(entry >> 16), i128::from(entry & 0xffff));
        (base * step + distance * (magnitude % step) + step / 2).div_euclid(step)
    }

    #[test]
    fn activations_are_exact_at_every_input() {
        for x in (-70_000..70_000).chain([i32::MIN, i32::MIN + 1, i32::MAX]) {
            let s = slow(&TABLES.sigmoid, i128::from(x).abs().min((8 << 13) - 1), 256);
            let s = if x < 0 { i128::from(GATE_ONE) - s } else { s };
            assert_eq!(i128::from(sigmoid(&TABLES, x)), s);
            let t = slow(&TABLES.tanh, i128::from(x).abs().min((4 << 13) - 1), 128);
            assert_eq!(i128::from(tanh(&TABLES, x)), if x < 0 { -t } else { t });
        }
    }
}
