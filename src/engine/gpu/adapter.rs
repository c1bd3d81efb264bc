//! A device with its compiled kernels.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::bindings;
use super::constants::WORKGROUP_BYTES;
use super::kernels::{ALL, Kernel};
use super::setup::begin_setup;
use crate::engine::EngineError;

/// An open device and the compiled kernels that all models on it share.
pub struct OpenDevice {
    /// "NAME (BACKEND, DRIVER)".
    pub name: String,
    /// True if the adapter is a software implementation.
    pub software: bool,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// True if it has the memory for the kernels that split sums.
    can_split: bool,
    /// In the order of [`ALL`].
    programs: Vec<Program>,
    /// The first error that no call reported.
    failure: Arc<Mutex<Option<String>>>,
    /// The time that it may take for a submission.
    pub timeout: Duration,
}

/// The time that a device may take for a submission: much longer than any segment takes.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A kernel on a device.
pub struct Program {
    /// The layout of its bind groups.
    pub layout: wgpu::BindGroupLayout,
    module: wgpu::ShaderModule,
    /// Compiled at first use; the self-test uses all kernels that run.
    pipeline: OnceLock<wgpu::ComputePipeline>,
}

impl PartialEq for OpenDevice {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for OpenDevice {}

impl std::fmt::Debug for OpenDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Returns an adapter's name, backend and driver in one line.
pub fn adapter_name(info: &wgpu::AdapterInfo) -> String {
    let driver = format!("{} {}", info.driver, info.driver_info);
    match driver.trim() {
        "" => format!("{} ({})", info.name, info.backend),
        driver => format!("{} ({}, {driver})", info.name, info.backend),
    }
}

impl OpenDevice {
    /// Opens an adapter with the limits that every WebGPU device has, except for the size of
    /// buffers and, if the adapter has enough for kernels that split sums, the memory of a
    /// workgroup.
    pub async fn open(adapter: &wgpu::Adapter) -> Result<Self, EngineError> {
        Self::open_with(adapter, Kernel::wgsl).await
    }

    /// Like [`OpenDevice::open`], but `source` gives the shaders' texts: tests open devices
    /// that compute something else.
    pub async fn open_with(adapter: &wgpu::Adapter, source: impl Fn(&Kernel) -> String) -> Result<Self, EngineError> {
        let info = adapter.get_info();
        let name = adapter_name(&info);
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let available = adapter.limits();
        // Not on GL, which compiles barriers in loops slowly; it serves only devices without another backend.
        let can_split =
            info.backend != wgpu::Backend::Gl && available.max_compute_workgroup_storage_size >= WORKGROUP_BYTES;
        let least = wgpu::Limits::downlevel_defaults();
        let workgroup_bytes = if can_split { WORKGROUP_BYTES } else { least.max_compute_workgroup_storage_size };
        let required_limits = wgpu::Limits {
            max_storage_buffers_per_shader_stage: 8,
            max_compute_workgroup_storage_size: workgroup_bytes,
            max_buffer_size: available.max_buffer_size,
            max_storage_buffer_binding_size: available.max_storage_buffer_binding_size,
            max_inter_stage_shader_variables: available.max_inter_stage_shader_variables,
            max_uniform_buffer_binding_size: 16 << 10,
            ..least
        };
        let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
        let setup = begin_setup();
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|e| cannot_open(&name, e))?;
        drop(setup);
        let failure = Arc::new(Mutex::new(None));
        let note = {
            let failure = failure.clone();
            move |reason: String| {
                failure.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(reason);
            }
        };
        device.on_uncaptured_error(Arc::new({
            let note = note.clone();
            move |error: wgpu::Error| note(error.to_string())
        }));
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(format!("device lost: {message}"));
            }
        });
        let program = |&kernel: &&Kernel| {
            let source = wgpu::ShaderSource::Wgsl(source(kernel).into());
            Program {
                layout: bindings::layout(&device, kernel),
                module: device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(kernel.name), source }),
                pipeline: OnceLock::new(),
            }
        };
        let programs = ALL.iter().map(program).collect();
        let open = OpenDevice { name, software, device, queue, can_split, programs, failure, timeout: TIMEOUT };
        open.check()?;
        Ok(open)
    }

    /// Returns the values of the kernels' override constants.
    pub fn constants(&self) -> [(&'static str, f64); 2] {
        let software = f64::from(u8::from(self.software));
        [
            // GPUs have an instruction for four products of limbs; software implementations use none.
            ("JOIN_LIMBS", software),
            // On processors loads take most of the time; a GPU needs many lanes.
            ("LARGE_TILES", software),
        ]
    }

    /// True if it runs the kernels that split a sum over the lanes of a workgroup. A software
    /// implementation does not: its barriers cost more than dispatches.
    pub fn splits(&self) -> bool {
        !self.software && self.can_split
    }

    /// True if it can run a kernel: the check of all kernels runs those of both families.
    pub fn can_run(&self, kernel: &Kernel) -> bool {
        self.splits() || kernel.is_used(false)
    }

    /// Returns a kernel.
    pub fn program(&self, kernel: &Kernel) -> &Program {
        &self.programs[kernel.index()]
    }

    /// Returns a kernel's pipeline.
    pub fn pipeline(&self, kernel: &Kernel) -> &wgpu::ComputePipeline {
        let program = self.program(kernel);
        program.pipeline.get_or_init(|| compile(&self.device, kernel, program, &self.constants()))
    }

    /// Reports an error that no call reported.
    pub fn check(&self) -> Result<(), EngineError> {
        match self.failure.lock().unwrap_or_else(|e| e.into_inner()).take() {
            None => Ok(()),
            Some(reason) => Err(self.lost(reason)),
        }
    }

    /// The error of a device that cannot hold a model's largest buffer; sizes in bytes.
    pub fn too_small(&self, needed: u64, available: u64) -> EngineError {
        EngineError::TooSmall { device: self.name.clone(), needed, available }
    }

    /// The error of a device that computes a kernel differently from its reference.
    pub fn inexact(&self, kernel: &Kernel) -> EngineError {
        EngineError::Inexact { device: self.name.clone(), kernel: kernel.name }
    }

    /// The error of a device that stopped working.
    pub fn lost(&self, reason: impl ToString) -> EngineError {
        EngineError::Lost { device: self.name.clone(), reason: reason.to_string() }
    }
}

/// The error of an adapter that refuses the limits that every WebGPU device has.
fn cannot_open(name: &str, reason: impl std::fmt::Display) -> EngineError {
    EngineError::Open { device: name.to_owned(), reason: reason.to_string() }
}

fn compile(
    device: &wgpu::Device,
    kernel: &Kernel,
    program: &Program,
    constants: &[(&str, f64)],
) -> wgpu::ComputePipeline {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.name),
        bind_group_layouts: &[Some(&program.layout)],
        immediate_size: 0,
    });
    // A constant that a kernel's text does not declare is an error.
    let text = kernel.wgsl();
    let declared = |name: &str| text.contains(&format!("override {name}"));
    let constants: Vec<_> = constants.iter().copied().filter(|(name, _)| declared(name)).collect();
    let compilation_options = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name),
        layout: Some(&layout),
        module: &program.module,
        entry_point: Some(kernel.name),
        compilation_options,
        cache: None,
    })
}
