//! The WebGPU device of this worker.

use std::cell::RefCell;

use js_sys::{Reflect, global};
use lockstep::{Error, Gpu, asynchronous, wgpu};
use wasm_bindgen::JsValue;
use wgpu::PowerPreference;

thread_local! {
    /// The device that was opened last, by the name of its adapter: jobs share it, as its self-test
    /// takes seconds.
    static OPEN: RefCell<Option<(String, Gpu)>> = const { RefCell::new(None) };
}

/// Opens the adapter called `high-performance`, `low-power` or `auto`, and tests it; nothing if
/// there is no such adapter. `auto` means hardware only.
pub async fn open(name: &str) -> Result<Option<Gpu>, Error> {
    let open = OPEN.with_borrow(|open| open.as_ref().filter(|(opened, _)| opened == name).map(|(_, gpu)| gpu.clone()));
    if open.is_some() {
        return Ok(open);
    }
    let power_preference = match name {
        "auto" | "high-performance" => PowerPreference::HighPerformance,
        "low-power" => PowerPreference::LowPower,
        _ => return Ok(None),
    };
    if !has_webgpu() {
        return Ok(None);
    }
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let wanted = wgpu::RequestAdapterOptions { power_preference, ..Default::default() };
    let Ok(adapter) = instance.request_adapter(&wanted).await else { return Ok(None) };
    if name == "auto" && adapter.get_info().device_type == wgpu::DeviceType::Cpu {
        return Ok(None);
    }
    let gpu = asynchronous::open_adapter(&adapter).await?;
    OPEN.set(Some((name.to_owned(), gpu.clone())));
    Ok(Some(gpu))
}

/// Forgets the device, after it has failed: the next job opens it anew.
pub fn forget() {
    OPEN.set(None);
}

/// True in a browser with WebGPU. Without it wgpu has no instance.
fn has_webgpu() -> bool {
    let field = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let navigator = field(&global(), "navigator");
    navigator.is_object() && field(&navigator, "gpu").is_object()
}
