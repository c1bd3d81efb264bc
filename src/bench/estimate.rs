//! The speed of decoding, measured in a fraction of a second.

use std::time::{Duration, Instant};

use crate::codec::block::coders::join;
use crate::codec::{Predictor, decode_block};
use crate::engine::{Device, EngineError};
use crate::model::{Method, MixingConfig};
use crate::numerics::generator::random_u64;

/// log2 of the largest hash table to measure with: larger ones take long to set up, and are slower by
/// what the memory behind the processor's caches costs.
const MOST_TABLE: u32 = 24;

/// Returns the raw bytes that the CPU engine decodes a second with a method, by its current pool: it
/// decodes random code, of which any makes a block, until `time` has passed or 1 MiB is decoded, and at
/// least one segment of all streams.
pub fn decode_rate(method: &Method, time: Duration) -> Result<f64, EngineError> {
    let mixing = method.mixing.map(|mixing| MixingConfig { table_bits: mixing.table_bits.min(MOST_TABLE), ..mixing });
    let method = Method { mixing, ..method.clone() };
    let code: Vec<u8> = (0..1 << 20).map(|i| random_u64(3, i) as u8).collect();
    let streams = method.model.streams as usize;
    // In panels, each stream has a part of the code.
    let code = match method.panel {
        Some(_) => join(&code.chunks(code.len() / streams).map(<[u8]>::to_vec).collect::<Vec<_>>()[..streams]),
        None => code,
    };
    let mut predictor = pollster::block_on(Predictor::open(&Device::Cpu, &method, 1 << 20, None))?;
    let mut len = (method.model.streams * method.model.segment) as usize;
    let start = Instant::now();
    loop {
        let before = Instant::now();
        pollster::block_on(decode_block(&mut predictor, &code, len, 0))?;
        let taken = before.elapsed();
        // The next block would take twice as long.
        if start.elapsed() + 2 * taken > time || len >= 1 << 20 {
            return Ok(len as f64 / taken.as_secs_f64().max(1e-9));
        }
        len *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::levels::method_for;

    #[test]
    fn every_method_has_a_rate() {
        assert!(decode_rate(&method_for(1, 1 << 20), Duration::from_millis(20)).unwrap() > 0.0);
        assert!(decode_rate(&method_for(3, 1000), Duration::ZERO).unwrap() > 0.0);
        let mut panels = Method { panel: Some(1 << 16), ..method_for(1, 1 << 20) };
        panels.model.streams = 7;
        assert!(decode_rate(&panels, Duration::ZERO).unwrap() > 0.0);
    }
}
