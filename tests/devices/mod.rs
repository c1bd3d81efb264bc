//! What several tests share: the devices of this machine.

use std::sync::Arc;

use lockstep::internals::engine::gpu::adapter::OpenDevice;

/// All adapters. Fails where none is found and LOCKSTEP_REQUIRE_GPU is set;
/// else says that the test did not look at a device.
pub fn adapters() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    if adapters.is_empty() {
        assert!(std::env::var_os("LOCKSTEP_REQUIRE_GPU").is_none(), "a GPU is required, but there is none");
        eprintln!("SKIPPED: no GPU and no software Vulkan on this machine");
    }
    adapters
}

/// All adapters, opened.
#[allow(dead_code)]
pub fn devices() -> Vec<Arc<OpenDevice>> {
    adapters().iter().map(|adapter| Arc::new(open(adapter))).collect()
}

/// All adapters, opened and used as hardware is even where they are software.
#[allow(dead_code)]
pub fn hardware() -> Vec<Arc<OpenDevice>> {
    let mut devices: Vec<OpenDevice> = adapters().iter().map(open).collect();
    devices.iter_mut().for_each(|device| device.software = false);
    devices.into_iter().map(Arc::new).collect()
}

fn open(adapter: &wgpu::Adapter) -> OpenDevice {
    pollster::block_on(OpenDevice::open(adapter)).expect("adapter opens")
}
