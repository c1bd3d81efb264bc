//! Devices by name: what is there, and which one is meant.

use std::convert::Infallible;
use std::str::FromStr;

/// What the user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, else the CPU engine; never software Vulkan.
    #[default]
    Auto,
    /// The CPU engine.
    Cpu,
    /// The best adapter through wgpu, software Vulkan where nothing better is there.
    Gpu,
    /// An adapter by its index or a part of its name, as `lockstep devices` lists them.
    Named(String),
}

impl FromStr for DeviceChoice {
    type Err = Infallible;

    fn from_str(s: &str) -> Result<Self, Infallible> {
        Ok(match s {
            "auto" => DeviceChoice::Auto,
            "cpu" => DeviceChoice::Cpu,
            "gpu" => DeviceChoice::Gpu,
            name => DeviceChoice::Named(name.to_owned()),
        })
    }
}

/// An adapter as `lockstep devices` lists it.
#[derive(Clone, Debug)]
pub struct Device {
    /// Position in the list; can be given as a name.
    pub index: usize,
    /// The adapter's own name.
    pub name: String,
    /// Vulkan, Metal, Dx12 or Gl.
    pub backend: String,
    /// Driver and its version, as far as the backend tells.
    pub driver: String,
    /// Discrete GPU, integrated GPU, virtual GPU, CPU (software) or other.
    pub kind: String,
    /// Largest buffer, bytes.
    pub max_buffer: u64,
    /// Largest storage binding, bytes.
    pub max_binding: u64,
    /// Whether every kernel equals its CPU twin; the reason if not.
    pub self_test: Result<(), String>,
}

/// All adapters that wgpu finds, each after its self-test.
pub async fn devices() -> Vec<Device> {
    Vec::new()
}
