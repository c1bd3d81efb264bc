//! A configuration with the layout that follows from it.

use super::{Layout, ModelConfig};

/// Configuration, layout and shapes that every kernel reads.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The hyper-parameters.
    pub config: ModelConfig,
    /// Offsets and widths.
    pub layout: Layout,
}

impl Shape {
    /// The shape of a validated configuration.
    pub fn new(config: &ModelConfig) -> Self {
        Shape { config: config.clone(), layout: Layout::new(config) }
    }

    /// Gate errors of one step of one stream: four a cell, all layers.
    pub fn gates(&self) -> usize {
        4 * self.config.units() * self.config.layers()
    }

    /// Cells of all layers.
    pub fn cells(&self) -> usize {
        self.config.units() * self.config.layers()
    }
}
