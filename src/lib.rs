//! lockstep: lossless compression with an LSTM trained online.
//!
//! An archive made on any device decodes, bit for bit, on every other device.

mod archive;
mod bench;
mod codec;
mod coder;
mod engine;
mod mixing;
mod model;
mod numerics;
mod prior;
mod simd;
mod state;
mod training;
mod transform;

/// The crate's own modules, for its command, tests, benchmarks and fuzz targets.
///
/// Nothing here is part of the public interface: it changes without notice.
#[doc(hidden)]
pub mod internals {
    macro_rules! export {
        ($($module:ident)*) => {
            $(pub mod $module {
                pub use crate::$module::*;
            })*
        };
    }

    export!(archive bench codec coder engine mixing model numerics prior state training transform);
}
