//! A device with its compiled kernels.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::kernels::{KERNELS, Kernel, KernelId, PORTABLE, WORKGROUP_BYTES};
use super::uniforms::{ModelUniform, Place};
use crate::engine::EngineError;

/// An open device and the pipelines that every model on it shares.
pub struct OpenDevice {
    /// "NAME (BACKEND, DRIVER)".
    pub name: String,
    /// Whether processors play the device.
    pub software: bool,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub layouts: Vec<wgpu::BindGroupLayout>,
    modules: Vec<wgpu::ShaderModule>,
    pipelines: Vec<OnceLock<wgpu::ComputePipeline>>,
    /// The first error that no call reported.
    failure: Arc<Mutex<Option<String>>>,
    /// How long it may take to answer.
    pub patience: Duration,
}

/// How long a device may take to answer: much longer than any segment does.
const PATIENCE: Duration = Duration::from_secs(600);

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

/// An adapter's name, backend and driver in one line.
pub fn adapter_name(info: &wgpu::AdapterInfo) -> String {
    let driver = format!("{} {}", info.driver, info.driver_info);
    match driver.trim() {
        "" => format!("{} ({})", info.name, info.backend),
        driver => format!("{} ({}, {driver})", info.name, info.backend),
    }
}

impl OpenDevice {
    /// Opens an adapter with the limits that every WebGPU device has, but for the
    /// size of buffers and, where there is enough for kernels that split sums, of
    /// a workgroup's memory.
    pub async fn open(adapter: &wgpu::Adapter) -> Result<Self, EngineError> {
        Self::open_with(adapter, |kernel| kernel.source.concat()).await
    }

    /// Opens an adapter with kernels' texts as `source` gives them: a test's
    /// way to a device that computes something else.
    pub async fn open_with(adapter: &wgpu::Adapter, source: impl Fn(&Kernel) -> String) -> Result<Self, EngineError> {
        let info = adapter.get_info();
        let name = adapter_name(&info);
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let available = adapter.limits();
        // GL is for devices that have nothing better, and slow to compile barriers in loops.
        let splits =
            info.backend != wgpu::Backend::Gl && available.max_compute_workgroup_storage_size >= WORKGROUP_BYTES;
        let least = wgpu::Limits::downlevel_defaults();
        let workgroup_bytes = if splits { WORKGROUP_BYTES } else { least.max_compute_workgroup_storage_size };
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
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|e| EngineError::Open { device: name.clone(), reason: e.to_string() })?;
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
        let kernels = if splits { &KERNELS[..] } else { &KERNELS[..PORTABLE] };
        let layouts: Vec<_> = kernels.iter().map(|kernel| bind_group_layout(&device, kernel)).collect();
        let module = |kernel: &Kernel| {
            let source = wgpu::ShaderSource::Wgsl(source(kernel).into());
            device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(kernel.name), source })
        };
        let modules = kernels.iter().map(module).collect();
        let open = OpenDevice {
            name,
            software,
            modules,
            pipelines: kernels.iter().map(|_| OnceLock::new()).collect(),
            device,
            queue,
            layouts,
            failure,
            patience: PATIENCE,
        };
        open.check()?;
        Ok(open)
    }

    /// What kernels' override constants are, where a kernel has them.
    pub fn constants(&self) -> [(&'static str, f64); 2] {
        let software = f64::from(u8::from(self.software));
        [
            // A GPU has an instruction for four products of limbs, drivers for processors use none.
            ("JOIN_LIMBS", software),
            // Loads are what processors take most of their time for; a GPU wants many lanes.
            ("LARGE_TILES", software),
        ]
    }

    /// Whether it runs the kernels that split a sum over a workgroup's lanes:
    /// software does without them, as it pays more for barriers than for dispatches.
    pub fn splits(&self) -> bool {
        !self.software && self.modules.len() > PORTABLE
    }

    /// A kernel, compiled when it is first asked for; the self-test asks for all that run.
    pub fn pipeline(&self, id: KernelId) -> &wgpu::ComputePipeline {
        let n = id as usize;
        let compile = || pipeline(&self.device, id.kernel(), &self.modules[n], &self.layouts[n], &self.constants());
        self.pipelines[n].get_or_init(compile)
    }

    /// Reports an error that no call reported.
    pub fn check(&self) -> Result<(), EngineError> {
        match self.failure.lock().unwrap_or_else(|e| e.into_inner()).take() {
            None => Ok(()),
            Some(reason) => Err(self.lost(reason)),
        }
    }

    /// An error of this device.
    pub fn lost(&self, reason: impl ToString) -> EngineError {
        EngineError::Lost { device: self.name.clone(), reason: reason.to_string() }
    }
}

fn bind_group_layout(device: &wgpu::Device, kernel: &Kernel) -> wgpu::BindGroupLayout {
    let entry = |binding: u32, ty, dynamic, size| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: dynamic, min_binding_size: size },
        count: None,
    };
    let size = |bytes: usize| std::num::NonZeroU64::new(bytes as u64);
    let mut entries = vec![
        entry(0, wgpu::BufferBindingType::Uniform, false, size(size_of::<ModelUniform>())),
        entry(1, wgpu::BufferBindingType::Uniform, true, size(size_of::<Place>())),
    ];
    for (i, &(_, written)) in kernel.bindings.iter().enumerate() {
        let ty = wgpu::BufferBindingType::Storage { read_only: !written };
        entries.push(entry(2 + i as u32, ty, false, None));
    }
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries })
}

fn pipeline(
    device: &wgpu::Device,
    kernel: &Kernel,
    module: &wgpu::ShaderModule,
    layout: &wgpu::BindGroupLayout,
    constants: &[(&str, f64)],
) -> wgpu::ComputePipeline {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.name),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    // A constant that a kernel's text does not have would be an error.
    let declared = |name: &str| kernel.source.iter().any(|text| text.contains(&format!("override {name}")));
    let constants: Vec<_> = constants.iter().copied().filter(|(name, _)| declared(name)).collect();
    let compilation_options = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name),
        layout: Some(&layout),
        module,
        entry_point: Some(kernel.name),
        compilation_options,
        cache: None,
    })
}
