//! Vector code, cache-line alignment and prefetching. Depends on no other module of the crate.
//!
//! | file | contents |
//! |---|---|
//! | `vectors.rs` | which vector unit this process uses |
//! | `dispatch.rs` | the operations: each checks its lengths, then calls the variant for that unit |
//! | `avx512.rs`, `avx2.rs`, `neon.rs`, `simd128.rs`, `plain.rs` | the variants for one unit |
//! | `prefetch.rs` | hints about memory that is needed soon |
//! | `aligned.rs` | values and buffers that start at a cache line |
//!
//! All variants of an operation give the same sums, because integer addition has no order. They
//! are written with intrinsics because the compiler's own vectorisation of the same loops reaches
//! less than half the speed.
//!
//! The modules marked below, and `src/crew.rs`, are the only ones in the crate with `unsafe` code
//! (Cargo.toml denies it): calls to functions compiled for a vector unit, after a check that the
//! machine has it; loads and stores of vectors within slices whose lengths `dispatch.rs` has
//! checked; and prefetch hints.

pub mod aligned;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "vector loads and stores take pointers")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "vector loads and stores take pointers")]
mod avx512;
#[allow(unsafe_code, reason = "calls functions compiled for a vector unit")]
mod dispatch;
#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code, reason = "vector loads and stores take pointers")]
mod neon;
mod plain;
#[allow(unsafe_code, reason = "the prefetch intrinsic takes a pointer")]
mod prefetch;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[allow(unsafe_code, reason = "vector loads and stores take pointers")]
mod simd128;
#[cfg(test)]
mod tests;
mod vectors;

pub use self::aligned::{Aligned, AlignedBuffer};
#[cfg(feature = "cli")]
pub use self::dispatch::peak;
pub use self::dispatch::{excess, look_up, multiply_inputs, multiply_rows, multiply_samples, vectorized};
pub use self::prefetch::prefetch;
pub use self::vectors::Vectors;

// The products work on tiles of fixed size. `model::layout` stores parameters in tiles of the same
// size, but that is part of the archive format and must not depend on a vector unit, nor this
// module on the model: so each has constants of its own, and `engine::cpu`, which joins the two,
// asserts that they are equal.

/// Rows of weights that one call multiplies: four vectors of sums of AVX-512.
pub const TILE_ROWS: usize = 64;

/// Inputs for which one call of [`multiply_rows`] computes sums.
pub const TILE_INPUTS: usize = 16;

/// The most rows of the left operand that one call multiplies.
pub const GROUP: usize = 4;

/// Adjacent inputs whose weights lie side by side.
pub const QUAD: usize = 4;

/// Sums of one tile of rows for up to [`GROUP`] left operands.
pub type TileSums = Aligned<[[i32; TILE_ROWS]; GROUP]>;

/// The value of [`TileSums`] to start from.
pub const NO_SUMS: TileSums = Aligned([[0; TILE_ROWS]; GROUP]);

/// One product of [`multiply_rows`].
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Up to four left operands, each with one value for each row of weights.
    pub a: [&'a [i16]; GROUP],
    /// `[16 / 4][rows / 64][4][64]`: the weights of 16 inputs.
    pub w: &'a [i8],
}
