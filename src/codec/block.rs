//! One block through model and coder, and back.

use super::streams::Streams;
use crate::coder::{Decoder, Encoder, decode_symbol, encode_symbol};
use crate::engine::{Engine, EngineError, INACTIVE};
use crate::model::schedule::learning_rate;
use crate::numerics::softmax::SYMBOLS;

/// How far a block has come: called after each segment with raw bytes done and
/// coded bytes so far.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Codes a block; the engine goes on from its learnt state, with fresh streams.
///
/// `done` is the number of bytes of the frame before this block.
pub async fn encode_block(
    engine: &mut Engine,
    data: &[u8],
    done: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    let config = engine.config().clone();
    let streams = Streams::new(data.len(), config.streams());
    let mut encoder = Encoder::default();
    let mut weights = vec![0; config.segment() * config.streams() * SYMBOLS];
    engine.reset_streams().await?;
    for start in (0..streams.len).step_by(config.segment()) {
        let steps = config.segment().min(streams.len - start);
        let grid = || (start..start + steps).flat_map(|step| (0..config.streams()).map(move |stream| (step, stream)));
        let previous: Vec<u8> = grid().map(|(step, stream)| streams.previous(data, stream, step)).collect();
        let targets: Vec<u16> = grid()
            .map(|(step, stream)| streams.position(stream, step).map_or(INACTIVE, |p| u16::from(data[p])))
            .collect();
        let weights = &mut weights[..targets.len() * SYMBOLS];
        engine.predict_segment(&previous, weights).await?;
        for (&target, weights) in targets.iter().zip(weights.chunks_exact(SYMBOLS)) {
            if let Ok(symbol) = u8::try_from(target) {
                encode_symbol(&mut encoder, weights, symbol);
            }
        }
        let coded = streams.done(start) as u64;
        engine.train(&targets, learning_rate(&config, done + coded)).await?;
        progress(streams.done(start + steps) as u64, encoder.len() as u64);
    }
    Ok(encoder.finish())
}

/// Decodes a block of `len` bytes: the inverse of [`encode_block`].
///
/// Any `coded` gives some block; whether it is the right one is for the
/// checksum to tell.
pub async fn decode_block(
    engine: &mut Engine,
    coded: &[u8],
    len: usize,
    done: u64,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, EngineError> {
    let config = engine.config().clone();
    let streams = Streams::new(len, config.streams());
    let mut decoder = Decoder::new(coded);
    let mut data = vec![0; len];
    let mut previous = vec![0; config.streams()];
    let mut weights = vec![0; config.streams() * SYMBOLS];
    engine.reset_streams().await?;
    for start in (0..streams.len).step_by(config.segment()) {
        let steps = config.segment().min(streams.len - start);
        let mut targets = Vec::with_capacity(steps * config.streams());
        for step in 0..steps {
            engine.predict(step, &previous, &mut weights).await?;
            for (stream, weights) in weights.chunks_exact(SYMBOLS).enumerate() {
                let position = streams.position(stream, start + step);
                let symbol = position.map(|_| decode_symbol(&mut decoder, weights));
                if let (Some(position), Some(symbol)) = (position, symbol) {
                    data[position] = symbol;
                }
                previous[stream] = symbol.unwrap_or(0);
                targets.push(symbol.map_or(INACTIVE, u16::from));
            }
        }
        let decoded = streams.done(start) as u64;
        engine.train(&targets, learning_rate(&config, done + decoded)).await?;
        progress(streams.done(start + steps) as u64, coded.len() as u64);
    }
    Ok(data)
}
