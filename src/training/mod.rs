//! Training: what samples teach becomes a prior.
//!
//! The network goes over the samples several times, and keeps what did best on
//! samples held out. Then the mixing stage, which counts, goes over them once.
//! Everything is as exact as coding is: the same samples give the same prior on
//! every engine.

mod pass;
mod samples;

use crate::codec::CodecError;
use crate::engine::{DeviceChoice, Engine};
use crate::mixing::Mixing;
use crate::model::init::initial_parameters;
use crate::model::schedule::learning_rate;
use crate::model::{Method, ModelConfig, Parameters};
use crate::numerics::generator::random_u64;
use crate::prior::Prior;
use pass::Trainer;
use samples::{Samples, pieces, total};

/// log2 of the most bytes of samples that the mixing stage looks back on.
const LONGEST_PAST: u32 = 24;

/// How to train.
pub struct TrainSettings {
    /// Where to run the model.
    pub device: DeviceChoice,
    /// What to train. Its learning rates are those of the first and the last pass.
    pub method: Method,
    /// Passes of the network over the samples, at least 1.
    pub passes: u32,
    /// Most bytes of memory that may be used.
    pub memory: u64,
}

/// What there is to say while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum News {
    /// So many bytes of a pass are done.
    Progress { done: u64, of: u64 },
    /// The network has gone over the samples once more.
    Pass { number: u32, loss: Loss },
    /// The network is the one of this pass; the mixing stage has gone over the samples.
    Mixed { best: u32, loss: Loss },
}

/// What the held-out samples come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Raw bytes.
    pub raw: u64,
    /// Bytes of code.
    pub coded: u64,
}

/// Trains a prior on samples.
pub async fn train(all: &[Vec<u8>], settings: &TrainSettings, news: &mut dyn FnMut(News)) -> Result<Prior, CodecError> {
    let TrainSettings { method, passes, .. } = settings;
    method.validate()?;
    let samples = Samples::divide(all);
    let raw = total(&samples.training) as u64;
    let past_bits = Method::past_bits(raw.min(1 << LONGEST_PAST) as u32);
    let needed = method.memory(1 << past_bits) + raw;
    if needed > settings.memory {
        return Err(CodecError::MemoryLimit { needed, limit: settings.memory });
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
            let mut progress = |done| news(News::Progress { done, of: raw });
            trainer.pass(&training, |done| learning_rate(&schedule, before + done), false, &mut progress).await?;
            let Some(engine) = &mut trainer.engine else { break };
            let learnt = engine.parameters().await?;
            let coded = trainer.pass(&held_out, |_| 0, true, &mut |_| ()).await?;
            news(News::Pass { number, loss: loss(coded) });
            if best.as_ref().is_none_or(|&(least, ..)| coded < least) {
                best = Some((coded, number, learnt.clone()));
            }
            if let Some(engine) = &mut trainer.engine {
                engine.load(&learnt).await?;
            }
        }
    }
    let (number, network) = best.map_or((0, None), |(_, number, learnt)| (number, Some(learnt)));
    if let (Some(engine), Some(learnt)) = (&mut trainer.engine, &network) {
        engine.load(learnt).await?;
    }
    if let Some(table) = method.mixing {
        trainer.mixing = Some(Mixing::new(&table, past_bits, config.streams()));
        let training = pieces(&samples.training, config.streams());
        trainer.pass(&training, |_| 0, true, &mut |done| news(News::Progress { done, of: raw })).await?;
        let coded = trainer.pass(&held_out, |_| 0, true, &mut |_| ()).await?;
        news(News::Mixed { best: number, loss: loss(coded) });
        // What it has learnt from the held-out samples stays: there the network was no better
        // than it will be, and mixing has learnt how far to trust it.
    }
    Ok(Prior::new(method.clone(), raw, network, trainer.mixing))
}

/// Puts pieces into an order that depends on the seed alone (Fisher and Yates 1938).
fn shuffle(pieces: &mut [&[u8]], seed: u64) {
    for i in (1..pieces.len()).rev() {
        let other = random_u64(seed, i as u64) % (i as u64 + 1);
        pieces.swap(i, other as usize);
    }
}
