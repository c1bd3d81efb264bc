//! How blocks are coded: by the network, by context mixing, or by both.

use std::ops::RangeInclusive;

use super::{ConfigError, ModelConfig};

/// log2 of the bytes that the mixing stage's hash table may have.
pub const MIXING_TABLES: RangeInclusive<u32> = 10..=32;

/// How many parts the mixing stage has; the value is that of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MixingKind {
    /// Few contexts and one layer of mixers' worth of work: fastest.
    Light = 1,
    /// Orders, words, records and line.
    Full = 2,
    /// More of all: smallest.
    Rich = 3,
}

impl MixingKind {
    /// All kinds, from the fastest.
    pub const ALL: [MixingKind; 3] = [MixingKind::Light, MixingKind::Full, MixingKind::Rich];

    /// Its name in options and lists.
    pub fn name(self) -> &'static str {
        ["light", "full", "rich"][self as usize - 1]
    }
}

/// The mixing stage's hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixingConfig {
    /// Which contexts and mixers take part.
    pub kind: MixingKind,
    /// log2 of the bytes of its hash table, 10..=32.
    pub table_bits: u32,
}

/// Which parts predict; all of it is written into the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The network's hyper-parameters; the number of streams also counts without it.
    pub model: ModelConfig,
    /// Whether the network predicts.
    pub network: bool,
    /// The mixing stage, if it is used.
    pub mixing: Option<MixingConfig>,
}

impl Method {
    /// The network without mixing.
    pub fn network_alone(model: ModelConfig) -> Self {
        Method { model, network: true, mixing: None }
    }

    /// Checks all ranges, and that something predicts.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.model.validate()?;
        if let Some(bits) = self.mixing.map(|mixing| mixing.table_bits).filter(|bits| !MIXING_TABLES.contains(bits)) {
            let (least, most) = ((*MIXING_TABLES.start()).into(), (*MIXING_TABLES.end()).into());
            return Err(ConfigError::Range { name: "mixing memory (log2)", value: bits.into(), least, most });
        }
        if self.mixing.is_none() && !self.network {
            return Err(ConfigError::Nothing);
        }
        Ok(())
    }

    /// log2 of the bytes that the mixing stage looks back on, for blocks of at
    /// most `block_size` bytes: at least one block.
    pub fn past_bits(block_size: u32) -> u32 {
        block_size.next_power_of_two().ilog2().max(10)
    }

    /// Bytes of memory that the predictors need, within a few per cent.
    pub fn memory(&self, block_size: u32) -> u64 {
        let network = if self.network { self.model.memory() } else { 0 };
        let streams = 8192 * u64::from(self.model.streams);
        let mixing = self.mixing.map_or(0, |mixing| {
            let learnt = match mixing.kind {
                MixingKind::Light => 8 << 20,
                MixingKind::Full => 48 << 20,
                MixingKind::Rich => 176 << 20,
            };
            let image = 6 << 20;
            // the table; the past and where to find it; weights and maps; streams
            (1 << mixing.table_bits) + (9 << Self::past_bits(block_size)) + learnt + image + streams
        });
        network + mixing
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::small;
    use super::*;

    #[test]
    fn something_must_predict_within_bounds() {
        let method = |network, table_bits: Option<u32>| {
            let mixing = table_bits.map(|table_bits| MixingConfig { kind: MixingKind::Full, table_bits });
            Method { model: small(), network, mixing }
        };
        for (network, mixing) in [(true, None), (true, Some(22)), (false, Some(10)), (false, Some(32))] {
            assert_eq!(method(network, mixing).validate(), Ok(()));
        }
        for (network, mixing) in [(false, None), (true, Some(9)), (false, Some(33)), (false, Some(255))] {
            assert!(method(network, mixing).validate().is_err());
        }
        assert!(method(true, Some(30)).memory(1 << 20) > 1 << 30);
        assert!(method(false, Some(20)).memory(1 << 30) > 8 << 30);
        assert_eq!((Method::past_bits(1), Method::past_bits(1 << 30), Method::past_bits(1025)), (10, 30, 11));
    }
}
