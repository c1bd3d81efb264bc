//! One pass over samples: as many pieces side by side as there are streams, each from a fresh start.

use crate::codec::Recorder;
use crate::codec::block::{encode_segment, has_idle_thread};
use crate::coder::Encoder;
use crate::engine::{Engine, EngineError, INACTIVE};
use crate::mixing::Mixing;
use crate::model::ModelConfig;
use crate::numerics::softmax::SYMBOLS;

/// Steps of a segment where there is no network to set them.
const STRIDE: usize = 4096;

/// The predictors in training.
pub struct Trainer {
    pub config: ModelConfig,
    pub engine: Option<Engine>,
    pub mixing: Option<Mixing>,
}

impl Trainer {
    /// Goes over the pieces once. The network learns at the `rate` (Q28) for the bytes done so far.
    /// If the pieces are to be `coded`, the mixing stage takes part, if there is one, and the bytes
    /// of code are returned.
    pub async fn pass(
        &mut self,
        pieces: &[&[u8]],
        rate: impl Fn(u64) -> u32,
        coded: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<usize, EngineError> {
        let Trainer { config, engine, mixing } = self;
        let count = config.streams();
        let stride = if engine.is_some() { config.segment() } else { STRIDE };
        let mut weights = vec![0; if engine.is_some() { stride * count * SYMBOLS } else { 0 }];
        let mut encoder = Encoder::default();
        let mut done = 0;
        for batch in pieces.chunks(count) {
            if let Some(mixing) = mixing.as_mut().filter(|_| coded) {
                let len = batch.iter().map(|piece| piece.len()).sum();
                let starts = batch.iter().scan(0, |end, piece| {
                    *end += piece.len();
                    Some(*end - piece.len())
                });
                mixing.start_block(len, starts, None);
            }
            if let Some(engine) = engine {
                engine.start_block().await?;
            }
            let steps = batch.iter().map(|piece| piece.len()).max().unwrap_or(0);
            let mut unrecorded = Recorder::default();
            for start in (0..steps).step_by(stride) {
                let segment = start..steps.min(start + stride);
                let symbol = |step: usize, stream: usize| batch.get(stream).and_then(|piece| piece.get(step)).copied();
                let grid = || segment.clone().flat_map(|step| (0..count).map(move |stream| (step, stream)));
                let targets: Vec<u16> =
                    grid().map(|(step, stream)| symbol(step, stream).map_or(INACTIVE, u16::from)).collect();
                if let Some(engine) = engine {
                    let before = |(step, stream): (usize, usize)| {
                        step.checked_sub(1).and_then(|step| symbol(step, stream)).unwrap_or(0)
                    };
                    let previous: Vec<u8> = grid().map(before).collect();
                    engine.begin_segment(&previous);
                    engine.finish_segment(&mut weights[..targets.len() * SYMBOLS]).await?;
                }
                if coded {
                    let helped = has_idle_thread(engine.as_ref());
                    encode_segment(&mut encoder, mixing.as_mut(), &weights, count, &targets, helped, &mut unrecorded);
                }
                if let Some(engine) = engine {
                    engine.train(&targets, rate(done), None).await?;
                }
                done += targets.iter().filter(|&&target| target != INACTIVE).count() as u64;
                progress(done);
            }
        }
        Ok(encoder.finish().len())
    }
}
