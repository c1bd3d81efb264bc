//! A configuration together with its layout.

use super::{Layout, ModelConfig};

/// Configuration and layout, as all kernels need them.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The hyper-parameters.
    pub config: ModelConfig,
    /// The layout of the parameters and of a record of activations.
    pub layout: Layout,
}

impl Shape {
    /// Returns the shape of a valid configuration.
    pub fn new(config: &ModelConfig) -> Self {
        Shape { config: config.clone(), layout: Layout::new(config) }
    }

    /// Returns the number of gates in all layers: four per cell.
    pub fn gates(&self) -> usize {
        4 * self.config.units() * self.config.layers()
    }

    /// Returns the number of cells in all layers.
    pub fn cells(&self) -> usize {
        self.config.units() * self.config.layers()
    }
}
