//! Devices by name: what is there, and which one is meant.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use super::EngineError;
use super::gpu::adapter::{OpenDevice, adapter_name};
use super::gpu::self_test::self_test;
use crate::model::{Layout, ModelConfig};

/// What the user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one and the model has work for it, else the CPU
    /// engine; never software Vulkan.
    #[default]
    Auto,
    /// The CPU engine.
    Cpu,
    /// The best adapter through wgpu, software Vulkan where nothing better is there.
    Gpu,
    /// An adapter by its index or a part of its name, as `lockstep devices` lists them.
    Named(String),
    /// A device that is open already, and taken as it is.
    Open(Arc<OpenDevice>),
}

/// Parameters times streams from which a GPU is asked for: a step takes an H100 60 to
/// 90 us however small it is, and a CPU of several cores less (docs/PERFORMANCE.md).
const WORTH_GPU: usize = 3 << 20;

impl DeviceChoice {
    /// What it is for a model: left to choose, the CPU engine for a small one.
    pub fn for_model(&self, model: &ModelConfig) -> DeviceChoice {
        match self {
            DeviceChoice::Auto if Layout::new(model).total.saturating_mul(model.streams()) < WORTH_GPU => {
                DeviceChoice::Cpu
            }
            choice => choice.clone(),
        }
    }
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
    let mut devices = Vec::new();
    for (index, adapter) in adapters(wgpu::Backends::all()).await.into_iter().enumerate() {
        let info = adapter.get_info();
        let limits = adapter.limits();
        let driver = format!("{} {}", info.driver, info.driver_info);
        devices.push(Device {
            index,
            name: info.name.clone(),
            backend: info.backend.to_string(),
            driver: driver.trim().to_owned(),
            kind: kind(info.device_type).to_owned(),
            max_buffer: limits.max_buffer_size,
            max_binding: limits.max_storage_buffer_binding_size,
            self_test: open_tested(&adapter).await.map(|_| ()).map_err(|e| e.to_string()),
        });
    }
    devices
}

/// Whether a choice means the CPU engine on this machine.
pub async fn means_cpu(choice: &DeviceChoice) -> bool {
    match choice {
        DeviceChoice::Cpu => true,
        DeviceChoice::Auto => !adapters(wgpu::Backends::PRIMARY).await.iter().any(|a| is_real_gpu(&a.get_info())),
        DeviceChoice::Gpu | DeviceChoice::Named(_) | DeviceChoice::Open(_) => false,
    }
}

/// What a choice comes to.
pub(super) enum Chosen {
    /// The CPU engine; if a GPU was there but can't be used, why.
    Cpu(Option<EngineError>),
    /// A device that passed its self-test.
    Gpu(Arc<OpenDevice>),
}

/// The device that `choice` means.
pub(super) async fn choose(choice: &DeviceChoice) -> Result<Chosen, EngineError> {
    let adapters = match choice {
        DeviceChoice::Cpu => return Ok(Chosen::Cpu(None)),
        DeviceChoice::Open(device) => return Ok(Chosen::Gpu(device.clone())),
        DeviceChoice::Named(_) => adapters(wgpu::Backends::all()).await,
        // GL only where nothing else is: it does the same more slowly.
        DeviceChoice::Auto | DeviceChoice::Gpu => match adapters(wgpu::Backends::PRIMARY).await {
            found if found.is_empty() => adapters(wgpu::Backends::SECONDARY).await,
            found => found,
        },
    };
    let best = |real_only: bool| {
        let rank = |adapter: &&wgpu::Adapter| rank(&adapter.get_info());
        adapters.iter().filter(|a| !real_only || is_real_gpu(&a.get_info())).max_by_key(rank)
    };
    let adapter = match choice {
        DeviceChoice::Cpu | DeviceChoice::Open(_) => None,
        // A GPU that can't be used must not stop a user who asked for nothing special.
        DeviceChoice::Auto => match best(true) {
            Some(adapter) => {
                return Ok(open_tested(adapter).await.map_or_else(|e| Chosen::Cpu(Some(e)), Chosen::Gpu));
            }
            None => return Ok(Chosen::Cpu(None)),
        },
        DeviceChoice::Gpu => best(false),
        DeviceChoice::Named(name) => match name.parse::<usize>() {
            Ok(index) => adapters.get(index),
            Err(_) => {
                let name = name.to_lowercase();
                adapters.iter().find(|a| adapter_name(&a.get_info()).to_lowercase().contains(&name))
            }
        },
    };
    match (adapter, choice) {
        (Some(adapter), _) => open_tested(adapter).await.map(Chosen::Gpu),
        (None, DeviceChoice::Named(name)) => {
            let names: Vec<_> = adapters.iter().map(|a| adapter_name(&a.get_info())).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join("; ") };
            Err(EngineError::NoDevice(format!("no device is called {name}; found: {found} (see lockstep devices)")))
        }
        (None, _) => Err(EngineError::NoDevice("no GPU was found, nor software Vulkan; use --device cpu".into())),
    }
}

async fn adapters(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends &= backends;
    wgpu::Instance::new(descriptor).enumerate_adapters(backends).await
}

async fn open_tested(adapter: &wgpu::Adapter) -> Result<Arc<OpenDevice>, EngineError> {
    let open = Arc::new(OpenDevice::open(adapter).await?);
    self_test(&open).await?;
    Ok(open)
}

fn is_real_gpu(info: &wgpu::AdapterInfo) -> bool {
    matches!(
        info.device_type,
        wgpu::DeviceType::DiscreteGpu | wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::VirtualGpu
    )
}

/// Higher is better: discrete before integrated before software, GL last of its kind.
fn rank(info: &wgpu::AdapterInfo) -> (u32, bool) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 4,
        wgpu::DeviceType::IntegratedGpu => 3,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 1,
        wgpu::DeviceType::Cpu => 0,
    };
    (kind, info.backend != wgpu::Backend::Gl)
}

fn kind(device_type: wgpu::DeviceType) -> &'static str {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::levels::config_for;

    #[test]
    fn only_models_with_work_for_a_gpu_are_left_to_it() {
        let choice =
            |level, streams| DeviceChoice::Auto.for_model(&ModelConfig { streams, ..config_for(level, 1 << 20) });
        assert_eq!(
            [(3, 8), (5, 4), (7, 1), (8, 1)].map(|(level, streams)| choice(level, streams)),
            [const { DeviceChoice::Cpu }; 4]
        );
        assert_eq!(
            [(7, 4), (9, 1), (5, 16), (3, 512)].map(|(level, streams)| choice(level, streams)),
            [const { DeviceChoice::Auto }; 4]
        );
        let small = config_for(3, 0);
        assert_eq!(DeviceChoice::Gpu.for_model(&small), DeviceChoice::Gpu);
        assert_eq!(DeviceChoice::Named("0".into()).for_model(&small), DeviceChoice::Named("0".into()));
    }
}
