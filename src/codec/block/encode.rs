//! A block into code.

use std::iter;
use std::ops::Range;

use super::coders::{Code, StreamCoder, join, step};
use super::{BlockSpan, Coding, network, segment_steps, start_block, visit_step};
use crate::codec::prediction::{Prediction, Recorder, by_stream};
use crate::codec::predictor::Predictor;
use crate::codec::replay;
use crate::codec::streams::Streams;
use crate::coder::{Encoder, encode_symbol};
use crate::crew::with_crew;
use crate::engine::{Engine, EngineError, EngineKind, INACTIVE};
use crate::mixing::{Mixing, Stage, Synchronous};
use crate::model::schedule::learning_rate;
use crate::numerics::softmax::SYMBOLS;
use crate::state::Visitor;

/// True if a second thread has nothing else to do: beside a network on the CPU it learns.
pub(crate) fn has_idle_thread(engine: Option<&Engine>) -> bool {
    rayon::current_num_threads() > 1 && engine.is_none_or(|engine| engine.kind() != EngineKind::Cpu)
}

/// Codes a segment's symbols, `[steps][streams]`, with whatever predicts; `helped` lets the mixing
/// stage use a second thread. `recorder` takes note of costs where the mixing stage predicts.
pub(crate) fn encode_segment(
    encoder: &mut Encoder,
    mixing: Option<&mut Mixing>,
    weights: &[u32],
    streams: usize,
    targets: &[u16],
    helped: bool,
    recorder: &mut Recorder,
) {
    let weights = |i: usize| weights.get(i * SYMBOLS..(i + 1) * SYMBOLS);
    let active = targets.iter().enumerate().filter_map(|(i, &target)| Some((i, u8::try_from(target).ok()?)));
    match mixing {
        Some(mixing) => {
            let (indices, symbols): (Vec<usize>, Vec<(usize, u8)>) =
                active.map(|(i, symbol)| (i, (i % streams, symbol))).unzip();
            mixing.symbols(
                &symbols,
                helped,
                |n| network(weights(indices[n])),
                |bit, p| {
                    recorder.bit(bit, p);
                    encoder.encode(bit, p);
                },
            );
        }
        None => active.for_each(|(i, symbol)| weights(i).into_iter().for_each(|w| encode_symbol(encoder, w, symbol))),
    }
}

/// Where a block's code goes.
enum Output {
    /// All streams write one code, with the costs of its symbols.
    One(Encoder, Recorder),
    /// Each stream writes its own.
    Each(Vec<StreamCoder<'static>>),
}

/// A block that is being encoded, segment by segment.
pub struct BlockEncoder<'a> {
    data: &'a [u8],
    span: BlockSpan,
    streams: Streams,
    output: Output,
    /// Steps coded.
    step: usize,
    /// True if the network predicts the next segment already.
    begun: bool,
    /// `[steps][streams][256]`: the network's weights for a segment.
    weights: Vec<u32>,
    /// The costs of the last segment's symbols.
    recorded: Option<Prediction>,
}

impl<'a> BlockEncoder<'a> {
    /// A block of which nothing is coded yet; `data` holds the symbols of `span`.
    pub fn new(predictor: &Predictor, data: &'a [u8], span: BlockSpan) -> Self {
        let config = &predictor.config;
        let streams = predictor.streams(&span);
        let symbols = if predictor.engine.is_some() { config.segment() * config.streams() } else { 0 };
        let weights = vec![0; symbols * SYMBOLS];
        let output = match predictor.mixing {
            Some(Stage::AtOnce(_)) => {
                let coder = || StreamCoder::new(Code::Encoder(Encoder::default()));
                Output::Each(iter::repeat_with(coder).take(config.streams()).collect())
            }
            _ => Output::One(Encoder::default(), Recorder::default()),
        };
        BlockEncoder { data, span, streams, output, step: 0, begun: false, weights, recorded: None }
    }

    /// True if all symbols are coded.
    fn is_coded(&self) -> bool {
        self.step >= self.streams.len
    }

    /// True if the code is already as long as the raw block.
    pub fn is_hopeless(&self) -> bool {
        self.output.len() >= self.span.raw_len
    }

    /// Returns the code.
    pub fn finish(self) -> Vec<u8> {
        match self.output {
            Output::One(coder, _) => coder.finish(),
            Output::Each(coders) => join(&coders.into_iter().map(StreamCoder::finish).collect::<Vec<_>>()),
        }
    }
}

impl Output {
    /// Bytes of code so far.
    fn len(&self) -> usize {
        match self {
            Output::One(coder, _) => coder.len(),
            Output::Each(coders) => coders.iter().map(StreamCoder::len).sum(),
        }
    }
}

