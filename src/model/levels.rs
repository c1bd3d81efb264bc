//! The compression levels: a table of hyper-parameters.

use std::ops::RangeInclusive;

use super::config::RATE_FRACTION;
use super::method::MOST_AT_ONCE;
use super::{Method, MixingConfig, MixingKind, ModelConfig};

/// All levels, from the fastest to the strongest.
pub const LEVELS: RangeInclusive<u32> = 1..=9;
/// The level that is used if the user chooses none.
pub const DEFAULT_LEVEL: u32 = 5;

/// A row of the table.
struct Level {
    /// The network; without one, only mixing predicts.
    network: Option<Network>,
    /// The kind of mixing stage, and log2 of the bytes of its largest hash table; small inputs
    /// get a smaller one.
    mixing: (MixingKind, u32),
}

/// The network of a level. Of a pair, the first value is for inputs shorter than
/// [`SMALL_INPUT`], the second for all others.
struct Network {
    /// LSTM layers.
    layers: u32,
    /// LSTM cells per layer.
    units: u32,
    /// Width of a symbol's embedding.
    embedding: [u32; 2],
    /// Steps between two weight updates.
    segment: [u32; 2],
    /// The number of windows learned again after each segment, and the steps per window.
    replay: (u32, [u32; 2]),
    /// Hidden states dropped in these windows, in 256ths.
    dropout: u32,
    /// Learning rates at the start and at the end, in 1/10,000.
    rates: (u32, u32),
}

use MixingKind::{Full, Light, Rich};

#[rustfmt::skip]
const TABLE: [Level; 9] = [
    Level { network: None, mixing: (Light, 24) },
    Level { network: None, mixing: (Full, 26) },
    Level { network: Some(Network { layers: 1, units:  64, embedding: [32, 16], segment: [24, 24], replay: (0, [ 1,  1]), dropout:  0, rates: (80, 30) }), mixing: (Full, 26) },
    Level { network: Some(Network { layers: 1, units: 128, embedding: [32, 16], segment: [24, 40], replay: (2, [36, 64]), dropout:  0, rates: (80, 30) }), mixing: (Full, 28) },
    Level { network: Some(Network { layers: 2, units: 128, embedding: [32, 16], segment: [32, 40], replay: (2, [64, 64]), dropout: 32, rates: (80, 30) }), mixing: (Rich, 28) },
    Level { network: Some(Network { layers: 2, units: 192, embedding: [32, 16], segment: [32, 40], replay: (2, [64, 80]), dropout: 32, rates: (70, 25) }), mixing: (Rich, 28) },
    Level { network: Some(Network { layers: 2, units: 256, embedding: [32, 32], segment: [32, 40], replay: (2, [64, 80]), dropout: 64, rates: (60, 20) }), mixing: (Rich, 28) },
    Level { network: Some(Network { layers: 2, units: 384, embedding: [32, 32], segment: [32, 40], replay: (2, [64, 80]), dropout: 64, rates: (50, 18) }), mixing: (Rich, 29) },
    Level { network: Some(Network { layers: 2, units: 512, embedding: [32, 32], segment: [32, 40], replay: (2, [64, 80]), dropout: 64, rates: (40, 15) }), mixing: (Rich, 29) },
];

/// Inputs shorter than this (bytes) do not gain from a network larger than that of
/// [`SMALL_LEVEL`], but they do from a wider embedding and shorter segments.
const SMALL_INPUT: u64 = 256 << 10;
/// The highest level whose network a small input uses.
const SMALL_LEVEL: u32 = 7;

/// Inputs of at least this many bytes are cut into streams.
const LARGE_INPUT: u64 = 8 << 20;
/// The least number of streams of a large input: fewer leave threads idle.
const FEWEST_STREAMS: u32 = 16;
/// The largest number of streams of a level.
const MOST_STREAMS: u32 = 64;

/// Returns the method of a level for an input of `input_len` bytes: network and mixing, and panels for a large input.
/// Levels outside 1..=9 are replaced by the nearest one.
pub fn method_for(level: u32, input_len: u64) -> Method {
    let row = row(level);
    let (kind, table_bits) = row.mixing;
    let mixing = MixingConfig { kind, table_bits: mixing_table_for(kind, input_len).min(table_bits) };
    let model = config_for(level, input_len);
    let panel = panel_for(model.streams);
    Method { model, network: row.network.is_some(), mixing: Some(mixing), panel }
}

