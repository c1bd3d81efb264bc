//! The predictors that code blocks: the network, context mixing, or both.

use std::ops::RangeInclusive;

use super::{ConfigError, ModelConfig};

/// The largest number of streams that are predicted at once, so that sums over the bits of a step fit 32 bits.
pub const MOST_AT_ONCE: u32 = 2048;
/// Bytes that a panel may have.
pub const PANELS: RangeInclusive<u32> = 1..=1 << 30;
/// Allowed values of [`MixingConfig::table_bits`].
pub const MIXING_TABLES: RangeInclusive<u32> = 10..=32;

/// The contexts, mixers and refinements of the mixing stage; the value is stored in archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MixingKind {
    /// 8 contexts, 3 + 1 mixers, 1 refinement: the fastest.
    Light = 1,
    /// 19 contexts, 8 + 2 mixers, 3 refinements.
    Full = 2,
    /// 29 contexts, 14 + 4 mixers, 4 refinements: the strongest.
    Rich = 3,
}

impl MixingKind {
    /// All kinds, from the fastest to the strongest.
    pub const ALL: [MixingKind; 3] = [MixingKind::Light, MixingKind::Full, MixingKind::Rich];

    /// Returns the name that options and lists use.
    pub fn name(self) -> &'static str {
        ["light", "full", "rich"][self as usize - 1]
    }
}

/// The mixing stage's hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixingConfig {
    /// The contexts and mixers.
    pub kind: MixingKind,
    /// log2 of the bytes of the hash table, 10..=32.
    pub table_bits: u32,
}

/// The predictors and their hyper-parameters; all of it is stored in archives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The network's hyper-parameters; the number of streams is used without a network, too.
    pub model: ModelConfig,
    /// True if the network predicts.
    pub network: bool,
    /// The mixing stage, if it is used.
    pub mixing: Option<MixingConfig>,
    /// The bytes of a panel, if blocks are coded step-synchronously: each panel is cut into streams, and all
    /// streams of a step are predicted before any of them is learned.
    pub panel: Option<u32>,
}

impl Method {
    /// Creates a method with the network but without mixing.
    pub fn network_alone(model: ModelConfig) -> Self {
        Method { model, network: true, mixing: None, panel: None }
    }

    /// Checks all ranges.
    ///
    /// # Errors
    /// Returns an error if a value is out of range or nothing predicts.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.model.validate()?;
        if let Some(bits) = self.mixing.map(|mixing| mixing.table_bits).filter(|bits| !MIXING_TABLES.contains(bits)) {
            let (least, most) = ((*MIXING_TABLES.start()).into(), (*MIXING_TABLES.end()).into());
            return Err(ConfigError::Range { name: "mixing memory (log2)", value: bits.into(), least, most });
        }
        if let Some(panel) = self.panel.filter(|panel| !PANELS.contains(panel)) {
            let (least, most) = ((*PANELS.start()).into(), (*PANELS.end()).into());
            return Err(ConfigError::Range { name: "panel", value: panel.into(), least, most });
        }
        let streams = u64::from(self.model.streams);
        if self.panel.is_some() && streams > MOST_AT_ONCE.into() {
            let most = MOST_AT_ONCE.into();
            return Err(ConfigError::Range { name: "the number of streams in panels", value: streams, least: 1, most });
        }
        if self.mixing.is_none() && self.panel.is_some() {
            return Err(ConfigError::PanelsWithoutMixing);
        }
        if self.mixing.is_none() && !self.network {
            return Err(ConfigError::Nothing);
        }
        Ok(())
    }

    /// Returns log2 of the mixing stage's history in bytes for blocks of at most `block_size`
    /// bytes: at least one block, at least 1 KiB.
    pub fn past_bits(block_size: u32) -> u32 {
        block_size.next_power_of_two().ilog2().max(10)
    }

    /// Returns the memory that the predictors need in bytes, within a few per cent.
    pub fn memory(&self, block_size: u32) -> u64 {
        let network = if self.network { self.model.memory() } else { 0 };
        let of_stream: u64 = if self.panel.is_some() { 40 << 10 } else { 8 << 10 };
        let streams = of_stream * u64::from(self.model.streams);
        let mixing = self.mixing.map_or(0, |mixing| {
            let mixers_and_maps = match mixing.kind {
                MixingKind::Light => 8 << 20,
                MixingKind::Full => 48 << 20,
                MixingKind::Rich => 176 << 20,
            };
            let image = 6 << 20;
            let history = 9 << Self::past_bits(block_size); // a byte and two positions of four bytes each
            (1 << mixing.table_bits) + history + mixers_and_maps + image + streams
        });
        network + mixing
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::small;
    use super::*;

    #[test]
    fn a_method_needs_a_predictor_and_a_table_size_in_range() {
        let method = |network, table_bits: Option<u32>| {
            let mixing = table_bits.map(|table_bits| MixingConfig { kind: MixingKind::Full, table_bits });
            Method { model: small(), network, mixing, panel: None }
        };
        for (network, mixing) in [(true, None), (true, Some(22)), (false, Some(10)), (false, Some(32))] {
            assert_eq!(method(network, mixing).validate(), Ok(()));
        }
        for (network, mixing) in [(false, None), (true, Some(9)), (false, Some(33)), (false, Some(255))] {
            assert!(method(network, mixing).validate().is_err());
        }
        for (panel, mixing, valid) in
            [(1, Some(22), true), (0, Some(22), false), (1 << 31, Some(22), false), (1, None, false)]
        {
            assert_eq!(Method { panel: Some(panel), ..method(true, mixing) }.validate().is_ok(), valid);
        }
        assert!(method(true, Some(30)).memory(1 << 20) > 1 << 30);
        assert!(method(false, Some(20)).memory(1 << 30) > 8 << 30);
        assert_eq!((Method::past_bits(1), Method::past_bits(1 << 30), Method::past_bits(1025)), (10, 30, 11));
    }
}
