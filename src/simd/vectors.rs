//! The vector unit that this process uses.

use std::sync::LazyLock;

/// The vector units that have variants of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// AVX-512 with VNNI, on x86-64.
    Avx512,
    /// AVX2, on x86-64.
    Avx2,
    /// NEON, on AArch64.
    Neon,
    /// The vectors of WebAssembly.
    Simd128,
    /// Plain loops, as the compiler vectorises them for the target.
    Plain,
}

/// The unit in use. The environment variable `LOCKSTEP_VECTORS` (`avx2`, `plain`) selects a
/// narrower one than the machine has, so that one machine can compare them; names of units that
/// the machine does not have are ignored.
static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    let requested = std::env::var("LOCKSTEP_VECTORS").ok();
    let mut available = Vectors::ALL.into_iter().filter(|vectors| vectors.is_available());
    let selected = available.clone().find(|vectors| requested.as_deref() == Some(vectors.name()));
    selected.or_else(|| available.next()).unwrap_or(Vectors::Plain)
});

impl Vectors {
    /// All units, the widest first.
    pub const ALL: [Vectors; 5] = [Vectors::Avx512, Vectors::Avx2, Vectors::Neon, Vectors::Simd128, Vectors::Plain];

    /// The unit that this process uses: always an available one.
    #[inline(always)]
    pub fn used() -> Vectors {
        *VECTORS
    }

    /// The name that the environment variable `LOCKSTEP_VECTORS` takes.
    pub fn name(self) -> &'static str {
        match self {
            Vectors::Avx512 => "avx512",
            Vectors::Avx2 => "avx2",
            Vectors::Neon => "neon",
            Vectors::Simd128 => "simd128",
            Vectors::Plain => "plain",
        }
    }

    /// True if this machine has the unit with all features that its variants are compiled for.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => {
                Vectors::Avx2.is_available()
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
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Vectors::Simd128 => true,
            Vectors::Plain => true,
            _ => false,
        }
    }
}
