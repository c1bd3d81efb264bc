//! Integer dot products for the widest vectors of this machine, chosen at run
//! time. All variants give the same sums: integer addition has no order.
//!
//! This is the one module with `unsafe`: calling code compiled for vector
//! units, after asking whether they are there, loading vectors from slices
//! whose bounds are checked first, and hints to fetch what lies in a slice.
//! Written with intrinsics because the compiler's own vectorisation of the same
//! loops reaches less than half the speed.
#![allow(unsafe_code)]

pub mod aligned;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod lines;
#[cfg(target_arch = "aarch64")]
mod neon;
mod products;

use std::sync::LazyLock;

pub use self::products::{
    GROUP, NO_SUMS, QUAD, Rows, TileSums, excess, multiply_inputs, multiply_rows, multiply_samples,
};

/// Vector units that there are variants for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// With VNNI.
    Avx512,
    Avx2,
    Neon,
    /// What the compiler makes of plain loops.
    Plain,
}

/// What this process uses. Environment variable `LOCKSTEP_VECTORS` (`avx2`, `plain`) asks for
/// less than this machine has, so that one machine can compare them; names of what it has not
/// are ignored.
static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    let asked = std::env::var("LOCKSTEP_VECTORS").ok();
    let mut there = Vectors::ALL.into_iter().filter(|vectors| vectors.are_there());
    let allowed = there.clone().find(|vectors| asked.as_deref() == Some(vectors.name()));
    allowed.or_else(|| there.next()).unwrap_or(Vectors::Plain)
});

impl Vectors {
    /// All of them, the widest first.
    pub const ALL: [Vectors; 4] = [Vectors::Avx512, Vectors::Avx2, Vectors::Neon, Vectors::Plain];

    /// What this process uses.
    pub fn used() -> Vectors {
        *VECTORS
    }

    /// As the environment variable has it.
    pub fn name(self) -> &'static str {
        match self {
            Vectors::Avx512 => "avx512",
            Vectors::Avx2 => "avx2",
            Vectors::Neon => "neon",
            Vectors::Plain => "plain",
        }
    }

    /// Whether this machine has them.
    fn are_there(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => {
                Vectors::Avx2.are_there()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "aarch64")]
            Vectors::Neon => true,
            Vectors::Plain => true,
            _ => false,
        }
    }
}

/// Runs plain loops compiled for the widest vectors of this machine.
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    match *VECTORS {
        // SAFETY: these are there.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx512 => unsafe { avx512::vectorized(work) },
        // SAFETY: these are there.
        #[cfg(target_arch = "x86_64")]
        Vectors::Avx2 => unsafe { avx2::vectorized(work) },
        _ => work(),
    }
}

/// Asks for the cache line of a value that is needed soon, without waiting for it.
#[inline(always)]
pub fn prefetch<T>(values: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = values.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint about a value that exists; nothing is read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, index);
}

/// Puts `table[index % N]` in the place of each index; a multiple of 16 of them. N is 32 or 256.
pub fn look_up<const N: usize>(table: &[u32; N], indices: &mut [u32]) {
    const { assert!(N == 32 || N == 256) };
    assert!(indices.len().is_multiple_of(16));
    #[cfg(target_arch = "x86_64")]
    if *VECTORS == Vectors::Avx512 {
        // SAFETY: these are there, and the length was just checked.
        unsafe { avx512::look_up(table, indices) };
        return;
    }
    for index in indices {
        *index = table[*index as usize & (N - 1)];
    }
}

/// Multiplies 16-bit (or, where `bytes` is set, 8-bit) integers in registers
/// alone, as fast as this machine can; returns how many products it added up.
/// Nothing where there is no such variant.
pub fn peak(bytes: bool, rounds: u64) -> Option<u64> {
    match (*VECTORS, bytes) {
        #[cfg(target_arch = "x86_64")]
        (Vectors::Avx512, bytes) => {
            // SAFETY: these are there.
            unsafe { if bytes { avx512::peak::<true>(rounds) } else { avx512::peak::<false>(rounds) } };
            Some(rounds * avx512::PEAK_CHAINS as u64 * if bytes { 64 } else { 32 })
        }
        #[cfg(target_arch = "x86_64")]
        (Vectors::Avx2, false) => {
            // SAFETY: these are there.
            unsafe { avx2::peak(rounds) };
            Some(rounds * avx2::PEAK_CHAINS as u64 * 16)
        }
        _ => {
            let _ = rounds;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_look_up<const N: usize>() {
        let table: [u32; N] = std::array::from_fn(|i| (i as u32).wrapping_mul(0x9e37_79b9));
        let mut indices: [u32; 512] = std::array::from_fn(|i| 7 * i as u32);
        look_up(&table, &mut indices);
        assert!(indices.iter().enumerate().all(|(i, &entry)| entry == table[7 * i % N]));
    }

    #[test]
    fn tables_are_looked_up_exactly() {
        check_look_up::<32>();
        check_look_up::<256>();
    }
}
