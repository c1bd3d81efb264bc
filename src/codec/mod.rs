//! The way of a byte: blocks cut into streams, predicted, coded, learnt from.

pub mod block;
mod streams;

pub use block::{decode_block, encode_block};
