//! The choice of a device.

use std::convert::Infallible;
use std::str::FromStr;
#[cfg(feature = "gpu")]
use std::sync::Arc;

#[cfg(feature = "gpu")]
use super::gpu::adapter::OpenDevice;
use crate::model::{Layout, Method, ModelConfig};

/// Where the network runs. The choice never changes an archive's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// A real GPU if there is one and the model is large enough to gain by it, else the CPU
    /// engine; never software Vulkan.
    #[default]
    Auto,
    /// The CPU engine.
    Cpu,
    /// The best adapter through wgpu; software Vulkan where there is nothing better.
    Gpu,
    /// An adapter by its index in the list of devices or by a part of its name.
    Named(String),
    /// A GPU that is open already: see [`Gpu`].
    #[cfg(feature = "gpu")]
    Open(Gpu),
}

/// A GPU that was opened and passed its self-test: jobs that share it skip both.
///
/// Clones are the same device.
#[cfg(feature = "gpu")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu(pub(crate) Arc<OpenDevice>);

#[cfg(feature = "gpu")]
impl Gpu {
    /// Opens the device that `choice` means, and tests it.
    ///
    /// ```no_run
    /// use lockstep::{Device, Gpu, Options};
    ///
    /// let gpu = Gpu::open(&Device::Gpu)?;
    /// for data in [b"one", b"two"] {
    ///     let options = Options::new().device(Device::Open(gpu.clone()));
    ///     lockstep::compress_with(data, &options)?;
    /// }
    /// # Ok::<(), lockstep::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device) where there is no such device, or where it computes
    /// anything differently from the CPU.
    pub fn open(choice: &Device) -> Result<Self, crate::Error> {
        pollster::block_on(crate::asynchronous::open_gpu(choice))
    }

    /// Opens an adapter of the caller's choice, and tests it.
    ///
    /// # Errors
    ///
    /// As [`Gpu::open`].
    pub fn from_adapter(adapter: &wgpu::Adapter) -> Result<Self, crate::Error> {
        pollster::block_on(crate::asynchronous::open_adapter(adapter))
    }

    /// Takes an open device as it is, without a test: for tests of devices that compute something else.
    #[doc(hidden)]
    pub fn trusted(device: Arc<OpenDevice>) -> Self {
        Gpu(device)
    }

    /// The adapter's name, backend and driver.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// Parameters times streams from which a GPU is used by default: a step takes an H100 60 to
/// 90 us however small it is, and a CPU of several cores less (docs/PERFORMANCE.md). In a browser
/// the answer to a step takes 400 to 800 us, but the CPU is a single thread; its bound is reckoned
/// from these times, not measured on a GPU.
const WORTH_GPU: usize = if cfg!(target_family = "wasm") { 12 << 20 } else { 3 << 20 };

impl Device {
    /// True if a frame of this method runs on a GPU where there is one: it has a network, and by
    /// default one that is large enough to gain by it. Callers who share a [`Gpu`] need not open it
    /// otherwise.
    pub fn uses_gpu(&self, method: &Method) -> bool {
        method.network && self.for_model(&method.model) != Device::Cpu
    }

    /// The choice for a model: by default small models run on the CPU engine.
    pub(crate) fn for_model(&self, model: &ModelConfig) -> Device {
        match self {
            Device::Auto if Layout::new(model).total.saturating_mul(model.streams()) < WORTH_GPU => Device::Cpu,
            choice => choice.clone(),
        }
    }
}

impl FromStr for Device {
    type Err = Infallible;

    /// Parses `auto`, `cpu`, `gpu`, or an adapter's index or name.
    fn from_str(s: &str) -> Result<Self, Infallible> {
        Ok(match s {
            "auto" => Device::Auto,
            "cpu" => Device::Cpu,
            "gpu" => Device::Gpu,
            name => Device::Named(name.to_owned()),
        })
    }
}

/// An adapter, as the list of devices shows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Position in the list; [`Device::Named`] takes it as a name.
    pub index: usize,
    /// The adapter's own name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `webgpu`.
    pub backend: String,
    /// The driver and its version, as far as the backend reports them.
    pub driver: String,
    /// Discrete GPU, integrated GPU, virtual GPU, software or other.
    pub kind: String,
    /// Size of the largest buffer in bytes.
    pub max_buffer: u64,
    /// Size of the largest storage binding in bytes.
    pub max_binding: u64,
    /// `Ok` if every kernel computes what the CPU computes, else the reason.
    pub self_test: Result<(), String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::levels::config_for;

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "a browser's GPU is worth it from other models on")]
    fn only_large_models_run_on_a_gpu_by_default() {
        let choice = |level, streams| Device::Auto.for_model(&ModelConfig { streams, ..config_for(level, 1 << 20) });
        assert_eq!(
            [(3, 8), (5, 4), (7, 1), (8, 1)].map(|(level, streams)| choice(level, streams)),
            [const { Device::Cpu }; 4]
        );
        assert_eq!(
            [(7, 4), (9, 1), (5, 16), (3, 512)].map(|(level, streams)| choice(level, streams)),
            [const { Device::Auto }; 4]
        );
        let method = |level| crate::model::levels::method_for(level, 1 << 20);
        assert_eq!([2, 5, 9].map(|level| Device::Auto.uses_gpu(&method(level))), [false, false, true]);
        assert_eq!([2, 3].map(|level| Device::Gpu.uses_gpu(&method(level))), [false, true]);
        let small = config_for(3, 0);
        assert_eq!(Device::Gpu.for_model(&small), Device::Gpu);
        assert_eq!(Device::Named("0".into()).for_model(&small), Device::Named("0".into()));
    }
}
