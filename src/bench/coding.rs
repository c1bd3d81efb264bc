//! The speed of encoding and decoding whole blocks.

use std::cell::RefCell;
use std::time::Instant;

use super::cpu::ProductSpeed;
use super::{Spread, in_turns, rate};
use crate::codec::{Predictor, decode_block, encode_block};
use crate::engine::{Device, Engine, EngineError, EngineInfo};
use crate::model::init::initial_parameters;
use crate::model::{Method, ModelConfig};

/// The speed of a model on an engine.
#[derive(Clone, Debug)]
pub struct CodingSpeed {
    /// The engine that the model ran on.
    pub engine: EngineInfo,
    /// Raw bytes.
    pub raw: usize,
    /// Bytes of the code, without headers.
    pub coded: usize,
    /// Raw bytes encoded a second.
    pub encode: Spread,
    /// Raw bytes decoded a second.
    pub decode: Spread,
}

/// Encodes and decodes the `data` of each method, alternately.
pub async fn measure(
    device: &Device,
    jobs: &[(Method, &[u8])],
    repeats: usize,
) -> Result<Vec<CodingSpeed>, EngineError> {
    let mut speeds = Vec::new();
    for (method, data) in jobs {
        let mut predictor = Predictor::open(device, method, data.len() as u32, None).await?;
        let start = predictor.learned().await?;
        let code = encode_block(&mut predictor, data, 0).await?;
        let engine = predictor.info();
        let predictor = RefCell::new(predictor);
        let encode = || {
            let predictor = &mut *predictor.borrow_mut();
            pollster::block_on(predictor.forget_block(start.as_ref()))?;
            let start = Instant::now();
            pollster::block_on(encode_block(predictor, data, 0))?;
            Ok(start.elapsed())
        };
        let decode = || {
            let predictor = &mut *predictor.borrow_mut();
            pollster::block_on(predictor.forget_block(start.as_ref()))?;
            let start = Instant::now();
            let decoded = pollster::block_on(decode_block(predictor, &code, data.len(), 0))?;
            let time = start.elapsed();
            assert!(decoded == *data, "what was coded comes back");
            Ok(time)
        };
        let times = in_turns(repeats, &mut [Box::new(encode), Box::new(decode)])?;
        speeds.push(CodingSpeed {
            engine,
            raw: data.len(),
            coded: code.len(),
            encode: rate(data.len() as u64, &times[0]),
            decode: rate(data.len() as u64, &times[1]),
        });
    }
    Ok(speeds)
}

/// Returns the share of the encoding time on one thread of the CPU engine that the matrix products
/// take, those of replay included, as measured alone; `encode` is in bytes a second.
pub fn product_share(config: &ModelConfig, products: &[ProductSpeed], encode: f64) -> f64 {
    let work = |p: &ProductSpeed| match config.replay() {
        Some(replay) if p.replay => p.product.per_segment(&replay),
        _ => p.product.per_segment(config),
    };
    let alone = |p: &ProductSpeed| work(p) as f64 / p.one_thread.median;
    let per_byte = products.iter().map(alone).sum::<f64>() / f64::from(config.streams * config.segment);
    per_byte * encode
}

/// Measures encoding on one thread of the CPU engine, by that thread's own clock, in bytes a second.
pub fn encode_on_one_thread(method: &Method, data: &[u8], repeats: usize) -> Spread {
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread can be started");
    let mut encode = || {
        single.install(|| {
            let engine = method.network.then(|| Engine::cpu(&method.model, &initial_parameters(&method.model)));
            let mut predictor = Predictor::new(method, engine, data.len() as u32, None);
            Ok::<_, EngineError>(super::clock::thread(|| {
                pollster::block_on(encode_block(&mut predictor, data, 0)).expect("the CPU engine can't fail");
            }))
        })
    };
    let times = in_turns(repeats, &mut [Box::new(&mut encode)]).expect("the CPU engine can't fail");
    rate(data.len() as u64, &times[0])
}
