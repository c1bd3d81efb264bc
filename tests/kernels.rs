//! Every kernel on every device of this machine against its CPU twin, by equality.

mod devices;

use std::sync::Arc;

use lockstep::internals::engine::EngineError;
use lockstep::internals::engine::gpu::adapter::OpenDevice;
use lockstep::internals::engine::gpu::kernels::{KERNELS, Kernel, PORTABLE};
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

#[test]
fn kernels_equal_their_twins_where_sizes_fill_no_tile() {
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

#[test]
fn kernels_equal_their_twins_at_the_default_shape() {
    check(&[config(8, 4, 32, 128, 2)]);
}

#[test]
fn kernels_equal_their_twins_with_other_errors() {
    let base = config(3, 2, 32, 48, 2);
    check(&[ModelConfig { error_fraction: 14, ..base.clone() }, ModelConfig { error_fraction: 8, ..base }]);
}

/// 2304 products of 2^21 leave 32 bits.
#[test]
fn kernels_equal_their_twins_where_backward_sums_wrap() {
    let config = ModelConfig { error_fraction: 14, ..config(2, 2, 16, 512, 1) };
    for device in devices::devices() {
        pollster::block_on(check_kernels(&device, &config, Operands::Largest, 2)).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// Hardware splits sums over a workgroup's lanes where it has the memory, gets
/// smaller tiles elsewhere and multiplies limbs apart.
#[test]
fn kernels_as_hardware_runs_them_equal_their_twins() {
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

#[test]
fn a_device_that_computes_something_else_is_refused_by_kernel() {
    // One change a kernel, each of the kind that a compiler might get wrong.
    let damages = [
        ("embed", "let sample = id.x / width;", "let sample = (id.x + 1u) / width;"),
        ("forward_sums", "break if q >= place.forward.z;", "break if q + 1u >= place.forward.z;"),
        ("lstm_forward", "GATE_ONE - positive", "GATE_ONE - 1 - positive"),
        ("output_forward", "const LOG2_E: u32 = 11819u;", "const LOG2_E: u32 = 11820u;"),
        ("output_error", "max(mantissa, 1u)", "max(mantissa + 1u, 1u)"),
        ("backward_sums", "place.later * model.streams", "model.streams"),
        ("lstm_backward", "round_shift(a * b, GATE_FRACTION)", "(a * b) >> vec4<u32>(GATE_FRACTION)"),
        ("embedding_backward", "layer * (model.units / 4u)", "(layer ^ 1u) * (model.units / 4u)"),
        ("embedding_update", "(sum >> carry)", "sum"),
        ("samples", "vec4<u32>(words.y) >>", "vec4<u32>(words.x) >>"),
        ("weight_update", "gradient < vec4<i32>(0))", "gradient <= vec4<i32>(0)) + 1"),
        ("layer_forward", "step = place.step - group.z", "step = place.step"),
        ("output_layer", "atomicMax(&largest[part]", "atomicMax(&largest[0]"),
        ("layer_backward", "step + 1u < model.steps {", "step + 2u < model.steps {"),
        ("split_embedding", "layer * (model.units / 4u)", "(layer ^ 1u) * (model.units / 4u)"),
        ("split_update", "n + 4u * PARTS < count", "n + 8u * PARTS < count"),
    ];
    for kernel in &KERNELS {
        let damage = damages.iter().find(|(name, old, _)| *name == kernel.name && kernel.source.concat().contains(old));
        let &(_, old, new) = damage.unwrap_or_else(|| panic!("{} has a damage of its own", kernel.name));
        is_refused(kernel.name, old, new);
    }
}

#[test]
fn a_device_that_takes_streams_of_another_group_is_refused() {
    for kernel in ["embed", "forward_sums", "lstm_forward", "output_forward", "output_layer"] {
        is_refused(kernel, "model.streams + place.first", "model.streams");
    }
    is_refused("embed", "place.streams == 0u", "true");
    is_refused("forward_sums", "place.streams == 0u", "true");
    is_refused("lstm_forward", "id.y >= place.streams", "id.y >= model.streams");
    is_refused("lstm_forward", "let stream = place.first + id.y", "let stream = id.y");
    is_refused("layer_forward", "place.first + min(first", "min(first");
    is_refused("layer_forward", "place.first + min(stream", "min(stream");
    is_refused("layer_forward", "stream < place.streams", "stream < model.streams");
    is_refused("output_layer", "place.streams == 0u", "true");
}

/// A change in one kernel's text is noticed, and laid to that kernel.
fn is_refused(name: &str, old: &str, new: &str) {
    let Some(adapter) = devices::adapters().into_iter().next() else { return };
    let source = |kernel: &Kernel| {
        let text = kernel.source.concat();
        assert!(kernel.name != name || text.contains(old), "{name} has {old}");
        if kernel.name == name { text.replacen(old, new, 1) } else { text }
    };
    let mut device = pollster::block_on(OpenDevice::open_with(&adapter, source)).unwrap();
    // Taken for what runs this kernel.
    device.software = KERNELS[..PORTABLE].iter().any(|kernel| kernel.name == name);
    if !device.software && !device.splits() {
        eprintln!("SKIPPED: the first device can't run {name}");
        return;
    }
    let device = Arc::new(device);
    match pollster::block_on(self_test(&device)) {
        Err(EngineError::Inexact { kernel, device: found }) => assert_eq!((kernel, &found), (name, &device.name)),
        other => panic!("{name}: {new} went unnoticed: {other:?}"),
    }
}
