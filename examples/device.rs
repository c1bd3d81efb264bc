//! Opens a GPU of the program's own choice once, and compresses several inputs on it.
//!
//!     cargo run --release --example device

use lockstep::{Device, Gpu, Options, wgpu};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any adapter will do, as long as it computes what the CPU computes: opening it tests that.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let Some(adapter) = adapters.first() else {
        println!("no GPU was found, nor software Vulkan");
        return Ok(());
    };
    let gpu = Gpu::from_adapter(adapter)?;
    println!("on {}", gpu.name());

    let options = Options::new().level(3.try_into()?).streams(4).device(Device::Open(gpu));
    for text in ["to be or not to be, that is the question", "a rose is a rose is a rose is a rose"] {
        let archive = lockstep::compress_with(text.as_bytes(), &options)?;
        // The archive decodes on every other device too.
        let cpu = Options::new().device(Device::Cpu);
        assert_eq!(lockstep::decompress_with(&archive, &cpu)?, text.as_bytes());
        println!("{} bytes become {}", text.len(), archive.len());
    }
    Ok(())
}
