//! A block back from its code.

use std::iter;
use std::ops::Range;

use super::coders::{Code, StreamCoder, split, step};
use super::{BlockSpan, Coding, network, segment_steps, start_block, visit_step};
use crate::codec::prediction::{Prediction, Recorder, by_stream};
use crate::codec::predictor::Predictor;
use crate::codec::replay;
use crate::codec::streams::Streams;
use crate::coder::{Decoder, decode_symbol};
use crate::crew::{Crew, with_crew};
use crate::engine::{Engine, EngineError, INACTIVE};
use crate::mixing::{Mixing, Stage, Synchronous};
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

/// Where a block's symbols come from.
enum Input<'a> {
    /// The one code of all streams, with the costs of its symbols.
    One(Decoder<'a>, Recorder),
    /// A code for each stream.
    Each(Vec<StreamCoder<'a>>),
}

/// A block that is being decoded, segment by segment.
pub struct BlockDecoder<'a> {
    /// The symbols decoded so far, zeros elsewhere.
    data: Vec<u8>,
    span: BlockSpan,
    streams: Streams,
    input: Input<'a>,
    /// Steps decoded.
    step: usize,
    /// The last symbol of each stream.
    previous: Vec<u8>,
    /// `[streams][256]`: the network's weights for a step.
    weights: Vec<u32>,
    /// The costs of the last segment's symbols.
    recorded: Option<Prediction>,
}

impl<'a> BlockDecoder<'a> {
    /// A block of which nothing is decoded yet; see [`BlockEncoder::new`](super::BlockEncoder::new).
    ///
    /// Any `code` decodes to some block; the checksum tells whether it is the right one.
    pub fn new(predictor: &Predictor, code: &'a [u8], span: BlockSpan) -> Self {
        let config = &predictor.config;
        let symbols = if predictor.engine.is_some() { config.streams() } else { 0 };
        let input = match predictor.mixing {
            Some(Stage::AtOnce(_)) => {
                let coder = |code| StreamCoder::new(Code::Decoder(Decoder::new(code)));
                Input::Each(split(code, config.streams()).into_iter().map(coder).collect())
            }
            _ => Input::One(Decoder::new(code), Recorder::default()),
        };
        BlockDecoder {
            data: vec![0; span.symbols],
            span,
            streams: predictor.streams(&span),
            input,
            step: 0,
            previous: vec![0; config.streams()],
            weights: vec![0; symbols * SYMBOLS],
            recorded: None,
        }
    }

    /// Decodes the symbols that some streams have at a step of the block, one after the other.
    fn decode(&mut self, mut mixing: Option<&mut Mixing>, members: Range<usize>, step: usize, targets: &mut Vec<u16>) {
        let Input::One(coder, recorder) = &mut self.input else { return };
        for stream in members {
            let weights = self.weights.get(stream * SYMBOLS..(stream + 1) * SYMBOLS);
            let symbol = self.streams.position(stream, step).map(|position| {
                self.data[position] = decode_one(coder, mixing.as_deref_mut(), weights, stream, recorder);
                self.data[position]
            });
            self.previous[stream] = symbol.unwrap_or(0);
            targets.push(symbol.map_or(INACTIVE, u16::from));
        }
    }

    /// Decodes the symbols that all streams have at a step of the block, at once.
    fn decode_at_once(&mut self, mixing: &mut Synchronous, at: usize, targets: &mut Vec<u16>, crew: &mut Crew<'_>) {
        let Input::Each(coders) = &mut self.input else { return };
        if let Some(starts) = self.streams.starts_at(at) {
            mixing.start_panel(starts);
        }
        let coders = &mut coders[..self.streams.active(at)];
        let weights = (!self.weights.is_empty()).then_some(&self.weights[..]);
        step(mixing, crew, coders, weights);
        let first = targets.len();
        targets.resize(first + self.previous.len(), INACTIVE);
        self.previous.fill(0);
        for ((stream, coder), position) in coders.iter().enumerate().zip(self.streams.positions(at)) {
            self.data[position] = coder.byte;
            self.previous[stream] = coder.byte;
            targets[first + stream] = coder.byte.into();
        }
    }

