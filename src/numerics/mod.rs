//! Exact integer arithmetic: everything that can influence a coded probability.
//!
//! Nothing here uses floating point, and nothing here depends on the rest of
//! the crate. Formats are written `Qn`: an integer with n fraction bits.
//! docs/NUMERICS.md states every range and proves it.

pub mod activation;
pub mod fixed;
pub mod generator;
pub mod softmax;
pub mod tables;
pub mod wide;
