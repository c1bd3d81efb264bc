//! `lockstep devices`: lists what the model can run on.

use std::io::{self, Write};

use lockstep::DeviceInfo;
use serde_json::{Value, json};

use super::files::check_stdout;

/// Lists the CPU engine and every adapter.
pub fn devices(json: bool) -> anyhow::Result<()> {
    check_stdout()?;
    #[cfg(feature = "gpu")]
    let adapters = lockstep::devices();
    #[cfg(not(feature = "gpu"))]
    let adapters: Vec<DeviceInfo> = Vec::new();
    let threads = rayon::current_num_threads();
    let mut out = io::stdout().lock();
    if json {
        let cpu = json!({ "device": "cpu", "name": "CPU engine", "threads": threads, "self_test": "passed" });
        let all: Vec<Value> = std::iter::once(cpu).chain(adapters.iter().map(adapter_json)).collect();
        writeln!(out, "{:#}", Value::from(all))?;
        return Ok(());
    }
    writeln!(out, "cpu  CPU engine, {threads} threads; needs no driver")?;
    for adapter in &adapters {
        write_adapter(&mut out, adapter)?;
    }
    if !cfg!(feature = "gpu") {
        writeln!(out, "This build has no GPU engine.")?;
    } else if adapters.is_empty() {
        writeln!(out, "No GPU was found, nor software Vulkan.")?;
    }
    Ok(())
}

fn write_adapter(out: &mut impl Write, adapter: &DeviceInfo) -> io::Result<()> {
    let DeviceInfo { index, name, backend, driver, kind, max_buffer, max_binding, self_test, .. } = adapter;
    let mebibytes = |bytes: u64| bytes >> 20;
    writeln!(out, "{index:<3}  {name}")?;
    writeln!(out, "     {backend}, {kind}, driver {driver}")?;
    writeln!(out, "     buffers up to {} MiB, bindings up to {} MiB", mebibytes(*max_buffer), mebibytes(*max_binding))?;
    match self_test {
        Ok(()) => writeln!(out, "     self-test passed: computes what the CPU computes"),
        Err(reason) => writeln!(out, "     can't be used: {reason}"),
    }
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
