//! The way of a byte: inputs cut into blocks, blocks into streams, predicted, coded, learnt from.

pub mod block;
mod compact;
mod error;
mod predictor;
mod stream;
mod streams;

pub use block::{Progress, decode_block, encode_block};
pub use error::CodecError;
pub use predictor::Predictor;
pub use stream::{ASSUMED_LENGTH, CompressSettings, DecompressSettings, Summary, compress, decompress};
