//! Setters for the hyper-parameters of the model, all of which are written into the archive.

use super::Options;
use crate::model::config::RATE_FRACTION;
use crate::model::{Method, MixingKind};

/// Returns a number from 0.0 to 1.0 with `fraction` fraction bits; any other number becomes one
/// that is out of every range, to be refused when a job starts.
fn fixed_point(number: f64, fraction: u32) -> u32 {
    let one = f64::from(1u32 << fraction);
    if (0.0..=1.0).contains(&number) { (number * one).round() as u32 } else { u32::MAX }
}

/// Hyper-parameters, in place of the level's. Values outside their ranges are refused with
/// [`Error::Config`](crate::Error::Config) when a job starts.
impl Options {
    /// Turns the network on or off. Without it no device is used.
    #[must_use]
    pub fn network(mut self, on: bool) -> Self {
        self.overrides.network = Some(on);
        self
    }

    /// Sets the kind of context mixing; `None` turns it off.
    #[must_use]
    pub fn mixing(mut self, kind: Option<MixingKind>) -> Self {
        self.overrides.mixing = Some(kind);
        self
    }

    /// Sets log2 of the bytes of the mixing stage's hash table, 10..=32.
    #[must_use]
    pub fn mixing_table_bits(mut self, bits: u32) -> Self {
        self.overrides.mixing_table_bits = Some(bits);
        self
    }

    /// Sets the number of LSTM layers, 1..=8.
    #[must_use]
    pub fn layers(mut self, layers: u32) -> Self {
        self.overrides.layers = Some(layers);
        self
    }

    /// Sets the LSTM cells of a layer, a multiple of 16 up to 4096.
    #[must_use]
    pub fn units(mut self, units: u32) -> Self {
        self.overrides.units = Some(units);
        self
    }

    /// Sets the width of a symbol's embedding, a multiple of 16 up to 1024.
    #[must_use]
    pub fn embedding(mut self, width: u32) -> Self {
        self.overrides.embedding = Some(width);
        self
    }

    /// Sets the number of parts of a block that are coded side by side (batch size), 1..=4096.
    /// Where it is large, the level's segment gets shorter, so that no sum overflows.
    #[must_use]
    pub fn streams(mut self, streams: u32) -> Self {
        self.overrides.streams = Some(streams);
        self
    }

    /// Sets the bytes of a panel, 1..=2^30: the part of a block that is cut into streams whose bytes are
    /// predicted, and then learned, all at once, so that threads can share the work. It needs mixing. `None` has
    /// streams take turns. Default: 32 KiB, at least 1 KiB a stream, where there are 2 to 2048
    /// [streams](Self::streams) and mixing.
    #[must_use]
    pub fn panel(mut self, bytes: impl Into<Option<u32>>) -> Self {
        self.overrides.panel = Some(bytes.into());
        self
    }

    /// Sets the steps between two updates of the weights (truncated back-propagation), 1..=1024.
    #[must_use]
    pub fn segment(mut self, steps: u32) -> Self {
        self.overrides.segment = Some(steps);
        self
    }

    /// Sets the windows of coded bytes that are learned from again after each segment, 0 (none) to
    /// 4096, and the bytes of a window, 1..=1024.
    #[must_use]
    pub fn replay(mut self, windows: impl Into<Option<u32>>, steps: impl Into<Option<u32>>) -> Self {
        self.overrides.replay_streams = windows.into().or(self.overrides.replay_streams);
        self.overrides.replay_steps = steps.into().or(self.overrides.replay_steps);
        self
    }

    /// Sets the share of the hidden states that a replay window drops, 0.0 to 0.5; it is rounded to
    /// 256ths.
    #[must_use]
    pub fn dropout(mut self, share: f64) -> Self {
        self.overrides.dropout = Some(fixed_point(share, 8));
        self
    }

    /// Sets the learning rate at the start and at the end of a frame, 0.0 to 1.0 each; rounded to
    /// 2^-28.
    #[must_use]
    pub fn learning_rate(mut self, start: impl Into<Option<f64>>, end: impl Into<Option<f64>>) -> Self {
        let rate = |rate: f64| fixed_point(rate, RATE_FRACTION);
        self.overrides.rate_start = start.into().map(rate).or(self.overrides.rate_start);
        self.overrides.rate_end = end.into().map(rate).or(self.overrides.rate_end);
        self
    }

    /// Sets the seed of the initial weights.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.overrides.seed = Some(seed);
        self
    }

    /// Sets the fraction bits of an error, 8..=14.
    #[must_use]
    pub fn error_bits(mut self, bits: u32) -> Self {
        self.overrides.error_fraction = Some(bits);
        self
    }

    /// Sets all hyper-parameters at once, in place of a level's.
    #[must_use]
    pub fn method(self, method: Method) -> Self {
        Options { method: Some(method), ..self }
    }
}