/// Codes the symbols of some steps, `[steps][streams]`, each stream with a coder of its own. `weights` are the
/// network's, if there is one.
fn encode_steps(
    mixing: &mut Synchronous,
    coders: &mut [StreamCoder<'_>],
    streams: Streams,
    steps: Range<usize>,
    targets: &[u16],
    weights: Option<&[u32]>,
) {
    let count = coders.len();
    with_crew(|crew| {
        for ((number, at), targets) in steps.enumerate().zip(targets.chunks_exact(count)) {
            if let Some(starts) = streams.starts_at(at) {
                mixing.start_panel(starts);
            }
            let coders = &mut coders[..streams.active(at)];
            coders.iter_mut().zip(targets).for_each(|(coder, &target)| coder.byte = target as u8);
            step(mixing, crew, coders, weights.map(|weights| &weights[number * count * SYMBOLS..]));
        }
    });
}

impl Coding for BlockEncoder<'_> {
    async fn start(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        start_block(predictor, self.span, self.streams).await
    }

    async fn segment(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        let steps = segment_steps(predictor);
        let Predictor { config, engine, mixing, .. } = predictor;
        let (data, streams, start) = (self.data, self.streams, self.step);
        let end = (start + steps).min(streams.len);
        let grid = |steps: Range<usize>| steps.flat_map(|step| (0..config.streams()).map(move |stream| (step, stream)));
        let targets: Vec<u16> = grid(start..end)
            .map(|(step, stream)| streams.position(stream, step).map_or(INACTIVE, |p| u16::from(data[p])))
            .collect();
        // The symbols are known, so the network learns, and a GPU predicts the next segment, while
        // this segment is coded.
        if let Some(engine) = engine {
            let begin = |engine: &mut Engine, steps| {
                let previous = grid(steps).map(|(step, stream)| streams.previous(data, stream, step));
                engine.begin_segment(&previous.collect::<Vec<u8>>());
            };
            if !self.begun {
                begin(engine, start..end);
            }
            engine.finish_segment(&mut self.weights[..targets.len() * SYMBOLS]).await?;
            let rate = learning_rate(config, self.span.done + self.span.raw(streams.done(start)));
            let replay = replay::draw(config, &streams, data, (start / steps) as u64, end);
            engine.train(&targets, rate, replay.as_ref()).await?;
            self.begun = end < streams.len;
            if self.begun {
                begin(engine, end..(end + steps).min(streams.len));
            }
        }
        let last = self.weights.get((end - start - 1) * config.streams() * SYMBOLS..).filter(|_| engine.is_some());
        let transform = self.span.transform;
        self.recorded = match (&mut self.output, mixing) {
            (Output::Each(coders), Some(Stage::AtOnce(mixing))) => {
                let weights = engine.is_some().then_some(&self.weights[..]);
                encode_steps(mixing, coders, streams, start..end, &targets, weights);
                coders[0].recorder.end(
                    transform,
                    by_stream(&targets, config.streams()).filter(|&(stream, _)| stream == 0),
                    last,
                )
            }
            (Output::One(coder, recorder), mixing) => {
                let helped = has_idle_thread(engine.as_ref());
                let mixing = mixing.as_mut().and_then(Stage::in_turn);
                encode_segment(coder, mixing, &self.weights, config.streams(), &targets, helped, recorder);
                recorder.end(transform, by_stream(&targets, config.streams()), last)
            }
            (Output::Each(_), _) => unreachable!("streams have coders of their own where they are coded at once"),
        };
        self.step = end;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_coded() || self.is_hopeless()
    }

    fn progress(&self) -> (u64, u64) {
        (self.span.raw(self.streams.done(self.step)), self.output.len() as u64)
    }

    fn record(&mut self, is_on: bool) {
        match &mut self.output {
            Output::One(_, recorder) => recorder.begin(is_on),
            Output::Each(coders) => coders[0].recorder.begin(is_on),
        }
    }

    fn recorded(&mut self) -> Option<Prediction> {
        self.recorded.take()
    }

    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor) {
        visit_step(&mut self.step, self.streams, segment_steps(predictor), visitor);
        match &mut self.output {
            Output::One(coder, _) => coder.visit(self.span.raw_len, visitor),
            Output::Each(coders) => {
                let mut most = self.span.raw_len;
                for stream in coders {
                    stream.visit(most, visitor);
                    most -= stream.len().min(most);
                }
            }
        }
        // A begun prediction is not part of the state: it begins again.
        self.begun = false;
    }
}

/// Encodes a whole block: the predictors continue from what they have learned, with fresh streams.
///
/// `done` is the number of raw bytes of the frame before this block.
///
/// # Errors
///
/// Where the device fails.
pub async fn encode_block(predictor: &mut Predictor, data: &[u8], done: u64) -> Result<Vec<u8>, EngineError> {
    encode_symbols(predictor, data, BlockSpan::plain(data.len(), done)).await
}

/// Encodes a whole block of transformed symbols.
pub(in crate::codec) async fn encode_symbols(
    predictor: &mut Predictor,
    symbols: &[u8],
    span: BlockSpan,
) -> Result<Vec<u8>, EngineError> {
    let mut block = BlockEncoder::new(predictor, symbols, span);
    block.start(predictor).await?;
    while !block.is_coded() {
        block.segment(predictor).await?;
    }
    Ok(block.finish())
}
