//! Hyper-parameters set by hand, in place of a level's.

use crate::model::levels::{panel_for, streams_in_turn};
use crate::model::{Method, MixingConfig, MixingKind, ModelConfig};

/// The hyper-parameters that are set by hand; the others are the level's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    pub network: Option<bool>,
    /// Some(None) turns mixing off.
    pub mixing: Option<Option<MixingKind>>,
    pub mixing_table_bits: Option<u32>,
    pub layers: Option<u32>,
    pub units: Option<u32>,
    pub embedding: Option<u32>,
    pub streams: Option<u32>,
    /// Some(None) turns panels off; None has them where there are several streams.
    pub panel: Option<Option<u32>>,
    pub segment: Option<u32>,
    pub replay_streams: Option<u32>,
    pub replay_steps: Option<u32>,
    /// In 256ths.
    pub dropout: Option<u32>,
    /// Q28.
    pub rate_start: Option<u32>,
    /// Q28.
    pub rate_end: Option<u32>,
    pub seed: Option<u64>,
    pub error_fraction: Option<u32>,
}

impl Overrides {
    /// Returns a level's method with these changes.
    pub fn apply(&self, level: Method) -> Method {
        let network = self.network.unwrap_or(level.network);
        let kind = self.mixing.unwrap_or(level.mixing.map(|mixing| mixing.kind));
        let table_bits = self.mixing_table_bits.or(level.mixing.map(|mixing| mixing.table_bits));
        let mixing = kind.zip(table_bits).map(|(kind, table_bits)| MixingConfig { kind, table_bits });
        let mut model = self.apply_to_model(level.model);
        let panel = self.panel.unwrap_or_else(|| match (self.streams, mixing) {
            (Some(streams), Some(_)) => panel_for(streams),
            (None, Some(_)) => level.panel,
            (_, None) => None,
        });
        if panel.is_none() && self.streams.is_none() {
            // Only the network gains from streams that take turns, and from fewer than panels have.
            model.streams = match (network, level.panel) {
                (false, _) => 1,
                (true, Some(_)) => streams_in_turn(model.schedule_length),
                (true, None) => model.streams,
            };
        }
        Method { model, network, mixing, panel }
    }

    fn apply_to_model(&self, level: ModelConfig) -> ModelConfig {
        let streams = self.streams.unwrap_or(level.streams);
        let error_fraction = self.error_fraction.unwrap_or(level.error_fraction);
        // Many streams shorten a level's segment, so that sums fit. Values that are out of range
        // are refused later.
        let most_samples = ModelConfig::most_samples(error_fraction.min(14));
        let longest = (most_samples / u64::from(streams.max(1))).max(1);
        ModelConfig {
            streams,
            segment: self.segment.unwrap_or(u64::from(level.segment).min(longest) as u32),
            embedding: self.embedding.unwrap_or(level.embedding),
            units: self.units.unwrap_or(level.units),
            layers: self.layers.unwrap_or(level.layers),
            error_fraction,
            replay_streams: self.replay_streams.unwrap_or(level.replay_streams),
            replay_steps: self.replay_steps.unwrap_or(level.replay_steps),
            dropout: self.dropout.unwrap_or(level.dropout),
            rate_start: self.rate_start.unwrap_or(level.rate_start),
            rate_end: self.rate_end.unwrap_or(level.rate_end),
            schedule_length: level.schedule_length,
            seed: self.seed.unwrap_or(level.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::levels::method_for;

    #[test]
    fn a_large_input_without_panels_has_few_streams() {
        let off = Overrides { panel: Some(None), ..Default::default() };
        let alone = Overrides { mixing: Some(None), ..Default::default() };
        for (overrides, level, len, streams) in
            [(&off, 5, 10 << 20, 2), (&off, 5, 1 << 20, 1), (&off, 2, 10 << 20, 1), (&alone, 5, 1 << 28, 64)]
        {
            let method = overrides.apply(method_for(level, len));
            assert_eq!((method.model.streams, method.panel), (streams, None), "level {level}, {len} bytes");
        }
        let as_it_is = Overrides::default().apply(method_for(2, 10 << 20));
        assert_eq!((as_it_is.model.streams, as_it_is.panel), (16, Some(32 << 10)));
    }

    #[test]
    fn many_streams_get_segments_that_fit() {
        let segment = |streams, error_fraction| {
            let overrides = Overrides { streams, error_fraction, ..Default::default() };
            let method = overrides.apply(method_for(5, 1 << 20));
            assert_eq!(method.validate(), Ok(()), "{streams:?} streams, {error_fraction:?} bits");
            method.model.segment
        };
        let streams = [None, Some(64), Some(128), Some(4096)];
        assert_eq!(streams.map(|streams| segment(streams, None)), [40, 40, 32, 1]);
        assert_eq!(streams[..2].iter().map(|&streams| segment(streams, Some(13))).collect::<Vec<_>>(), [40, 32]);
        let wanted = Overrides { streams: Some(128), segment: Some(40), ..Default::default() };
        assert!(wanted.apply(method_for(5, 1 << 20)).validate().is_err());
    }
}
