//! The model: hyper-parameters and levels, layout of the parameters, initial weights, learning rate.

pub mod config;
pub mod init;
pub mod layout;
pub mod levels;
pub mod method;
pub mod parameters;
mod raster;
pub mod schedule;
mod shape;

pub use config::{ConfigError, ModelConfig};
pub use layout::{Layout, Matrix};
pub use method::{Method, MixingConfig, MixingKind};
pub use parameters::{Parameters, limit_masters};
pub use raster::Raster;
pub use shape::Shape;
