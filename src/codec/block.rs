//! One block through predictors and coder, and back.

use std::iter;
use std::ops::Range;
use std::slice;

use super::predictor::Predictor;
use super::replay;
use super::streams::Streams;
use crate::coder::{Decoder, Encoder, SumTree, decode_symbol, encode_symbol};
use crate::engine::{Engine, EngineError, INACTIVE};
use crate::mixing::{Mixing, NetworkPrediction};
use crate::model::Raster;
use crate::model::schedule::learning_rate;
use crate::numerics::softmax::SYMBOLS;
use crate::state::Visitor;

/// How far a block has come: called after each segment with raw bytes done and
/// coded bytes so far.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Steps of a segment where no network makes them.
const STRIDE: usize = 4096;

/// What a network's weights for a symbol tell the mixing stage.
fn network(weights: Option<&[u32]>) -> Option<NetworkPrediction<impl Fn(usize) -> u32>> {
    let tree = weights.map(SumTree::new)?;
    Some(NetworkPrediction { likeliest: tree.likeliest(), probability: move |node| tree.probability(node) })
}

/// Whether a second thread has time for coding: where the network is the CPU's, it learns there.
pub(crate) fn has_helper(engine: Option<&Engine>) -> bool {
    rayon::current_num_threads() > 1 && !engine.is_some_and(Engine::is_cpu)
}

/// Codes a segment's symbols, `[steps][streams]`, by whatever predicts; `helped` by a second thread or not.
pub(crate) fn encode_segment(
    encoder: &mut Encoder,
    mixing: Option<&mut Mixing>,
    weights: &[u32],
    streams: usize,
    targets: &[u16],
    helped: bool,
) {
    let weights = |i: usize| weights.get(i * SYMBOLS..(i + 1) * SYMBOLS);
    let active = targets.iter().enumerate().filter_map(|(i, &target)| Some((i, u8::try_from(target).ok()?)));
    match mixing {
        Some(mixing) => {
            let (places, symbols): (Vec<usize>, Vec<(usize, u8)>) =
                active.map(|(i, symbol)| (i, (i % streams, symbol))).unzip();
            mixing.symbols(&symbols, helped, |n| network(weights(places[n])), |bit, p| encoder.encode(bit, p));
        }
        None => active.for_each(|(i, symbol)| weights(i).into_iter().for_each(|w| encode_symbol(encoder, w, symbol))),
    }
}

/// Decodes a symbol by whatever predicts.
fn decode_one(decoder: &mut Decoder<'_>, mixing: Option<&mut Mixing>, weights: Option<&[u32]>, stream: usize) -> u8 {
    match (mixing, weights) {
        (Some(mixing), weights) => mixing.symbol(stream, network(weights), |p| decoder.decode(p)),
        (None, Some(weights)) => decode_symbol(decoder, weights),
        (None, None) => 0,
    }
}

/// A block on its way, segment by segment.
pub(super) trait Coding {
    /// Begins the block: the predictors go on from their learnt state, with fresh streams.
    async fn start(&mut self, predictor: &mut Predictor) -> Result<(), EngineError>;
    /// Codes a segment and learns from it.
    async fn segment(&mut self, predictor: &mut Predictor) -> Result<(), EngineError>;
    /// Whether there is nothing left to do.
    fn is_done(&self) -> bool;
    /// Raw bytes coded and bytes of code so far.
    fn progress(&self) -> (u64, u64);
    /// Shows where the block stands between two segments; what it is made from is
    /// not part of it.
    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor);
}

/// Where a block lies in its frame, and which symbols stand for its raw bytes.
#[derive(Clone, Copy)]
pub struct Place {
    /// Raw bytes of the frame before this block.
    pub done: u64,
    /// Raw bytes of the block.
    pub raw_len: usize,
    /// Symbols of the block.
    pub symbols: usize,
    /// The raster if they are an image's.
    pub raster: Option<Raster>,
}

impl Place {
    /// A block whose symbols are its bytes, and no image.
    fn plain(len: usize, done: u64) -> Self {
        Place { done, raw_len: len, symbols: len, raster: None }
    }

    /// Raw bytes that the first symbols count as.
    fn raw(self, symbols: usize) -> u64 {
        symbols as u64 * self.raw_len as u64 / self.symbols as u64
    }
}