/// Returns the bytes of a panel for a number of streams: 1 KiB a stream, but at least 32 KiB, because shorter streams
/// lose more at their starts than they gain by being near each other. A single stream needs none, and more streams
/// than can be predicted at once take turns.
pub fn panel_for(streams: u32) -> Option<u32> {
    (2..=MOST_AT_ONCE).contains(&streams).then(|| (streams << 10).max(32 << 10))
}

/// Returns the network's hyper-parameters for a level and an input of `input_len` bytes.
/// A level without a network has those of the lowest level with one. Levels outside 1..=9 are replaced by the nearest
/// one.
pub fn config_for(level: u32, input_len: u64) -> ModelConfig {
    let is_small = input_len < SMALL_INPUT;
    let size = usize::from(!is_small);
    let level = if is_small { level.min(SMALL_LEVEL) } else { level };
    let network = TABLE[row_index(level)..].iter().find_map(|row| row.network.as_ref());
    let Network { layers, units, embedding, segment, replay, dropout, rates } =
        network.expect("the last level has one");
    let rate = |value: u32| (((u64::from(value) << RATE_FRACTION) + 5_000) / 10_000) as u32;
    ModelConfig {
        streams: streams_for(input_len),
        segment: segment[size],
        embedding: embedding[size],
        units: *units,
        layers: *layers,
        error_fraction: 12,
        replay_streams: replay.0,
        replay_steps: replay.1[size],
        dropout: *dropout,
        rate_start: rate(rates.0),
        rate_end: rate(rates.1),
        schedule_length: input_len,
        seed: 1,
    }
}

fn row_index(level: u32) -> usize {
    (level.clamp(*LEVELS.start(), *LEVELS.end()) - 1) as usize
}

fn row(level: u32) -> &'static Level {
    &TABLE[row_index(level)]
}

/// Returns the number of streams that threads share in panels. In a large input they cost little: text of 10 MB takes
/// 1.1 to 1.3 % more by mixing alone.
fn streams_for(input_len: u64) -> u32 {
    if input_len < LARGE_INPUT { 1 } else { streams_in_turn(input_len).max(FEWEST_STREAMS) }
}

/// Returns the number of streams of a network where streams take turns: 1 below 8 MiB, then a power of two such that
/// each stream has at least 4 MiB. More streams mean fewer updates.
pub fn streams_in_turn(input_len: u64) -> u32 {
    (1 << input_len.max(1).ilog2().saturating_sub(22).min(31)).min(MOST_STREAMS)
}

/// Returns log2 of a hash table with 512 to 1024 bytes per byte of input, for the rich kind twice as
/// many: larger tables gain almost nothing.
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
    fn networks_grow_with_the_level() {
        let parameters: Vec<usize> =
            LEVELS.map(|level| super::super::Layout::new(&config_for(level, 1 << 20)).total).collect();
        assert!(parameters.is_sorted());
    }

    #[test]
    fn small_inputs_get_no_large_network() {
        let units = |level, len| config_for(level, len).units;
        assert_eq!([5, 7, 8, 9].map(|level| units(level, 200_000)), [128, 256, 256, 256]);
        assert_eq!([5, 7, 8, 9].map(|level| units(level, 300_000)), [128, 256, 384, 512]);
    }

    #[test]
    fn streams_grow_with_the_input() {
        let streams = |len| config_for(5, len).streams;
        let lengths = [0, 152_089, (1 << 23) - 1, 1 << 23, (1 << 27) - 1, 1 << 27, 1 << 28, 1 << 40];
        assert_eq!(lengths.map(streams), [1, 1, 1, 16, 16, 32, 64, 64]);
        assert_eq!(lengths.map(streams_in_turn), [1, 1, 1, 2, 16, 32, 64, 64]);
        assert_eq!(
            [1, 2, 16, 64, 2048, 2049].map(panel_for),
            [None, Some(32 << 10), Some(32 << 10), Some(64 << 10), Some(1 << 21), None]
        );
        for level in LEVELS {
            assert_eq!([(1 << 23) - 1, 1 << 23].map(|len| method_for(level, len).panel), [None, Some(32 << 10)]);
        }
    }
}
