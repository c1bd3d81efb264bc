//! The levels: a published table of hyper-parameters.

use std::ops::RangeInclusive;

use super::config::RATE_FRACTION;
use super::{Method, MixingConfig, MixingKind, ModelConfig};

/// The levels there are.
pub const LEVELS: RangeInclusive<u32> = 1..=9;
/// The level where none is asked for.
pub const DEFAULT_LEVEL: u32 = 5;

/// A row of the table.
struct Level {
    layers: u32,
    units: u32,
    embedding: u32,
    segment: u32,
    /// Streams at most; small inputs get fewer.
    streams: u32,
    /// Learning rates in 1/10,000.
    rate_start: u32,
    rate_end: u32,
    /// The mixing stage's kind, and log2 of its table at most; small inputs get a smaller one.
    mixing: (MixingKind, u32),
}

use MixingKind::{Full, Light, Rich};

#[rustfmt::skip]
const TABLE: [Level; 9] = [
    Level { layers: 1, units:  32, embedding: 16, segment: 16, streams: 128, rate_start: 120, rate_end: 40, mixing: (Light, 24) },
    Level { layers: 1, units:  64, embedding: 32, segment: 16, streams: 128, rate_start: 100, rate_end: 40, mixing: (Light, 25) },
    Level { layers: 1, units:  96, embedding: 32, segment: 12, streams:  64, rate_start: 100, rate_end: 30, mixing: (Light, 26) },
    Level { layers: 1, units: 128, embedding: 32, segment: 10, streams:  64, rate_start:  80, rate_end: 30, mixing: (Full, 26) },
    Level { layers: 2, units: 128, embedding: 32, segment: 20, streams:  64, rate_start:  80, rate_end: 30, mixing: (Full, 28) },
    Level { layers: 2, units: 192, embedding: 32, segment: 10, streams:  64, rate_start:  70, rate_end: 25, mixing: (Full, 28) },
    Level { layers: 2, units: 256, embedding: 32, segment: 12, streams:  64, rate_start:  60, rate_end: 20, mixing: (Full, 28) },
    Level { layers: 2, units: 512, embedding: 64, segment: 16, streams:  32, rate_start:  40, rate_end: 15, mixing: (Rich, 29) },
    Level { layers: 3, units: 512, embedding: 64, segment: 16, streams:  32, rate_start:  40, rate_end: 10, mixing: (Rich, 29) },
];

/// The method of a level (1..=9; others count as the nearest) for an input of
/// `input_len` bytes: network and mixing.
pub fn method_for(level: u32, input_len: u64) -> Method {
    let row = &TABLE[(level.clamp(*LEVELS.start(), *LEVELS.end()) - 1) as usize];
    let (kind, table_bits) = row.mixing;
    let mixing = MixingConfig { kind, table_bits: mixing_table_for(kind, input_len).min(table_bits) };
    Method { model: config_for(level, input_len), network: true, mixing: Some(mixing) }
}

/// The model of a level (1..=9; others count as the nearest) for an input of
/// `input_len` bytes.
pub fn config_for(level: u32, input_len: u64) -> ModelConfig {
    let row = &TABLE[(level.clamp(*LEVELS.start(), *LEVELS.end()) - 1) as usize];
    let rate = |value: u32| (((u64::from(value) << RATE_FRACTION) + 5_000) / 10_000) as u32;
    ModelConfig {
        streams: streams_for(input_len).min(row.streams),
        segment: row.segment,
        embedding: row.embedding,
        units: row.units,
        layers: row.layers,
        weight_bits: 8,
        activation_bits: 8,
        error_fraction: 12,
        replay_streams: 0,
        replay_steps: 1,
        rate_start: rate(row.rate_start),
        rate_end: rate(row.rate_end),
        schedule_length: input_len,
        seed: 1,
    }
}

/// One up to 1 MiB, then one for every 512 KiB or more: every update sees all
/// of them, and contexts of all of them meet in one table, so few bytes want few.
fn streams_for(input_len: u64) -> u32 {
    1 << input_len.max(1).ilog2().saturating_sub(19).min(12)
}

/// Half a KiB or more a byte of input, for the rich kind twice that: larger tables gain next to nothing.
fn mixing_table_for(kind: MixingKind, input_len: u64) -> u32 {
    let rich = u32::from(kind == Rich);
    (input_len.max(1).ilog2() + 10 + rich).clamp(16, 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_valid_at_every_size() {
        for level in LEVELS {
            for shift in 0..64 {
                let config = config_for(level, 1 << shift);
                assert_eq!(config.validate(), Ok(()), "level {level}, 2^{shift} bytes");
                assert!(config.streams.is_power_of_two());
            }
        }
        assert_eq!(config_for(5, 0).validate(), Ok(()));
    }

    #[test]
    fn levels_grow() {
        let parameters: Vec<usize> =
            LEVELS.map(|level| super::super::Layout::new(&config_for(level, 1 << 20)).total).collect();
        assert!(parameters.is_sorted());
    }

    #[test]
    fn streams_grow_with_the_input() {
        let streams = |len| config_for(5, len).streams;
        assert_eq!([0, 2000, 3000, 5000, 152_089, 1 << 20, 1 << 40].map(streams), [1, 1, 1, 1, 1, 2, 64]);
    }
}
