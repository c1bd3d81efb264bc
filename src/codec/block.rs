//! One block through predictors and coder, and back.

use super::predictor::Predictor;
use super::streams::Streams;
use crate::coder::{Decoder, Encoder, SumTree, decode_symbol, encode_symbol};
use crate::engine::{EngineError, INACTIVE};
use crate::mixing::Mixing;
use crate::model::schedule::learning_rate;
use crate::numerics::softmax::SYMBOLS;

/// How far a block has come: called after each segment with raw bytes done and
/// coded bytes so far.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Steps between two calls of [`Progress`] where no network makes segments.
const STRIDE: usize = 4096;

/// The probabilities that a network's weights for a symbol give the mixing stage.
fn network(weights: Option<&[u32]>) -> Option<impl Fn(usize) -> u32> {
    let tree = weights.map(SumTree::new)?;
    Some(move |node| tree.probability(node))
}

/// Codes a symbol by whatever predicts.
fn encode_one(encoder: &mut Encoder, mixing: Option<&mut Mixing>, weights: Option<&[u32]>, stream: usize, symbol: u8) {
    match (mixing, weights) {
        (Some(mixing), weights) => {
            let mut bits = (0..8).rev().map(|shift| symbol >> shift & 1 == 1);
            mixing.symbol(stream, network(weights), |p| {
                let bit = bits.next().unwrap_or(false);
                encoder.encode(bit, p);
                bit
            });
        }
        (None, Some(weights)) => encode_symbol(encoder, weights, symbol),
        (None, None) => {}
    }
}

/// The inverse of [`encode_one`].
fn decode_one(decoder: &mut Decoder<'_>, mixing: Option<&mut Mixing>, weights: Option<&[u32]>, stream: usize) -> u8 {
    match (mixing, weights) {
        (Some(mixing), weights) => mixing.symbol(stream, network(weights), |p| decoder.decode(p)),
        (None, Some(weights)) => decode_symbol(decoder, weights),
        (None, None) => 0,
    }
}

/// Codes a block; the predictors go on from their learnt state, with fresh streams.
///
/// `done` is the number of bytes of the frame before this block.
pub async fn encode_block(
    predictor: &mut Predictor,
    data: &[u8],
    done: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    let Predictor { config, engine, mixing, .. } = predictor;
    let streams = Streams::new(data.len(), config.streams());
    let mut encoder = Encoder::default();
    let (stride, network_len) = match engine {
        Some(_) => (config.segment(), config.segment() * config.streams() * SYMBOLS),
        None => (STRIDE, 0),
    };
    let mut weights = vec![0; network_len];
    if let Some(mixing) = mixing {
        mixing.start_block(data.len(), streams.starts());
    }
    if let Some(engine) = engine {
        engine.reset_streams().await?;
    }
    let steps = |start: usize| start..(start + stride).min(streams.len);
    let grid = |start| steps(start).flat_map(|step| (0..config.streams()).map(move |stream| (step, stream)));
    let previous = |start| grid(start).map(|(step, stream)| streams.previous(data, stream, step)).collect::<Vec<u8>>();
    if let Some(engine) = engine {
        engine.begin_segment(&previous(0));
    }
    for start in (0..streams.len).step_by(stride) {
        let end = steps(start).end;
        let targets: Vec<u16> = grid(start)
            .map(|(step, stream)| streams.position(stream, step).map_or(INACTIVE, |p| u16::from(data[p])))
            .collect();
        // The symbols are known: a GPU learns, and predicts the next segment, while this one is coded.
        if let Some(engine) = engine {
            engine.finish_segment(&mut weights[..targets.len() * SYMBOLS]).await?;
            engine.train(&targets, learning_rate(config, done + streams.done(start) as u64)).await?;
            if end < streams.len {
                engine.begin_segment(&previous(end));
            }
        }
        for (i, &target) in targets.iter().enumerate() {
            if let Ok(symbol) = u8::try_from(target) {
                let weights = weights.get(i * SYMBOLS..(i + 1) * SYMBOLS);
                encode_one(&mut encoder, mixing.as_mut(), weights, i % config.streams(), symbol);
            }
        }
        progress(streams.done(end) as u64, encoder.len() as u64);
    }
    Ok(encoder.finish())
}

/// Decodes a block of `len` bytes: the inverse of [`encode_block`].
///
/// Any `coded` gives some block; whether it is the right one is for the
/// checksum to tell.
pub async fn decode_block(
    predictor: &mut Predictor,
    coded: &[u8],
    len: usize,
    done: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    let Predictor { config, engine, mixing, .. } = predictor;
    let streams = Streams::new(len, config.streams());
    let mut decoder = Decoder::new(coded);
    let mut data = vec![0; len];
    let mut previous = vec![0; config.streams()];
    let (stride, network_len) = match engine {
        Some(_) => (config.segment(), config.streams() * SYMBOLS),
        None => (STRIDE, 0),
    };
    let mut weights = vec![0; network_len];
    if let Some(mixing) = mixing {
        mixing.start_block(len, streams.starts());
    }
    if let Some(engine) = engine {
        engine.reset_streams().await?;
    }
    for start in (0..streams.len).step_by(stride) {
        let steps = stride.min(streams.len - start);
        let mut targets = Vec::with_capacity(steps * config.streams());
        for step in 0..steps {
            if let Some(engine) = engine {
                engine.predict(step, &previous, &mut weights).await?;
            }
            for (stream, previous) in previous.iter_mut().enumerate() {
                let weights = weights.get(stream * SYMBOLS..(stream + 1) * SYMBOLS);
                let position = streams.position(stream, start + step);
                let symbol = position.map(|position| {
                    data[position] = decode_one(&mut decoder, mixing.as_mut(), weights, stream);
                    data[position]
                });
                *previous = symbol.unwrap_or(0);
                targets.push(symbol.map_or(INACTIVE, u16::from));
            }
        }
        if let Some(engine) = engine {
            let decoded = streams.done(start) as u64;
            engine.train(&targets, learning_rate(config, done + decoded)).await?;
        }
        progress(streams.done(start + steps) as u64, coded.len() as u64);
    }
    Ok(data)
}
