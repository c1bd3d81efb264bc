//! Every kernel on every device of this machine against its reference, by equality.

mod devices;

use std::process::ExitCode;
use std::sync::Arc;

use devices::tests;
use lockstep::internals::engine::EngineError;
use lockstep::internals::engine::gpu::adapter::OpenDevice;
use lockstep::internals::engine::gpu::kernels::{
    ALL, Family, Kernel, embed, forward_sums, layer_forward, lstm_forward, output_forward, output_layer,
};
use lockstep::internals::engine::gpu::self_test::{Operands, check_kernels, self_test};
use lockstep::internals::model::ModelConfig;

fn config(streams: u32, segment: u32, embedding: u32, units: u32, layers: u32) -> ModelConfig {
    ModelConfig {
        streams,
        segment,
        embedding,
        units,
        layers,
        error_fraction: 12,
        replay_streams: 0,
        replay_steps: 1,
        dropout: 0,
        rate_start: 1 << 21,
        rate_end: 1 << 20,
        schedule_length: 1000,
        seed: 1,
    }
}

fn check(configs: &[ModelConfig]) {
    check_on(devices::devices(), configs);
}

fn check_on(devices: Vec<Arc<OpenDevice>>, configs: &[ModelConfig]) {
    for device in devices {
        for (seed, config) in configs.iter().enumerate() {
            config.validate().unwrap();
            for operands in [Operands::Random, Operands::Extreme] {
                pollster::block_on(check_kernels(&device, config, operands, seed as u64 + 2))
                    .unwrap_or_else(|e| panic!("{config:?} {operands:?}: {e}"));
            }
        }
    }
}

fn kernels_equal_their_references_where_sizes_fill_no_tile() {
    check(&[
        config(1, 1, 16, 16, 1),
        config(2, 2, 48, 16, 3),
        config(3, 4, 16, 48, 2),
        config(5, 1, 80, 112, 1),
        config(9, 3, 32, 80, 2),
        config(4, 2, 16, 16, 8),
        config(2, 1, 512, 16, 1),
    ]);
}

fn kernels_equal_their_references_at_the_default_shape() {
    check(&[config(8, 4, 32, 128, 2)]);
}

fn kernels_equal_their_references_with_other_errors() {
    let base = config(3, 2, 32, 48, 2);
    check(&[ModelConfig { error_fraction: 14, ..base.clone() }, ModelConfig { error_fraction: 8, ..base }]);
}

/// The sum of 2304 products of 2^21 exceeds 32 bits.
fn kernels_equal_their_references_where_backward_sums_wrap() {
    let config = ModelConfig { error_fraction: 14, ..config(2, 2, 16, 512, 1) };
    for device in devices::devices() {
        pollster::block_on(check_kernels(&device, &config, Operands::Largest, 2)).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// On hardware, sums are split over the lanes of a workgroup, tiles are smaller and limbs are
/// multiplied separately.
fn kernels_of_hardware_equal_their_references() {
    check_on(
        devices::hardware(),
        &[
            config(1, 1, 16, 16, 1),
            config(5, 3, 32, 80, 2),
            config(20, 7, 16, 16, 1),
            config(9, 2, 256, 48, 3),
            config(4, 2, 16, 112, 8),
            config(6, 3, 32, 320, 2),
            config(2, 3, 16, 512, 2),
        ],
    );
}

fn a_device_that_computes_something_else_is_refused_by_kernel() {
    for kernel in ALL {
        is_refused(kernel, kernel.test.damage.find, kernel.test.damage.replace);
    }
}

fn a_device_that_takes_streams_of_another_group_is_refused() {
    let (embed, forward_sums) = (&embed::KERNEL, &forward_sums::KERNEL);
    let (lstm_forward, output_forward) = (&lstm_forward::KERNEL, &output_forward::KERNEL);
    let (layer_forward, output_layer) = (&layer_forward::KERNEL, &output_layer::KERNEL);
    for kernel in [embed, forward_sums, lstm_forward, output_forward, output_layer] {
        is_refused(kernel, "model.streams + params.first", "model.streams");
    }
    is_refused(embed, "params.streams == 0u", "true");
    is_refused(forward_sums, "params.streams == 0u", "true");
    is_refused(lstm_forward, "id.y >= params.streams", "id.y >= model.streams");
    is_refused(lstm_forward, "let stream = params.first + id.y", "let stream = id.y");
    is_refused(layer_forward, "params.first + min(first", "min(first");
    is_refused(layer_forward, "params.first + min(stream", "min(stream");
    is_refused(layer_forward, "stream < params.streams", "stream < model.streams");
    is_refused(output_layer, "params.streams == 0u", "true");
}

/// Asserts that the self-test notices a change in one kernel's text and names that kernel.
fn is_refused(damaged: &Kernel, find: &str, replace: &str) {
    let name = damaged.name;
    let source = |kernel: &Kernel| {
        let text = kernel.wgsl();
        assert!(kernel != damaged || text.contains(find), "{name} contains {find}");
        if kernel == damaged { text.replacen(find, replace, 1) } else { text }
    };
    let mut device = pollster::block_on(OpenDevice::open_with(&devices::adapters()[0], source)).unwrap();
    // The family of this kernel runs.
    device.software = damaged.family != Family::Split;
    if !device.can_run(damaged) {
        eprintln!("the first device cannot run {name}");
        return;
    }
    let device = Arc::new(device);
    match pollster::block_on(self_test(&device)) {
        Err(EngineError::Inexact { kernel, device: found }) => assert_eq!((kernel, &found), (name, &device.name)),
        other => panic!("{name}: the self-test did not notice {replace}: {other:?}"),
    }
}

fn main() -> ExitCode {
    devices::run([tests!(
        devices::on_devices:
        kernels_equal_their_references_where_sizes_fill_no_tile,
        kernels_equal_their_references_at_the_default_shape,
        kernels_equal_their_references_with_other_errors,
        kernels_equal_their_references_where_backward_sums_wrap,
        kernels_of_hardware_equal_their_references,
        a_device_that_computes_something_else_is_refused_by_kernel,
        a_device_that_takes_streams_of_another_group_is_refused,
    )])
}