/// A block on its way into code, segment by segment.
pub struct BlockEncoder<'a> {
    data: &'a [u8],
    place: Place,
    streams: Streams,
    coder: Encoder,
    /// Steps coded.
    step: usize,
    /// Whether the network predicts the segment at hand already.
    begun: bool,
    /// `[steps][streams][256]`, the network's weights for a segment.
    weights: Vec<u32>,
}

/// Steps of a segment, and the network's weights that it needs at a time.
fn stride(predictor: &Predictor) -> usize {
    if predictor.engine.is_some() { predictor.config.segment() } else { STRIDE }
}

/// Begins a block: the predictors go on from their learnt state, with fresh streams.
async fn start_block(predictor: &mut Predictor, place: Place, streams: Streams) -> Result<(), EngineError> {
    if let Some(mixing) = &mut predictor.mixing {
        mixing.start_block(place.symbols, streams.starts(), place.raster);
    }
    match &mut predictor.engine {
        Some(engine) => engine.start_block().await,
        None => Ok(()),
    }
}

/// Shows how many steps are done, whole segments of `stride` each.
fn visit_step(step: &mut usize, streams: Streams, stride: usize, visitor: &mut dyn Visitor) {
    let mut word = *step as u64;
    visitor.u64s(slice::from_mut(&mut word));
    *step = word.min(streams.len as u64) as usize / stride * stride;
}

impl<'a> BlockEncoder<'a> {
    /// A block of which nothing is coded yet: its symbols, as many as the place says.
    pub fn new(predictor: &Predictor, data: &'a [u8], place: Place) -> Self {
        let config = &predictor.config;
        let streams = Streams::new(data.len(), config.streams());
        let symbols = if predictor.engine.is_some() { config.segment() * config.streams() } else { 0 };
        let weights = vec![0; symbols * SYMBOLS];
        BlockEncoder { data, place, streams, coder: Encoder::default(), step: 0, begun: false, weights }
    }

    /// Whether all is coded.
    fn is_coded(&self) -> bool {
        self.step >= self.streams.len
    }

    /// Whether it is clear already that the block does not get shorter.
    pub fn is_hopeless(&self) -> bool {
        self.coder.len() >= self.place.raw_len
    }

    /// The code.
    pub fn finish(self) -> Vec<u8> {
        self.coder.finish()
    }
}

impl Coding for BlockEncoder<'_> {
    async fn start(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        start_block(predictor, self.place, self.streams).await
    }

    async fn segment(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        let stride = stride(predictor);
        let Predictor { config, engine, mixing, .. } = predictor;
        let (data, streams, start) = (self.data, self.streams, self.step);
        let end = (start + stride).min(streams.len);
        let grid = |steps: Range<usize>| steps.flat_map(|step| (0..config.streams()).map(move |stream| (step, stream)));
        let targets: Vec<u16> = grid(start..end)
            .map(|(step, stream)| streams.position(stream, step).map_or(INACTIVE, |p| u16::from(data[p])))
            .collect();
        // The symbols are known: the network learns, and a GPU predicts the next segment, while this one is coded.
        if let Some(engine) = engine {
            let begin = |engine: &mut Engine, steps| {
                let previous = grid(steps).map(|(step, stream)| streams.previous(data, stream, step));
                engine.begin_segment(&previous.collect::<Vec<u8>>());
            };
            if !self.begun {
                begin(engine, start..end);
            }
            engine.finish_segment(&mut self.weights[..targets.len() * SYMBOLS]).await?;
            let rate = learning_rate(config, self.place.done + self.place.raw(streams.done(start)));
            let replay = replay::draw(config, &streams, data, (start / stride) as u64, end);
            engine.train(&targets, rate, replay.as_ref()).await?;
            self.begun = end < streams.len;
            if self.begun {
                begin(engine, end..(end + stride).min(streams.len));
            }
        }
        let helped = has_helper(engine.as_ref());
        encode_segment(&mut self.coder, mixing.as_mut(), &self.weights, config.streams(), &targets, helped);
        self.step = end;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_coded() || self.is_hopeless()
    }

    fn progress(&self) -> (u64, u64) {
        (self.place.raw(self.streams.done(self.step)), self.coder.len() as u64)
    }

    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor) {
        visit_step(&mut self.step, self.streams, stride(predictor), visitor);
        self.coder.visit(self.place.raw_len, visitor);
        // What is begun is not part of the state: it is begun again.
        self.begun = false;
    }
}

