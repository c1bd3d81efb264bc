//! The time of a decoder's step, part by part.

use std::time::Instant;

use super::{Spread, gpu};
use crate::coder::{Decoder, decode_symbol};
use crate::engine::{Device, Engine, EngineError};
use crate::model::ModelConfig;
use crate::model::init::initial_parameters;
use crate::numerics::generator::random_u64;
use crate::numerics::softmax::SYMBOLS;

/// Seconds of a step of all streams.
#[derive(Clone, Debug)]
pub struct StepTimes {
    /// Prediction by the engine, with all groups of streams in flight and no coding meanwhile.
    pub engine: Spread,
    /// Decoding one symbol a stream.
    pub coding: Spread,
    /// Upload, dispatches and read-back, each waited for, so their sum is larger than the step;
    /// nothing on the CPU engine.
    pub device: Option<[Spread; 3]>,
    /// Dispatches of a step; none on the CPU engine.
    pub dispatches_per_step: usize,
    /// Dispatches to learn from a segment.
    pub dispatches_per_segment: usize,
}

/// Measures the steps of `repeats` segments.
pub async fn measure(device: &Device, config: &ModelConfig, repeats: usize) -> Result<StepTimes, EngineError> {
    let mut engine = Engine::open(device, config, &initial_parameters(config)).await?;
    let (streams, groups) = (config.streams(), engine.groups());
    let code: Vec<u8> = (0..1 << 16).map(|i| random_u64(7, i) as u8).collect();
    let mut decoder = Decoder::new(&code);
    let (mut previous, mut weights) = (vec![0; streams], vec![0; streams * SYMBOLS]);
    let (mut model, mut coding, mut parts) = (Vec::new(), Vec::new(), [const { Vec::new() }; 3]);
    // The first segment warms up.
    for segment in 0..=repeats {
        for step in 0..config.segment() {
            let start = Instant::now();
            for (group, streams) in groups.iter().enumerate() {
                engine.begin_step(step, group, &previous[streams.clone()]);
            }
            for (group, streams) in groups.iter().enumerate() {
                let weights = &mut weights[streams.start * SYMBOLS..streams.end * SYMBOLS];
                engine.finish_step(step, group, weights).await?;
            }
            let predicted = Instant::now();
            for (symbol, weights) in previous.iter_mut().zip(weights.chunks_exact(SYMBOLS)) {
                *symbol = decode_symbol(&mut decoder, weights);
            }
            let coded = Instant::now();
            let device = gpu::time_step(&mut engine, step, &previous, &mut weights).await?;
            if segment > 0 {
                model.push((predicted - start).as_secs_f64());
                coding.push((coded - predicted).as_secs_f64());
                parts
                    .iter_mut()
                    .zip(device.into_iter().flatten())
                    .for_each(|(part, time)| part.push(time.as_secs_f64()));
            }
        }
    }
    let (dispatches_per_step, dispatches_per_segment) = gpu::dispatches(&mut engine);
    Ok(StepTimes {
        engine: Spread::of(model),
        coding: Spread::of(coding),
        device: (!parts[0].is_empty()).then(|| parts.map(Spread::of)),
        dispatches_per_step,
        dispatches_per_segment,
    })
}
