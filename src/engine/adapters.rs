//! The adapters of this machine, and the one that a choice means.

use std::sync::Arc;

use super::device::{Device, DeviceInfo, Gpu};
use super::error::EngineError;
use super::gpu::adapter::{OpenDevice, adapter_name};
use super::gpu::self_test::self_test;
use super::gpu::setup::begin_setup;

/// An adapter that was found, but is not tested yet.
pub struct FoundDevice {
    adapter: wgpu::Adapter,
    index: usize,
}

impl FoundDevice {
    /// Tests the adapter; describes it.
    pub async fn test(&self) -> DeviceInfo {
        let self_test = open_tested(&self.adapter).await.map(|_| ()).map_err(|e| e.to_string());
        DeviceInfo { self_test, ..self.describe() }
    }

    /// Describes the adapter as one that has passed its test.
    pub fn describe(&self) -> DeviceInfo {
        let info = self.adapter.get_info();
        let limits = self.adapter.limits();
        let driver = format!("{} {}", info.driver, info.driver_info);
        DeviceInfo {
            index: self.index,
            name: info.name.clone(),
            backend: info.backend.to_string(),
            driver: driver.trim().to_owned(),
            kind: kind(info.device_type).to_owned(),
            max_buffer: limits.max_buffer_size,
            max_binding: limits.max_storage_buffer_binding_size,
            self_test: Ok(()),
        }
    }
}

/// All adapters that wgpu finds, before their self-tests.
pub async fn found_devices() -> Vec<FoundDevice> {
    let found = adapters(wgpu::Backends::all()).await.into_iter().enumerate();
    found.map(|(index, adapter)| FoundDevice { adapter, index }).collect()
}

/// All adapters that wgpu finds, each after its self-test.
pub async fn devices() -> Vec<DeviceInfo> {
    let mut devices = Vec::new();
    for found in found_devices().await {
        devices.push(found.test().await);
    }
    devices
}

/// True if a choice means the CPU engine on this machine.
pub(crate) async fn means_cpu(choice: &Device) -> bool {
    match choice {
        Device::Cpu => true,
        Device::Auto => !adapters(wgpu::Backends::PRIMARY).await.iter().any(|a| is_real_gpu(&a.get_info())),
        Device::Gpu | Device::Named(_) | Device::Open(_) => false,
    }
}

/// The engine that a choice means on this machine.
pub(super) enum Chosen {
    /// The CPU engine; if a GPU was found but can't be used, the reason.
    Cpu(Option<EngineError>),
    /// A device that passed its self-test.
    Gpu(Arc<OpenDevice>),
}

/// The device that `choice` means.
pub(super) async fn choose(choice: &Device) -> Result<Chosen, EngineError> {
    let adapters = match choice {
        Device::Cpu => return Ok(Chosen::Cpu(None)),
        Device::Open(gpu) => return Ok(Chosen::Gpu(gpu.0.clone())),
        Device::Named(_) => adapters(wgpu::Backends::all()).await,
        // GL only where nothing else is: it does the same more slowly.
        Device::Auto | Device::Gpu => match adapters(wgpu::Backends::PRIMARY).await {
            found if found.is_empty() => adapters(wgpu::Backends::SECONDARY).await,
            found => found,
        },
    };
    let best = |real_only: bool| {
        let rank = |adapter: &&wgpu::Adapter| rank(&adapter.get_info());
        adapters.iter().filter(|a| !real_only || is_real_gpu(&a.get_info())).max_by_key(rank)
    };
    let adapter = match choice {
        Device::Cpu | Device::Open(_) => None,
        // A GPU that can't be used must not stop a user who asked for nothing special.
        Device::Auto => match best(true) {
            Some(adapter) => {
                return Ok(open_tested(adapter).await.map_or_else(|e| Chosen::Cpu(Some(e)), Chosen::Gpu));
            }
            None => return Ok(Chosen::Cpu(None)),
        },
        Device::Gpu => best(false),
        Device::Named(name) => match name.parse::<usize>() {
            Ok(index) => adapters.get(index),
            Err(_) => {
                let name = name.to_ascii_lowercase();
                adapters.iter().find(|a| adapter_name(&a.get_info()).to_ascii_lowercase().contains(&name))
            }
        },
    };
    let missing = || EngineError::NotFound {
        wanted: if let Device::Named(name) = choice { Some(name.clone()) } else { None },
        found: adapters.iter().map(|a| adapter_name(&a.get_info())).collect(),
    };
    open_tested(adapter.ok_or_else(missing)?).await.map(Chosen::Gpu)
}

/// Opens the device that a choice means, for jobs to share; the CPU engine is no device.
pub(crate) async fn open(choice: &Device) -> Result<Gpu, EngineError> {
    match choose(choice).await? {
        Chosen::Gpu(device) => Ok(Gpu(device)),
        Chosen::Cpu(Some(error)) => Err(error),
        Chosen::Cpu(None) => Err(EngineError::NotFound { wanted: None, found: Vec::new() }),
    }
}

async fn adapters(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let _setup = begin_setup();
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends &= backends;
    wgpu::Instance::new(descriptor).enumerate_adapters(backends).await
}

/// Opens an adapter and runs its self-test.
pub(crate) async fn open_tested(adapter: &wgpu::Adapter) -> Result<Arc<OpenDevice>, EngineError> {
    let open = Arc::new(OpenDevice::open(adapter).await?);
    self_test(&open).await?;
    Ok(open)
}

/// True for hardware. A browser tells only software from anything else.
fn is_real_gpu(info: &wgpu::AdapterInfo) -> bool {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu | wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::VirtualGpu => true,
        wgpu::DeviceType::Other => info.backend == wgpu::Backend::BrowserWebGpu,
        wgpu::DeviceType::Cpu => false,
    }
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
