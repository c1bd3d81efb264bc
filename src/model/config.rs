//! The network's hyper-parameters.

use thiserror::Error;

use crate::numerics::fixed::{BYTE_LIMIT, STATE_ERROR_LIMIT};
use crate::numerics::softmax::SYMBOLS;

/// Fraction bits of learning rates (Q28).
pub const RATE_FRACTION: u32 = 28;
/// Largest width of a symbol's embedding.
pub const LARGEST_EMBEDDING: u32 = 1024;

/// The largest legal number of fraction bits of an error.
pub const MAX_ERROR_FRACTION: u32 = 14;

/// The network's hyper-parameters; all of them are stored in archives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// The number of parts of a block that are coded in parallel (batch size), 1..=4096.
    pub streams: u32,
    /// Steps between two weight updates (truncated back-propagation), 1..=1024.
    pub segment: u32,
    /// Width of a symbol's embedding, a multiple of 16, 16..=1024.
    pub embedding: u32,
    /// LSTM cells per layer, a multiple of 16, 16..=4096.
    pub units: u32,
    /// LSTM layers, 1..=8.
    pub layers: u32,
    /// Fraction bits of an error, 8..=14; its range is ±1.
    pub error_fraction: u32,
    /// The number of windows of coded bytes that are learned again after each segment
    /// (replay), 0 (none) to 4096.
    pub replay_streams: u32,
    /// Steps per window, 1..=1024.
    pub replay_steps: u32,
    /// Hidden states that are dropped in a window (dropout), in 256ths, 0 (none) to 128.
    pub dropout: u32,
    /// Learning rate at the start, Q28, at most 1.
    pub rate_start: u32,
    /// Learning rate at the end of the schedule, Q28, at most 1.
    pub rate_end: u32,
    /// Bytes over which the learning rate moves from start to end.
    pub schedule_length: u64,
    /// Seed of the initial weights.
    pub seed: u64,
}

/// The reason why hyper-parameters are invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A value is out of range.
    #[error("{name} is {value}, but must be from {least} to {most}")]
    Range {
        /// The hyper-parameter.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least value that it may have.
        least: u64,
        /// The largest value that it may have.
        most: u64,
    },
    /// A width is not a multiple of 16.
    #[error("{name} is {value}, but must be a multiple of 16 (try {nearest})")]
    Multiple {
        /// The hyper-parameter.
        name: &'static str,
        /// Its value.
        value: u32,
        /// The next multiple of 16.
        nearest: u32,
    },
    /// There is neither a network nor mixing.
    #[error("the network and mixing can't both be off")]
    Nothing,
    /// There are panels, but no mixing.
    #[error("panels need mixing")]
    PanelsWithoutMixing,
    /// The sum of a gradient could exceed 32 bits.
    #[error(
        "a gradient could overflow 32 bits with these parameters: \
         lower the streams, the segment, replay or the error fraction bits"
    )]
    Overflow,
}