/// A block on its way back from code, segment by segment.
pub struct BlockDecoder<'a> {
    /// The block as far as it is decoded, zeros elsewhere.
    data: Vec<u8>,
    place: Place,
    streams: Streams,
    coder: Decoder<'a>,
    step: usize,
    /// The last symbol of each stream.
    previous: Vec<u8>,
    /// `[streams][256]`
    weights: Vec<u32>,
}

impl<'a> BlockDecoder<'a> {
    /// A block of which nothing is decoded yet; see [`BlockEncoder::new`].
    ///
    /// Any `code` gives some block; whether it is the right one is for the
    /// checksum to tell.
    pub fn new(predictor: &Predictor, code: &'a [u8], place: Place) -> Self {
        let config = &predictor.config;
        let symbols = if predictor.engine.is_some() { config.streams() } else { 0 };
        BlockDecoder {
            data: vec![0; place.symbols],
            place,
            streams: Streams::new(place.symbols, config.streams()),
            coder: Decoder::new(code),
            step: 0,
            previous: vec![0; config.streams()],
            weights: vec![0; symbols * SYMBOLS],
        }
    }

    /// Decodes what some streams have at a step of the block.
    fn decode(&mut self, mut mixing: Option<&mut Mixing>, members: Range<usize>, step: usize, targets: &mut Vec<u16>) {
        for stream in members {
            let weights = self.weights.get(stream * SYMBOLS..(stream + 1) * SYMBOLS);
            let symbol = self.streams.position(stream, step).map(|position| {
                self.data[position] = decode_one(&mut self.coder, mixing.as_deref_mut(), weights, stream);
                self.data[position]
            });
            self.previous[stream] = symbol.unwrap_or(0);
            targets.push(symbol.map_or(INACTIVE, u16::from));
        }
    }

    /// The block as far as it is decoded, zeros elsewhere.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The raw block.
    pub fn finish(self) -> Vec<u8> {
        self.data
    }
}

impl Coding for BlockDecoder<'_> {
    async fn start(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        start_block(predictor, self.place, self.streams).await
    }

    async fn segment(&mut self, predictor: &mut Predictor) -> Result<(), EngineError> {
        let stride = stride(predictor);
        let Predictor { config, engine, mixing, .. } = predictor;
        let (streams, start) = (self.streams, self.step);
        let steps = stride.min(streams.len - start);
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
                // A device predicts this group again while the host decodes the other.
                if let Some(engine) = engine.as_mut().filter(|_| step + 1 < steps) {
                    engine.begin_step(step + 1, group, &self.previous[members.clone()]);
                }
            }
        }
        if let Some(engine) = engine {
            let rate = learning_rate(config, self.place.done + self.place.raw(streams.done(start)));
            let replay = replay::draw(config, &streams, &self.data, (start / stride) as u64, start + steps);
            engine.train(&targets, rate, replay.as_ref()).await?;
        }
        self.step = start + steps;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.step >= self.streams.len
    }

    fn progress(&self) -> (u64, u64) {
        (self.place.raw(self.streams.done(self.step)), 0)
    }

    fn visit(&mut self, predictor: &Predictor, visitor: &mut dyn Visitor) {
        visit_step(&mut self.step, self.streams, stride(predictor), visitor);
        self.coder.visit(visitor);
        visitor.u8s(&mut self.data);
        visitor.u8s(&mut self.previous);
    }
}

/// Codes a whole block: the predictors go on from their learnt state, with fresh streams.
///
/// `done` is the number of bytes of the frame before this block.
pub async fn encode_block(
    predictor: &mut Predictor,
    data: &[u8],
    done: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    encode_placed(predictor, data, Place::plain(data.len(), done), progress).await
}

/// The same for symbols that stand for something else.
pub(super) async fn encode_placed(
    predictor: &mut Predictor,
    symbols: &[u8],
    place: Place,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    let mut block = BlockEncoder::new(predictor, symbols, place);
    block.start(predictor).await?;
    while !block.is_coded() {
        block.segment(predictor).await?;
        let (raw, coded) = block.progress();
        progress(raw, coded);
    }
    Ok(block.finish())
}

/// Decodes a whole block of `len` bytes: the inverse of [`encode_block`].
pub async fn decode_block(
    predictor: &mut Predictor,
    code: &[u8],
    len: usize,
    done: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    let mut block = BlockDecoder::new(predictor, code, Place::plain(len, done));
    block.start(predictor).await?;
    while !block.is_done() {
        block.segment(predictor).await?;
        progress(block.progress().0, code.len() as u64);
    }
    Ok(block.finish())
}