    /// Decodes steps whose streams take turns.
    async fn steps_in_turn(
        &mut self,
        mut engine: Option<&mut Engine>,
        mut mixing: Option<&mut Mixing>,
        steps: Range<usize>,
        targets: &mut Vec<u16>,
    ) -> Result<(), EngineError> {
        let groups = engine.as_deref().map_or_else(|| iter::once(0..self.previous.len()).collect(), Engine::groups);
        for (group, members) in groups.iter().enumerate() {
            if let Some(engine) = &mut engine {
                engine.begin_step(0, group, &self.previous[members.clone()]);
            }
        }
        for (number, step) in steps.clone().enumerate() {
            for (group, members) in groups.iter().enumerate() {
                if let Some(engine) = &mut engine {
                    let weights = &mut self.weights[members.start * SYMBOLS..members.end * SYMBOLS];
                    engine.finish_step(number, group, weights).await?;
                }
                self.decode(mixing.as_deref_mut(), members.clone(), step, targets);
                // A device predicts this group's next step while the host decodes the other group.
                if let Some(engine) = engine.as_mut().filter(|_| step + 1 < steps.end) {
                    engine.begin_step(number + 1, group, &self.previous[members.clone()]);
                }
            }
        }
        Ok(())
    }

    /// Decodes steps whose streams are predicted at once.
    async fn steps_at_once(
        &mut self,
        engine: Option<&mut Engine>,
        mixing: &mut Synchronous,
        steps: Range<usize>,
        targets: &mut Vec<u16>,
    ) -> Result<(), EngineError> {
        let Some(engine) = engine else {
            with_crew(|crew| steps.for_each(|step| self.decode_at_once(mixing, step, targets, crew)));
            return Ok(());
        };
        let groups = engine.groups();
        for (number, step) in steps.enumerate() {
            for (group, members) in groups.iter().enumerate() {
                engine.begin_step(number, group, &self.previous[members.clone()]);
            }
            for (group, members) in groups.iter().enumerate() {
                let weights = &mut self.weights[members.start * SYMBOLS..members.end * SYMBOLS];
                engine.finish_step(number, group, weights).await?;
            }
            with_crew(|crew| self.decode_at_once(mixing, step, targets, crew));
        }
        Ok(())
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
        let end = (start + segment).min(streams.len);
        let mut targets = Vec::with_capacity((end - start) * config.streams());
        match mixing {
            Some(Stage::AtOnce(mixing)) => {
                self.steps_at_once(engine.as_mut(), mixing, start..end, &mut targets).await?;
            }
            mixing => {
                let mixing = mixing.as_mut().and_then(Stage::in_turn);
                self.steps_in_turn(engine.as_mut(), mixing, start..end, &mut targets).await?;
            }
        }
        if let Some(engine) = engine {
            let rate = learning_rate(config, self.span.done + self.span.raw(streams.done(start)));
            let replay = replay::draw(config, &streams, &self.data, (start / segment) as u64, end);
            engine.train(&targets, rate, replay.as_ref()).await?;
        }
        let last = self.weights.get(..SYMBOLS).filter(|_| engine.is_some());
        let transform = self.span.transform;
        self.recorded = match &self.input {
            Input::One(_, recorder) => recorder.end(transform, by_stream(&targets, config.streams()), last),
            Input::Each(coders) => coders[0].recorder.end(
                transform,
                by_stream(&targets, config.streams()).filter(|&(stream, _)| stream == 0),
                last,
            ),
        };
        self.step = end;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.step >= self.streams.len
    }

    fn progress(&self) -> (u64, u64) {
        (self.span.raw(self.streams.done(self.step)), 0)
    }

    fn record(&mut self, is_on: bool) {
        match &mut self.input {
            Input::One(_, recorder) => recorder.begin(is_on),
            Input::Each(coders) => coders[0].recorder.begin(is_on),
        }
    }

    fn recorded(&mut self) -> Option<Prediction> {
        self.recorded.take()
    }

    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor) {
        visit_step(&mut self.step, self.streams, segment_steps(predictor), visitor);
        match &mut self.input {
            Input::One(coder, _) => coder.visit(visitor),
            Input::Each(coders) => coders.iter_mut().for_each(|stream| stream.visit(0, visitor)),
        }
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
