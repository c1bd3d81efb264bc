//! The devices of this machine, and tests that need one: where there is none they are
//! reported as ignored, or fail if LOCKSTEP_REQUIRE_GPU is set.

use std::env;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use libtest_mimic::{Arguments, Trial};
use lockstep::internals::engine::gpu::adapter::OpenDevice;

/// All adapters; fails if there is none.
#[allow(dead_code)]
pub fn adapters() -> Vec<wgpu::Adapter> {
    let adapters = found();
    assert!(!adapters.is_empty(), "this test needs a GPU or software Vulkan");
    adapters
}

fn found() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
}

/// All adapters, opened.
#[allow(dead_code)]
pub fn devices() -> Vec<Arc<OpenDevice>> {
    adapters().iter().map(|adapter| Arc::new(open(adapter))).collect()
}

/// All adapters, opened and used like hardware even if they are software implementations.
#[allow(dead_code)]
pub fn hardware() -> Vec<Arc<OpenDevice>> {
    let mut devices: Vec<OpenDevice> = adapters().iter().map(open).collect();
    devices.iter_mut().for_each(|device| device.software = false);
    devices.into_iter().map(Arc::new).collect()
}

fn open(adapter: &wgpu::Adapter) -> OpenDevice {
    pollster::block_on(OpenDevice::open(adapter)).expect("adapter opens")
}

/// Makes trials of test functions: `tests!(kind: first, second)`, where `kind` is
/// [`anywhere`] or [`on_devices`].
macro_rules! tests {
    ($kind:path: $($test:ident),* $(,)?) => { vec![$($kind(stringify!($test), $test)),*] };
}
pub(crate) use tests;

/// A test that runs on every machine.
#[allow(dead_code)]
pub fn anywhere(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// A test that needs a device.
pub fn on_devices(name: &str, test: fn()) -> Trial {
    static IGNORED: LazyLock<bool> =
        LazyLock::new(|| env::var_os("LOCKSTEP_REQUIRE_GPU").is_none() && found().is_empty());
    anywhere(name, test).with_ignored_flag(*IGNORED)
}

/// Runs the trials that the command line selects.
pub fn run(trials: impl IntoIterator<Item = Vec<Trial>>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}
