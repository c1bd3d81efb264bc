//! `lockstep devices`: lists what the model can run on.

use std::io::{self, Write};

use lockstep::DeviceInfo;
use serde_json::{Value, json};

use super::files::check_stdout;
use super::progress::Spinner;

/// Lists the CPU engine and every adapter.
pub fn devices(json: bool) -> anyhow::Result<()> {
    check_stdout()?;
    if json { print_json() } else { print_lines() }
}

/// Prints each adapter when it is found, and the result of its test as soon as that has ended.
fn print_lines() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "cpu  CPU engine, {} threads; needs no driver", rayon::current_num_threads())?;
    let mut is_empty = true;
    for found in found_devices() {
        is_empty = false;
        write_adapter(&mut out, &found.describe())?;
        out.flush()?;
        match test(&found).self_test {
            Ok(()) => writeln!(out, "     self-test passed: computes what the CPU computes")?,
            Err(reason) => writeln!(out, "     can't be used: {reason}")?,
        }
    }
    if !cfg!(feature = "gpu") {
        writeln!(out, "This build has no GPU engine.")?;
    } else if is_empty {
        writeln!(out, "No GPU was found, nor software Vulkan.")?;
    }
    Ok(())
}

fn print_json() -> anyhow::Result<()> {
    let threads = rayon::current_num_threads();
    let cpu = json!({ "device": "cpu", "name": "CPU engine", "threads": threads, "self_test": "passed" });
    let adapters = found_devices().into_iter().map(|found| adapter_json(&test(&found)));
    let all: Vec<Value> = std::iter::once(cpu).chain(adapters).collect();
    Ok(writeln!(io::stdout(), "{:#}", Value::from(all))?)
}

#[cfg(feature = "gpu")]
use lockstep::internals::engine::FoundDevice;

/// An adapter, of which builds without the GPU engine find none.
#[cfg(not(feature = "gpu"))]
enum FoundDevice {}

#[cfg(not(feature = "gpu"))]
impl FoundDevice {
    fn describe(&self) -> DeviceInfo {
        match *self {}
    }
}

/// Searches for adapters.
fn found_devices() -> Vec<FoundDevice> {
    #[cfg(feature = "gpu")]
    return pollster::block_on(lockstep::internals::engine::found_devices());
    #[cfg(not(feature = "gpu"))]
    Vec::new()
}

/// Tests an adapter, and shows meanwhile that it does.
fn test(found: &FoundDevice) -> DeviceInfo {
    let DeviceInfo { index, name, backend, .. } = found.describe();
    let _spinner = Spinner::new(format!("testing device {index}, {name} ({backend})"));
    #[cfg(feature = "gpu")]
    return pollster::block_on(found.test());
    #[cfg(not(feature = "gpu"))]
    found.describe()
}

fn write_adapter(out: &mut impl Write, adapter: &DeviceInfo) -> io::Result<()> {
    let DeviceInfo { index, name, backend, driver, kind, max_buffer, max_binding, .. } = adapter;
    let mebibytes = |bytes: u64| bytes >> 20;
    writeln!(out, "{index:<3}  {name}")?;
    writeln!(out, "     {backend}, {kind}, driver {driver}")?;
    writeln!(out, "     buffers up to {} MiB, bindings up to {} MiB", mebibytes(*max_buffer), mebibytes(*max_binding))
}

fn adapter_json(adapter: &DeviceInfo) -> Value {
    json!({
        "device": adapter.index.to_string(),
        "name": adapter.name,
        "backend": adapter.backend,
        "driver": adapter.driver,
        "type": adapter.kind,
        "max_buffer_bytes": adapter.max_buffer,
        "max_binding_bytes": adapter.max_binding,
        "self_test": adapter.self_test.as_ref().map_or_else(String::as_str, |()| "passed"),
    })
}
