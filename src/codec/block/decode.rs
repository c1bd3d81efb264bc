//! A block back from its code.

use std::iter;
use std::ops::Range;

use super::{BlockSpan, Coding, network, segment_steps, start_block, visit_step};
use crate::codec::prediction::{Prediction, Recorder};
use crate::codec::predictor::Predictor;
use crate::codec::replay;
use crate::codec::streams::Streams;
use crate::coder::{Decoder, decode_symbol};
use crate::engine::{Engine, EngineError, INACTIVE};
use crate::mixing::Mixing;
use crate::model::schedule::learning_rate;
use crate::numerics::softmax::SYMBOLS;
use crate::state::Visitor;

/// Decodes a symbol with whatever predicts.
fn decode_one(
    decoder: &mut Decoder<'_>,
    mixing: Option<&mut Mixing>,
    weights: Option<&[u32]>,
    stream: usize,
    recorder: &mut Recorder,
) -> u8 {
    match (mixing, weights) {
        (Some(mixing), weights) => mixing.symbol(stream, network(weights), |p| {
            let bit = decoder.decode(p);
            recorder.bit(bit, p);
            bit
        }),
        (None, Some(weights)) => decode_symbol(decoder, weights),
        (None, None) => 0,
    }
}

/// A block that is being decoded, segment by segment.
pub struct BlockDecoder<'a> {
    /// The symbols decoded so far, zeros elsewhere.
    data: Vec<u8>,
    span: BlockSpan,
    streams: Streams,
    coder: Decoder<'a>,
    /// Steps decoded.
    step: usize,
    /// The last symbol of each stream.
    previous: Vec<u8>,
    /// `[streams][256]`: the network's weights for a step.
    weights: Vec<u32>,
    recorder: Recorder,
}

impl<'a> BlockDecoder<'a> {
    /// A block of which nothing is decoded yet; see [`BlockEncoder::new`](super::BlockEncoder::new).
    ///
    /// Any `code` decodes to some block; the checksum tells whether it is the right one.
    pub fn new(predictor: &Predictor, code: &'a [u8], span: BlockSpan) -> Self {
        let config = &predictor.config;
        let symbols = if predictor.engine.is_some() { config.streams() } else { 0 };
        BlockDecoder {
            data: vec![0; span.symbols],
            span,
            streams: Streams::new(span.symbols, config.streams()),
            coder: Decoder::new(code),
            step: 0,
            previous: vec![0; config.streams()],
            weights: vec![0; symbols * SYMBOLS],
            recorder: Recorder::default(),
        }
    }

    /// Decodes the symbols that some streams have at a step of the block.
    fn decode(&mut self, mut mixing: Option<&mut Mixing>, members: Range<usize>, step: usize, targets: &mut Vec<u16>) {
        for stream in members {
            let weights = self.weights.get(stream * SYMBOLS..(stream + 1) * SYMBOLS);
            let symbol = self.streams.position(stream, step).map(|position| {
                let (coder, recorder) = (&mut self.coder, &mut self.recorder);
                self.data[position] = decode_one(coder, mixing.as_deref_mut(), weights, stream, recorder);
                self.data[position]
            });
            self.previous[stream] = symbol.unwrap_or(0);
            targets.push(symbol.map_or(INACTIVE, u16::from));
        }
    }

    /// The symbols decoded so far, zeros elsewhere.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Returns the symbols.
    pub fn finish(self) -> Vec<u8> {
        self.data
    }
}

impl Coding for BlockDecoder<'_> {
    async fn start(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        start_block(predictor, self.span, self.streams).await
    }

    async fn segment(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        let segment = segment_steps(predictor);
        let Predictor { config, engine, mixing, .. } = predictor;
        let (streams, start) = (self.streams, self.step);
        let steps = segment.min(streams.len - start);
        let mut targets = Vec::with_capacity(steps * config.streams());
        let groups = engine.as_ref().map_or_else(|| iter::once(0..config.streams()).collect(), Engine::groups);
        for (group, members) in groups.iter().enumerate() {
            if let Some(engine) = engine {
                engine.begin_step(0, group, &self.previous[members.clone()]);
            }
        }
        for step in 0..steps {
            for (group, members) in groups.iter().enumerate() {
                if let Some(engine) = engine {
                    let weights = &mut self.weights[members.start * SYMBOLS..members.end * SYMBOLS];
                    engine.finish_step(step, group, weights).await?;
                }
                self.decode(mixing.as_mut(), members.clone(), start + step, &mut targets);
                // A device predicts this group's next step while the host decodes the other group.
                if let Some(engine) = engine.as_mut().filter(|_| step + 1 < steps) {
                    engine.begin_step(step + 1, group, &self.previous[members.clone()]);
                }
            }
        }
        if let Some(engine) = engine {
            let rate = learning_rate(config, self.span.done + self.span.raw(streams.done(start)));
            let replay = replay::draw(config, &streams, &self.data, (start / segment) as u64, start + steps);
            engine.train(&targets, rate, replay.as_ref()).await?;
        }
        let last = self.weights.get(..SYMBOLS).filter(|_| engine.is_some());
        self.recorder.end(self.span.transform, &targets, config.streams(), last);
        self.step = start + steps;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.step >= self.streams.len
    }

    fn progress(&self) -> (u64, u64) {
        (self.span.raw(self.streams.done(self.step)), 0)
    }

    fn record(&mut self, is_on: bool) {
        self.recorder.begin(is_on);
    }

    fn recorded(&mut self) -> Option<Prediction> {
        self.recorder.take()
    }

    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor) {
        visit_step(&mut self.step, self.streams, segment_steps(predictor), visitor);
        self.coder.visit(visitor);
        visitor.u8s(&mut self.data);
        visitor.u8s(&mut self.previous);
    }
}

/// Decodes a whole block of `len` bytes: the inverse of [`encode_block`](super::encode_block).
///
/// # Errors
///
/// Where the device fails.
pub async fn decode_block(
    predictor: &mut Predictor,
    code: &[u8],
    len: usize,
    done: u64,
) -> Result<Vec<u8>, EngineError> {
    let mut block = BlockDecoder::new(predictor, code, BlockSpan::plain(len, done));
    block.start(predictor).await?;
    while !block.is_done() {
        block.segment(predictor).await?;
    }
    Ok(block.finish())
}
