//! The time that decoding an archive takes on this machine.

use std::time::Duration;

use lockstep::internals::bench::estimate::decode_rate;
use lockstep::internals::model::{Method, ModelConfig};
use lockstep::{BlockInfo, Frame};

/// The time that the measurement of a method may take.
const BUDGET: Duration = Duration::from_millis(300);

/// The time that the coded blocks of an archive take the CPU of this machine, one frame after the other.
pub struct Estimate {
    /// Seconds for the whole archive.
    pub seconds: f64,
    /// Raw bytes that were decoded a second.
    pub rate: f64,
}

impl Estimate {
    /// Measures how fast the methods of the frames decode, each for a fraction of a second. Returns
    /// nothing if a method is not known, can't be run, or takes more memory than `memory`.
    pub fn measure(frames: &[Frame], blocks: &[Vec<BlockInfo>], memory: u64) -> Option<Self> {
        let (mut rates, mut seconds, mut bytes) = (Vec::<(Method, f64)>::new(), 0.0, 0);
        for (frame, blocks) in frames.iter().zip(blocks) {
            let coded: u64 = blocks.iter().filter(|block| block.kind == "coded").map(|b| u64::from(b.raw_len)).sum();
            if coded == 0 {
                continue;
            }
            let method = work(frame.method()?);
            let known = rates.iter().find(|(other, _)| *other == method).map(|&(_, rate)| rate);
            let rate = match known {
                Some(rate) => rate,
                None if frame.memory()? > memory => return None,
                None => {
                    let rate = decode_rate(&method, BUDGET).ok()?;
                    rates.push((method, rate));
                    rate
                }
            };
            seconds += coded as f64 / rate;
            bytes += coded;
        }
        Some(Estimate { seconds, rate: if bytes > 0 { bytes as f64 / seconds } else { 0.0 } })
    }
}

/// Returns the method without what does not change its work.
fn work(method: &Method) -> Method {
    let model = ModelConfig { rate_start: 0, rate_end: 0, schedule_length: 0, seed: 0, ..method.model.clone() };
    Method { model, ..method.clone() }
}
