//! Hyper-parameters set by hand.

use clap::{Args, ValueEnum};
use lockstep::internals::model::config::RATE_FRACTION;
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};

/// Whether a part is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Which mixing stage is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mixing {
    Off,
    Light,
    Full,
    Rich,
}

/// What to change of a level's model; all of it is written into the archive.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model (in place of what the level says)")]
pub struct ModelOptions {
    /// Whether the network predicts: on or off (then no device is used)
    #[arg(long, value_name = "SWITCH", hide_possible_values = true)]
    network: Option<Switch>,
    /// Which context mixing predicts: off, light, full or rich
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    mixing: Option<Mixing>,
    /// log2 of the bytes of the mixing stage's table, 10 to 32
    #[arg(long, value_name = "N")]
    mixing_memory: Option<u32>,
    /// LSTM layers
    #[arg(long, value_name = "N")]
    layers: Option<u32>,
    /// LSTM cells a layer, a multiple of 16
    #[arg(long, value_name = "N")]
    units: Option<u32>,
    /// Width of a symbol's embedding, a multiple of 16
    #[arg(long, value_name = "N")]
    embedding: Option<u32>,
    /// Parts of a block coded side by side
    #[arg(long, value_name = "N")]
    streams: Option<u32>,
    /// Steps between updates of the weights
    #[arg(long, value_name = "N")]
    segment: Option<u32>,
    /// Windows of coded bytes to learn again after each segment; 0 is none
    #[arg(long, value_name = "N")]
    replay_streams: Option<u32>,
    /// Bytes of such a window
    #[arg(long, value_name = "N")]
    replay_steps: Option<u32>,
    /// Share of the hidden states that a window does without, from 0 to 0.5
    #[arg(long, value_name = "SHARE", value_parser = parse_dropout)]
    dropout: Option<u32>,
    /// Learning rate at the start
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    lr_start: Option<u32>,
    /// Learning rate at the end
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    lr_end: Option<u32>,
    /// Seed of the initial weights
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Fraction bits of an error, 8 to 14
    #[arg(long, value_name = "N")]
    error_bits: Option<u32>,
}

impl ModelOptions {
    /// A level's method with these changes.
    pub fn apply(&self, level: Method) -> Method {
        let network = self.network.map_or(level.network, |switch| switch == Switch::On);
        let kind = match self.mixing {
            None => level.mixing.map(|mixing| mixing.kind),
            Some(Mixing::Off) => None,
            Some(Mixing::Light) => Some(MixingKind::Light),
            Some(Mixing::Full) => Some(MixingKind::Full),
            Some(Mixing::Rich) => Some(MixingKind::Rich),
        };
        let table_bits = self.mixing_memory.or(level.mixing.map(|mixing| mixing.table_bits));
        let mixing = kind.zip(table_bits).map(|(kind, table_bits)| MixingConfig { kind, table_bits });
        let mut model = self.apply_to_model(level.model);
        if !network && self.streams.is_none() {
            model.streams = 1; // only the network gains from more
        }
        Method { model, network, mixing }
    }

    fn apply_to_model(&self, level: ModelConfig) -> ModelConfig {
        let streams = self.streams.unwrap_or(level.streams);
        let error_fraction = self.error_bits.unwrap_or(level.error_fraction);
        // A level's segment is as much shorter as many streams need. Other values are refused later.
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
            rate_start: self.lr_start.unwrap_or(level.rate_start),
            rate_end: self.lr_end.unwrap_or(level.rate_end),
            schedule_length: level.schedule_length,
            seed: self.seed.unwrap_or(level.seed),
        }
    }
}

/// A share from 0 to 0.5, in 256ths.
fn parse_dropout(text: &str) -> Result<u32, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=0.5).contains(&share) => Ok((share * 256.0).round() as u32),
        _ => Err("dropout is a number from 0 to 0.5, such as 0.125".into()),
    }
}

/// A learning rate from 0 to 1, in Q28.
fn parse_rate(text: &str) -> Result<u32, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok((rate * f64::from(1 << RATE_FRACTION)).round() as u32),
        _ => Err("a learning rate is a number from 0 to 1, such as 0.005".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep::internals::model::levels::method_for;

    #[test]
    fn many_streams_get_segments_that_fit() {
        let segment = |streams, error_bits| {
            let options = ModelOptions { streams, error_bits, ..Default::default() };
            let method = options.apply(method_for(5, 1 << 20));
            assert_eq!(method.validate(), Ok(()), "{streams:?} streams, {error_bits:?} bits");
            method.model.segment
        };
        let streams = [None, Some(64), Some(128), Some(4096)];
        assert_eq!(streams.map(|streams| segment(streams, None)), [40, 40, 32, 1]);
        assert_eq!(streams[..2].iter().map(|&streams| segment(streams, Some(13))).collect::<Vec<_>>(), [40, 32]);
        let asked = ModelOptions { streams: Some(128), segment: Some(40), ..Default::default() };
        assert!(asked.apply(method_for(5, 1 << 20)).validate().is_err());
    }
}