impl ModelConfig {
    /// Checks every range, and that no sum of a gradient can exceed 32 bits; other sums never do.
    ///
    /// # Errors
    /// Returns the first violation.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let range = |name, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(ConfigError::Range { name, value, least, most }) }
        };
        let multiple = |name, value: u32| {
            if value.is_multiple_of(16) {
                Ok(())
            } else {
                Err(ConfigError::Multiple { name, value, nearest: value.next_multiple_of(16) })
            }
        };
        range("streams", self.streams.into(), 1, 4096)?;
        range("segment", self.segment.into(), 1, 1024)?;
        range("embedding", self.embedding.into(), 16, LARGEST_EMBEDDING.into())?;
        range("units", self.units.into(), 16, 4096)?;
        range("layers", self.layers.into(), 1, 8)?;
        range("error fraction bits", self.error_fraction.into(), 8, MAX_ERROR_FRACTION.into())?;
        range("replay streams", self.replay_streams.into(), 0, 4096)?;
        range("replay steps", self.replay_steps.into(), 1, 1024)?;
        range("dropout", self.dropout.into(), 0, 128)?;
        range("learning rate at the start (Q28)", self.rate_start.into(), 0, 1 << RATE_FRACTION)?;
        range("learning rate at the end (Q28)", self.rate_end.into(), 0, 1 << RATE_FRACTION)?;
        multiple("embedding", self.embedding)?;
        multiple("units", self.units)?;
        let samples = u64::from(self.streams) * u64::from(self.segment);
        let samples = samples.max(u64::from(self.replay_streams) * u64::from(self.replay_steps));
        if samples > Self::most_samples(self.error_fraction) { Err(ConfigError::Overflow) } else { Ok(()) }
    }

    /// Returns the largest number of samples (streams times steps) whose gradients always sum up within 32 bits.
    pub fn most_samples(error_fraction: u32) -> u64 {
        let weight_part = u64::from(BYTE_LIMIT.unsigned_abs()) << error_fraction;
        let embedding_part = u64::from(STATE_ERROR_LIMIT.unsigned_abs());
        ((1 << 31) - 1) / weight_part.max(embedding_part)
    }

    /// Returns the largest magnitude of a gate or output error.
    pub fn error_limit(&self) -> i32 {
        1 << self.error_fraction
    }

    /// Returns the configuration for replay, in which a window is a stream; `None` without replay.
    pub fn replay(&self) -> Option<ModelConfig> {
        let (streams, segment) = (self.replay_streams, self.replay_steps);
        (streams > 0).then(|| ModelConfig { streams, segment, replay_streams: 0, ..self.clone() })
    }

    /// Returns [`streams`](Self::streams) as an index.
    pub fn streams(&self) -> usize {
        self.streams as usize
    }

    /// Returns [`segment`](Self::segment) as an index.
    pub fn segment(&self) -> usize {
        self.segment as usize
    }

    /// Returns [`embedding`](Self::embedding) as an index.
    pub fn embedding(&self) -> usize {
        self.embedding as usize
    }

    /// Returns [`units`](Self::units) as an index.
    pub fn units(&self) -> usize {
        self.units as usize
    }

    /// Returns [`layers`](Self::layers) as an index.
    pub fn layers(&self) -> usize {
        self.layers as usize
    }

    /// Returns the memory that the CPU engine and the codec need in bytes, within a few per cent.
    pub fn memory(&self) -> u64 {
        let parameters = super::Layout::new(self).total as u64;
        let samples = u64::from(self.streams) * u64::from(self.segment + 1);
        let cells = u64::from(self.layers) * u64::from(self.units);
        let activations = u64::from(self.embedding) + cells;
        let windows = u64::from(self.replay_streams) * u64::from(self.replay_steps + 1);
        // Parameters: masters, moments, two packings twice, a snapshot. Records of two segments and of
        // replay. Errors of streams and of windows, with the windows' dropout. Values that threads exchange.
        parameters * (4 + 4 + 2 * (1 + 1) + 8)
            + (2 * samples + windows) * (activations * 2 + cells * (8 + 4 + 8 + 4) + SYMBOLS as u64 * 6)
            + u64::from(self.streams) * cells * 8
            + u64::from(self.replay_streams) * cells * 12
            + samples.max(windows) * cells * 9
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::numerics::fixed::{BIAS_LIMIT, MASTER_FRACTION, PREACTIVATION_FRACTION};
    use proptest::prelude::*;

    pub(crate) fn small() -> ModelConfig {
        ModelConfig {
            streams: 3,
            segment: 5,
            embedding: 16,
            units: 48,
            layers: 2,
            error_fraction: 12,
            replay_streams: 2,
            replay_steps: 7,
            dropout: 64,
            rate_start: 1 << 21,
            rate_end: 1 << 20,
            schedule_length: 1000,
            seed: 1,
        }
    }

    #[test]
    fn values_out_of_range_are_rejected() {
        assert_eq!(small().validate(), Ok(()));
        for spoil in [
            (|c| c.streams = 0) as fn(&mut ModelConfig),
            |c| c.segment = 1025,
            |c| c.units = 0,
            |c| c.units = 100,
            |c| c.embedding = 8,
            |c| c.layers = 9,
            |c| c.error_fraction = 15,
            |c| c.replay_steps = 0,
            |c| c.dropout = 129,
            |c| (c.replay_streams, c.replay_steps) = (4096, 2),
            |c| c.rate_start = u32::MAX,
            |c| (c.streams, c.segment) = (4096, 2),
        ] {
            let mut config = small();
            spoil(&mut config);
            assert!(config.validate().is_err(), "{config:?}");
        }
    }

    /// Configurations many of which are valid, and many of which have extreme values.
    fn any_config() -> impl Strategy<Value = ModelConfig> {
        let size = |most: u32| prop_oneof![1..=most, 1..=16u32, Just(most)];
        let replay = (0u32..=4096, size(1024));
        (size(4096), size(1024), size(64), size(256), 1u32..=8, 8u32..=14, replay).prop_map(
            |(streams, segment, embedding, units, layers, error_fraction, (replay_streams, replay_steps))| {
                let (embedding, units) = (16 * embedding, 16 * units);
                let rest = ModelConfig { error_fraction, replay_streams, replay_steps, ..small() };
                ModelConfig { streams, segment, embedding, units, layers, ..rest }
            },
        )
    }

    fn assert_sums_fit(config: &ModelConfig) {
        let room = 1i128 << 31;
        let byte = i128::from(BYTE_LIMIT);
        let inputs = crate::model::Layout::new(config).matrices.iter().map(|m| m.inputs).max().unwrap();
        let bias = i128::from(BIAS_LIMIT >> (MASTER_FRACTION - PREACTIVATION_FRACTION));
        assert!(inputs as i128 * byte * byte + bias < room / 2, "pre-activation: {config:?}");
        let samples = i128::from(config.streams) * i128::from(config.segment);
        let samples = samples.max(i128::from(config.replay_streams) * i128::from(config.replay_steps));
        assert!(samples * byte * i128::from(config.error_limit()) < room, "weight gradient: {config:?}");
        assert!(samples * i128::from(STATE_ERROR_LIMIT) < room, "embedding gradient: {config:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn sums_of_a_valid_model_stay_within_32_bits(config in any_config()) {
            if config.validate().is_ok() {
                assert_sums_fit(&config);
            }
        }
    }

    #[test]
    fn sums_of_the_largest_valid_models_stay_within_32_bits() {
        let largest = |config: &ModelConfig, most: u32, set: fn(&mut ModelConfig, u32)| {
            let with = |n| {
                let mut config = config.clone();
                set(&mut config, n);
                config
            };
            (1..=most).rev().map(with).find(|c| c.validate().is_ok()).expect("the least value is valid")
        };
        for error_fraction in 8..=14 {
            for (layers, segment) in [(1, 1), (2, 10), (8, 64)] {
                let config = ModelConfig { error_fraction, layers, segment, streams: 1, units: 16, ..small() };
                let config = largest(&config, 256, |c, n| c.units = 16 * n);
                assert_sums_fit(&largest(&config, 4096, |c, n| c.streams = n));
            }
        }
    }
}
