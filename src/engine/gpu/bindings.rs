//! How a kernel's buffers are bound: uniforms at bindings 0 and 1, storage buffers behind them.

use std::num::NonZeroU64;

use super::adapter::OpenDevice;
use super::buffers::Buffers;
use super::kernels::{ALL, Kernel};
use super::uniforms::{DispatchParams, ModelUniform};

/// The binding of a kernel's first storage buffer.
const FIRST_STORAGE: u32 = 2;

fn size_of_uniform<T>() -> Option<NonZeroU64> {
    NonZeroU64::new(size_of::<T>() as u64)
}

/// The layout of a kernel's bind groups.
pub fn layout(device: &wgpu::Device, kernel: &Kernel) -> wgpu::BindGroupLayout {
    let entry = |binding: u32, ty, has_dynamic_offset, min_binding_size| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size },
        count: None,
    };
    let mut entries = vec![
        entry(0, wgpu::BufferBindingType::Uniform, false, size_of_uniform::<ModelUniform>()),
        entry(1, wgpu::BufferBindingType::Uniform, true, size_of_uniform::<DispatchParams>()),
    ];
    entries.extend((FIRST_STORAGE..).zip(kernel.bindings).map(|(binding, bound)| {
        entry(binding, wgpu::BufferBindingType::Storage { read_only: !bound.written }, false, None)
    }));
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries })
}

/// The bind groups of all kernels on the buffers of one model.
pub struct Bindings {
    /// For each set of forward weights a bind group of each kernel, in the order of [`ALL`].
    sets: [Vec<wgpu::BindGroup>; 2],
}

impl Bindings {
    /// Binds the buffers of a model.
    pub fn new(open: &OpenDevice, buffers: &Buffers) -> Self {
        let bind = |set| ALL.iter().map(|kernel| bind_group(open, buffers, kernel, set)).collect();
        Bindings { sets: [0, 1].map(bind) }
    }

    /// The buffers of a kernel, with forward weights of set 0 or 1.
    pub fn get(&self, kernel: &Kernel, set: usize) -> &wgpu::BindGroup {
        &self.sets[set][kernel.index()]
    }
}

fn bind_group(open: &OpenDevice, buffers: &Buffers, kernel: &Kernel, set: usize) -> wgpu::BindGroup {
    let params = wgpu::BufferBinding { buffer: &buffers.params, offset: 0, size: size_of_uniform::<DispatchParams>() };
    let mut entries = vec![
        wgpu::BindGroupEntry { binding: 0, resource: buffers.model.as_entire_binding() },
        wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Buffer(params) },
    ];
    entries.extend((FIRST_STORAGE..).zip(kernel.bindings).map(|(binding, bound)| wgpu::BindGroupEntry {
        binding,
        resource: buffers.get(bound.buffer, set).as_entire_binding(),
    }));
    let layout = &open.program(kernel).layout;
    open.device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some(kernel.name), layout, entries: &entries })
}
