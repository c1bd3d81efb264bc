//! Training: a prior is learned from samples.
//!
//! The network goes over the samples several times, and the pass that does best on held-out samples
//! is kept. Then the mixing stage, which counts, goes over them once. Training is as exact as
//! coding: the same samples give the same prior on every engine.

mod pass;
mod samples;

use crate::Error;
use crate::engine::{Device, Engine};
use crate::mixing::Mixing;
use crate::model::init::initial_parameters;
use crate::model::levels::method_for;
use crate::model::schedule::learning_rate;
use crate::model::{Method, MixingConfig, ModelConfig, Parameters};
use crate::numerics::generator::random_u64;
use crate::options::Options;
use crate::prior::Prior;
use pass::Trainer;
use samples::{Samples, pieces, total};

/// log2 of the most bytes of samples that the mixing stage keeps as history.
const LONGEST_PAST: u32 = 24;
/// log2 of the mixing table's bytes for each byte of samples: a prior's file stays small.
const TABLE_SHIFT: u32 = 4;
/// log2 of the bytes of samples for each stream.
const STREAM_SHIFT: u32 = 16;

/// How to train.
pub struct TrainSettings {
    /// Where the model runs.
    pub device: Device,
    /// The method to train; its learning rates are those of the first and the last pass.
    pub method: Method,
    /// Passes of the network over the samples, at least 1.
    pub passes: u32,
    /// The most bytes of memory that may be used.
    pub memory: u64,
}

/// An event of training.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrainingEvent {
    /// A part of a pass is done.
    Progress {
        /// Bytes of the pass that are done.
        done: u64,
        /// Bytes of the whole pass.
        of: u64,
    },
    /// The network has gone over the samples once more.
    Pass {
        /// The pass, from 1.
        number: u32,
        /// The network's loss on the held-out samples.
        loss: Loss,
    },
    /// The mixing stage has gone over the samples.
    Mixed {
        /// The pass whose network is kept.
        best: u32,
        /// The loss of both together on the held-out samples.
        loss: Loss,
    },
}

/// The loss on held-out samples, as bytes before and after compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Raw bytes.
    pub raw: u64,
    /// Bytes of code.
    pub coded: u64,
}

/// Returns the settings to train on samples with these options: a level's method, with a table and
/// a number of streams that fit the samples.
pub(crate) fn settings(samples: &[&[u8]], options: &Options) -> TrainSettings {
    let length = total(samples) as u64;
    // Streams take turns in training.
    let mut level = Method { panel: None, ..method_for(options.chosen_level().number(), length) };
    level.mixing = level.mixing.map(|mixing| {
        let table_bits = (length.max(1).ilog2() + TABLE_SHIFT).clamp(18, mixing.table_bits.max(18));
        MixingConfig { table_bits, ..mixing }
    });
    level.model.streams = (length >> STREAM_SHIFT).clamp(16, 64) as u32;
    level.model.rate_end /= 2; // several passes gain from a slow end
    TrainSettings {
        device: options.chosen_device().clone(),
        method: Method { panel: None, ..options.apply_overrides(level) },
        passes: options.training_passes(),
        memory: options.memory(),
    }
}

/// Trains a prior on samples.
pub async fn train(
    all: &[&[u8]],
    settings: &TrainSettings,
    observer: &mut dyn FnMut(TrainingEvent),
) -> Result<Prior, Error> {
    let TrainSettings { method, passes, .. } = settings;
    method.validate()?;
    if total(all) == 0 {
        return Err(Error::NoSamples);
    }
    let samples = Samples::divide(all);
    let raw = total(&samples.training) as u64;
    let past_bits = Method::past_bits(raw.min(1 << LONGEST_PAST) as u32);
    let needed = method.memory(1 << past_bits) + raw;
    if needed > settings.memory {
        return Err(Error::MemoryLimit { needed, limit: settings.memory });
    }
    let config = &method.model;
    let (mut training, held_out) =
        (pieces(&samples.training, config.streams()), pieces(&samples.held_out, config.streams()));
    let loss = |coded: usize| Loss { raw: total(&samples.held_out) as u64, coded: coded as u64 };

    let mut trainer = Trainer { config: config.clone(), engine: None, mixing: None };
    let mut best: Option<(usize, u32, Parameters)> = None;
    if method.network {
        trainer.engine = Some(Engine::open(&settings.device, config, &initial_parameters(config)).await?);
        let schedule = ModelConfig { schedule_length: raw * u64::from(*passes), ..config.clone() };
        for number in 1..=*passes {
            shuffle(&mut training, config.seed.wrapping_add(number.into()));
            let before = raw * u64::from(number - 1);
            let mut progress = |done| observer(TrainingEvent::Progress { done, of: raw });
            trainer.pass(&training, |done| learning_rate(&schedule, before + done), false, &mut progress).await?;
            let Some(engine) = &mut trainer.engine else { break };
            let learned = engine.parameters().await?;
            let coded = trainer.pass(&held_out, |_| 0, true, &mut |_| ()).await?;
            observer(TrainingEvent::Pass { number, loss: loss(coded) });
            if best.as_ref().is_none_or(|&(least, ..)| coded < least) {
                best = Some((coded, number, learned.clone()));
            }
            if let Some(engine) = &mut trainer.engine {
                engine.load(&learned).await?;
            }
        }
    }
    let (number, network) = best.map_or((0, None), |(_, number, learned)| (number, Some(learned)));
    if let (Some(engine), Some(learned)) = (&mut trainer.engine, &network) {
        engine.load(learned).await?;
    }
    if let Some(table) = method.mixing {
        trainer.mixing = Some(Mixing::new(&table, past_bits, config.streams()));
        let training = pieces(&samples.training, config.streams());
        let mut progress = |done| observer(TrainingEvent::Progress { done, of: raw });
        trainer.pass(&training, |_| 0, true, &mut progress).await?;
        let coded = trainer.pass(&held_out, |_| 0, true, &mut |_| ()).await?;
        observer(TrainingEvent::Mixed { best: number, loss: loss(coded) });
        // The mixing stage keeps what it learned from the held-out samples: there the network was no
        // better than it will be, so mixing has learned how far to trust it.
    }
    Ok(Prior::new(method.clone(), raw, network, trainer.mixing))
}

/// Shuffles pieces into an order that depends on the seed alone (Fisher and Yates 1938).
fn shuffle(pieces: &mut [&[u8]], seed: u64) {
    for i in (1..pieces.len()).rev() {
        let other = random_u64(seed, i as u64) % (i as u64 + 1);
        pieces.swap(i, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_take_turns_however_long_the_samples_are() {
        for (level, len, streams) in [(2, 1 << 20, 1), (2, 9 << 20, 1), (5, 1 << 20, 16), (5, 9 << 20, 64)] {
            let samples = vec![0; len];
            let method = settings(&[&samples], &Options::new().level(crate::Level::try_from(level).unwrap())).method;
            assert_eq!((method.model.streams, method.panel), (streams, None), "level {level}, {len} bytes");
        }
    }
}
