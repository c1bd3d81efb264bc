//! Hyper-parameters set by hand.

use clap::{Args, ValueEnum};
use lockstep::{MixingKind, Options};

use super::sizes::parse_size;

/// A part that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// The kinds of mixing, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mixing {
    Off,
    Light,
    Full,
    Rich,
}

/// Changes to a level's model; all of them are written into the archive.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model (in place of the level's values)")]
pub struct ModelOptions {
    /// Use the network: on or off (without it, no device is used)
    #[arg(long, value_name = "SWITCH", hide_possible_values = true)]
    network: Option<Switch>,
    /// Kind of context mixing: off, light, full or rich
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    mixing: Option<Mixing>,
    /// log2 of the bytes of the mixing stage's table, 10 to 32
    #[arg(long, value_name = "N")]
    mixing_memory: Option<u32>,
    /// LSTM layers
    #[arg(long, value_name = "N")]
    layers: Option<u32>,
    /// LSTM cells of a layer, a multiple of 16
    #[arg(long, value_name = "N")]
    units: Option<u32>,
    /// Width of a symbol's embedding, a multiple of 16
    #[arg(long, value_name = "N")]
    embedding: Option<u32>,
    /// Parts of a block coded side by side
    #[arg(long, value_name = "N")]
    streams: Option<u32>,
    /// Bytes of a panel, which is cut into all streams so that threads share them; 0 to have streams take turns
    #[arg(long, value_name = "SIZE", value_parser = parse_panel)]
    panel: Option<u32>,
    /// Steps between updates of the weights
    #[arg(long, value_name = "N")]
    segment: Option<u32>,
    /// Windows of coded bytes to learn from again after each segment; 0 for none
    #[arg(long, value_name = "N")]
    replay_streams: Option<u32>,
    /// Bytes of such a window
    #[arg(long, value_name = "N")]
    replay_steps: Option<u32>,
    /// Share of the hidden states that a window drops, from 0 to 0.5
    #[arg(long, value_name = "SHARE", value_parser = parse_dropout)]
    dropout: Option<f64>,
    /// Learning rate at the start
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    lr_start: Option<f64>,
    /// Learning rate at the end
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    lr_end: Option<f64>,
    /// Seed of the initial weights
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Fraction bits of an error, 8 to 14
    #[arg(long, value_name = "N")]
    error_bits: Option<u32>,
}

impl ModelOptions {
    /// Adds these changes to a job's options.
    pub fn apply(&self, options: Options) -> Options {
        let set = |options, value: Option<u32>, setter: fn(Options, u32) -> Options| match value {
            Some(value) => setter(options, value),
            None => options,
        };
        let mut options = options.replay(self.replay_streams, self.replay_steps);
        options = options.learning_rate(self.lr_start, self.lr_end);
        if let Some(switch) = self.network {
            options = options.network(switch == Switch::On);
        }
        if let Some(mixing) = self.mixing {
            options = options.mixing(match mixing {
                Mixing::Off => None,
                Mixing::Light => Some(MixingKind::Light),
                Mixing::Full => Some(MixingKind::Full),
                Mixing::Rich => Some(MixingKind::Rich),
            });
        }
        if let Some(share) = self.dropout {
            options = options.dropout(share);
        }
        if let Some(seed) = self.seed {
            options = options.seed(seed);
        }
        options = set(options, self.mixing_memory, Options::mixing_table_bits);
        options = set(options, self.layers, Options::layers);
        options = set(options, self.units, Options::units);
        options = set(options, self.embedding, Options::embedding);
        options = set(options, self.streams, Options::streams);
        if let Some(panel) = self.panel {
            options = options.panel(Some(panel).filter(|&bytes| bytes > 0));
        }
        options = set(options, self.segment, Options::segment);
        set(options, self.error_bits, Options::error_bits)
    }
}

/// Parses the bytes of a panel, at most 2^30.
fn parse_panel(text: &str) -> Result<u32, String> {
    match u32::try_from(parse_size(text)?) {
        Ok(bytes) if bytes <= 1 << 30 => Ok(bytes),
        _ => Err("a panel has at most 1 GiB".into()),
    }
}

/// Parses a share from 0 to 0.5.
fn parse_dropout(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=0.5).contains(&share) => Ok(share),
        _ => Err("dropout is a number from 0 to 0.5, such as 0.125".into()),
    }
}

/// Parses a learning rate from 0 to 1.
fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("a learning rate is a number from 0 to 1, such as 0.005".into()),
    }
}
