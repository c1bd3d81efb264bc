//! lockstep: lossless compression with an LSTM trained online.
//!
//! An archive made on any device decodes, bit for bit, on every other device.

pub mod archive;
pub mod bench;
pub mod codec;
pub mod coder;
pub mod engine;
pub mod mixing;
pub mod model;
pub mod numerics;
pub mod state;
pub mod transform;
