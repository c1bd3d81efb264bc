//! A block, segment by segment, through predictors and coder.

pub(crate) mod coders;
mod decode;
mod encode;

pub use decode::{BlockDecoder, decode_block};
pub(super) use encode::encode_symbols;
pub use encode::{BlockEncoder, encode_block};
pub(crate) use encode::{encode_segment, has_idle_thread};

use std::slice;

use super::prediction::Prediction;
use super::predictor::Predictor;
use super::streams::Streams;
use crate::coder::SumTree;
use crate::engine::EngineError;
use crate::mixing::NetworkPrediction;
use crate::model::Raster;
use crate::state::Visitor;
use crate::transform::Transform;

/// Steps of a segment where there is no network to set them.
const STEPS_WITHOUT_NETWORK: usize = 4096;

/// A block that is being coded, in either direction.
pub(super) trait Coding {
    /// Begins the block: the predictors continue from what they have learned, with fresh streams.
    async fn start(&mut self, predictor: &mut Predictor) -> Result<(), EngineError>;
    /// Codes a segment and learns from it.
    async fn segment(&mut self, predictor: &mut Predictor) -> Result<(), EngineError>;
    /// True if nothing is left to do.
    fn is_done(&self) -> bool;
    /// Raw bytes coded and bytes of code so far.
    fn progress(&self) -> (u64, u64);
    /// Says whether to record what the next segment's symbols cost.
    fn record(&mut self, is_on: bool);
    /// Returns what was predicted in the last segment, if it was recorded.
    fn recorded(&mut self) -> Option<Prediction>;
    /// Shows a visitor the state of the block between two segments. Its input is not part of it.
    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor);
}

/// A block's place in its frame, and the symbols that stand for its raw bytes.
#[derive(Clone, Copy)]
pub struct BlockSpan {
    /// Raw bytes of the frame before this block.
    pub done: u64,
    /// Raw bytes of the block.
    pub raw_len: usize,
    /// Symbols of the block.
    pub symbols: usize,
    /// The transform that made the symbols.
    pub transform: Transform,
    /// The raster, if the symbols are an image's.
    pub raster: Option<Raster>,
}

impl BlockSpan {
    /// A block whose symbols are its raw bytes.
    pub fn plain(len: usize, done: u64) -> Self {
        BlockSpan { done, raw_len: len, symbols: len, transform: Transform::None, raster: None }
    }

    /// Raw bytes that the first `symbols` symbols stand for, in proportion.
    fn raw(self, symbols: usize) -> u64 {
        symbols as u64 * self.raw_len as u64 / self.symbols as u64
    }
}

/// The network's prediction of a symbol, as the mixing stage takes it.
fn network(weights: Option<&[u32]>) -> Option<NetworkPrediction<impl Fn(usize) -> u32>> {
    let tree = weights.map(SumTree::new)?;
    Some(NetworkPrediction { likeliest: tree.likeliest(), probability: move |node| tree.probability(node) })
}

/// Steps of a segment.
fn segment_steps(predictor: &Predictor) -> usize {
    if predictor.engine.is_some() { predictor.config.segment() } else { STEPS_WITHOUT_NETWORK }
}

/// Begins a block: the predictors continue from what they have learned, with fresh streams.
async fn start_block(predictor: &mut Predictor, span: BlockSpan, streams: Streams) -> Result<(), EngineError> {
    if let Some(mixing) = &mut predictor.mixing {
        mixing.start_block(span.symbols, streams.starts(), span.raster);
    }
    match &mut predictor.engine {
        Some(engine) => engine.start_block().await,
        None => Ok(()),
    }
}

/// Shows a visitor the number of steps done; what it reads is rounded down to whole segments.
fn visit_step(step: &mut usize, streams: Streams, segment: usize, visitor: &mut dyn Visitor) {
    let mut word = *step as u64;
    visitor.u64s(slice::from_mut(&mut word));
    *step = word.min(streams.len as u64) as usize / segment * segment;
}
