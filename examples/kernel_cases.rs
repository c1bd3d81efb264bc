//! Writes test cases of every kernel, of both families, for another implementation of
//! WebGPU: `cases.json`, with the contents of buffers in `cases.bin`. Needs a Vulkan
//! adapter, because the choice of kernels depends on an open device.
//!
//!     cargo run --example kernel_cases FOLDER
//!     node scripts/dawn.mjs FOLDER

use std::sync::Arc;
use std::{env, fs, path::Path};

use lockstep::internals::engine::gpu::adapter::OpenDevice;
use lockstep::internals::engine::gpu::kernels::ALL;
use lockstep::internals::engine::gpu::self_test::{Operands, PARAMS_BYTES, cases};
use lockstep::internals::model::ModelConfig;
use lockstep::internals::model::levels::config_for;
use serde_json::{Value, json};

fn config(streams: u32, segment: u32, embedding: u32, units: u32, layers: u32) -> ModelConfig {
    ModelConfig { streams, segment, embedding, units, layers, ..config_for(3, 1000) }
}

/// Appends bytes; returns their offset and length.
fn put(blob: &mut Vec<u8>, bytes: &[u8]) -> Value {
    blob.extend_from_slice(bytes);
    json!([blob.len() - bytes.len(), bytes.len()])
}

fn main() {
    let folder = env::args().nth(1).expect("a folder");
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    let adapter = adapters.first().expect("a Vulkan device, which may be software");
    let (mut blob, mut written) = (Vec::new(), Vec::new());
    for software in [true, false] {
        let mut open = pollster::block_on(OpenDevice::open(adapter)).expect("the device opens");
        open.software = software;
        let open = Arc::new(open);
        let constants: Value =
            open.constants().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        for config in [config(1, 1, 16, 16, 1), config(9, 8, 16, 48, 2), config(2, 2, 16, 272, 1)] {
            for operands in [Operands::Random, Operands::Extreme] {
                for case in cases(&open, &config, operands, 3).expect("the device has room") {
                    let dispatches: Vec<_> =
                        case.dispatches.iter().map(|d| json!([d.kernel.index(), d.params, d.workgroups])).collect();
                    let before: Vec<_> =
                        case.before.iter().map(|words| put(&mut blob, bytemuck::cast_slice(words))).collect();
                    let after: Vec<_> = case
                        .after
                        .iter()
                        .map(|(buffer, words)| json!([*buffer as usize, put(&mut blob, bytemuck::cast_slice(words))]))
                        .collect();
                    written.push(json!({
                        "constants": constants,
                        "model": put(&mut blob, &case.model),
                        "params": put(&mut blob, &case.params),
                        "dispatches": dispatches,
                        "before": before,
                        "after": after,
                    }));
                }
            }
        }
    }
    let kernels: Vec<_> = ALL
        .iter()
        .map(|kernel| {
            let bindings: Vec<_> =
                kernel.bindings.iter().map(|bound| json!([bound.buffer as usize, bound.written])).collect();
            json!({ "name": kernel.name, "wgsl": kernel.wgsl(), "bindings": bindings })
        })
        .collect();
    let all = json!({ "kernels": kernels, "paramsBytes": PARAMS_BYTES, "cases": written });
    fs::create_dir_all(&folder).expect("the folder can be made");
    fs::write(Path::new(&folder).join("cases.json"), all.to_string()).expect("cases.json can be written");
    fs::write(Path::new(&folder).join("cases.bin"), blob).expect("cases.bin can be written");
    println!("{} cases", written.len());
}
