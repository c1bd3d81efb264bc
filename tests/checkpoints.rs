//! A run that is stopped at any segment can be resumed on any engine, and the CPU
//! takes over when a device fails.

mod common;
mod devices;

use std::io::{self, Cursor, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use common::{ON_CPU, fixed, noise, settings, text, tiny};
use devices::tests;
use lockstep::internals::codec::{DecodeSettings, EncodeSettings, compress, decompress};
use lockstep::internals::engine::Engine;
use lockstep::internals::engine::gpu::adapter::OpenDevice;
use lockstep::internals::model::init::initial_parameters;
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use lockstep::internals::numerics::generator::random_u64;
use lockstep::{
    Checkpoints, Device, EngineError, Error, Gpu, Monitor, Next, Prefix, Progress, Resume, Summary, Warning,
};
use proptest::prelude::*;

/// The output and the last saved state of a stopped run.
#[derive(Clone, Default)]
struct Left {
    output: Vec<u8>,
    state: Option<(Vec<u8>, Prefix)>,
}

/// Stops a run after a given number of segments.
struct Stopper {
    left: Left,
    segments: u32,
    writing: Vec<u8>,
    warnings: Vec<String>,
    /// Called at every segment.
    each: Box<dyn FnMut() + Send>,
}

impl Stopper {
    fn after(segments: u32, left: Left) -> Self {
        Stopper { left, segments, writing: Vec::new(), warnings: Vec::new(), each: Box::new(|| ()) }
    }
}

impl Monitor for Stopper {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        (self.each)();
        ControlFlow::Continue(())
    }

    fn warning(&mut self, warning: &Warning) {
        self.warnings.push(warning.to_string());
    }

    fn checkpoints(&mut self) -> Option<&mut dyn Checkpoints> {
        Some(self)
    }
}

impl Checkpoints for Stopper {
    fn resume(&mut self) -> io::Result<Option<Resume>> {
        let Some((state, prefix)) = self.left.state.clone() else { return Ok(None) };
        let (len, written) = (state.len() as u64, self.left.output[..prefix.len as usize].to_vec());
        Ok(Some(Resume { state: Box::new(Cursor::new(state)), len, written: Box::new(Cursor::new(written)) }))
    }

    fn next(&mut self) -> Next {
        self.segments -= 1;
        match self.segments {
            0 => Next::SaveAndStop,
            // Saving a state that is not the last one must do no harm.
            n if n % 3 == 0 => Next::Save,
            _ => Next::Continue,
        }
    }

    fn begin(&mut self) -> io::Result<&mut (dyn Write + Send)> {
        self.writing.clear();
        Ok(&mut self.writing)
    }

    fn commit(&mut self, written: Prefix) -> io::Result<()> {
        let state = (std::mem::take(&mut self.writing), written);
        // The next state reuses the memory of the one before: fresh pages would take most of a test's time.
        self.writing = self.left.state.replace(state).map(|(memory, _)| memory).unwrap_or_default();
        Ok(())
    }
}

/// Runs `work` until it is complete, with stops after different numbers of segments,
/// each time on the next device; returns the output and the number of stops.
fn with_stops(
    devices: &[Device],
    mut work: impl FnMut(&Device, &mut Vec<u8>, &mut Stopper) -> Result<Summary, Error>,
) -> (Vec<u8>, usize) {
    let mut left = Left::default();
    for stops in 0.. {
        let mut output = left.output[..left.state.as_ref().map_or(0, |(_, prefix)| prefix.len as usize)].to_vec();
        let mut stopper = Stopper::after(2 + stops % 7, left.clone());
        let result = work(&devices[stops as usize % devices.len()], &mut output, &mut stopper);
        left = Left { output, ..stopper.left };
        match result {
            Ok(_) => return (left.output, stops as usize),
            Err(Error::Interrupted) => {}
            Err(error) => panic!("after {stops} stops: {error}"),
        }
    }
    unreachable!()
}

fn data() -> Vec<u8> {
    [text(300), noise(90), text(200), noise(10)].concat()
}

/// Less data, for tests that take long; one block of it is stored.
fn short_data() -> Vec<u8> {
    [text(200), noise(90), text(60)].concat()
}

fn methods() -> [Method; 5] {
    let model =
        ModelConfig { streams: 3, units: 32, layers: 2, replay_streams: 2, replay_steps: 9, dropout: 100, ..tiny(600) };
    let (light, full, rich) = (Some(MixingKind::Light), Some(MixingKind::Full), Some(MixingKind::Rich));
    [(true, None, None), (true, full, None), (false, rich, None), (true, light, Some(40)), (false, full, Some(70))].map(
        |(network, kind, panel)| Method {
            model: model.clone(),
            network,
            mixing: kind.map(|kind| MixingConfig { kind, table_bits: 12 }),
            panel,
        },
    )
}

fn stops_change_nothing(devices: &[Device], data: &[u8], method: &Method) {
    let settings = EncodeSettings { block_size: 100, frame_size: Some(250), ..settings(fixed(method)) };
    stops_change_nothing_with(&settings, devices, data);
}

fn stops_change_nothing_with(settings: &EncodeSettings, devices: &[Device], data: &[u8]) {
    let mut plain = Vec::new();
    pollster::block_on(compress(&mut &data[..], &mut plain, settings, &mut ())).unwrap();
    let (archive, stops) = with_stops(devices, |device, output, stopper| {
        let settings = EncodeSettings { device: device.clone(), ..settings.clone() };
        pollster::block_on(compress(&mut &data[..], output, &settings, stopper))
    });
    assert!(stops > 0);
    assert_eq!(archive, plain);
    let (decoded, stops) = with_stops(devices, |device, output, stopper| {
        let settings = DecodeSettings { device: device.clone(), ..ON_CPU };
        pollster::block_on(decompress(&mut &plain[..], output, &settings, stopper))
    });
    assert!(stops > 0);
    assert_eq!(decoded, data);
}

fn stops_do_not_change_the_result_on_the_cpu() {
    for method in methods() {
        stops_change_nothing(&[Device::Cpu], &data(), &method);
    }
}

fn stops_do_not_change_what_is_cut_into_blocks() {
    let method =
        Method { mixing: Some(MixingConfig { kind: MixingKind::Light, table_bits: 12 }), ..methods()[2].clone() };
    let data = [text(30_000), noise(40_000), text(20_000), vec![0; 70_000], text(40_000)].concat();
    for frame_size in [None, Some(150_000)] {
        let settings = EncodeSettings { block_size: 1 << 17, frame_size, ..settings(fixed(&method)) };
        stops_change_nothing_with(&settings, &[Device::Cpu], &data);
    }
}

fn a_run_is_resumed_on_another_device() {
    for device in devices::devices() {
        let devices = [Device::Open(Gpu::trusted(device)), Device::Cpu];
        stops_change_nothing(&devices, &short_data(), &methods()[1]);
        stops_change_nothing(&devices, &short_data(), &methods()[3]);
    }
}

fn a_run_with_two_groups_of_streams_is_resumed_on_another_device() {
    let mut method = methods()[1].clone();
    method.model = ModelConfig { streams: 33, segment: 2, ..method.model };
    for device in devices::hardware() {
        let devices = [Device::Open(Gpu::trusted(device)), Device::Cpu];
        stops_change_nothing(&devices, &data(), &method);
    }
}

fn the_state_of_an_engine_is_restored_on_every_other_engine() {
    let config = ModelConfig { streams: 5, units: 32, layers: 2, ..tiny(600) };
    let parameters = initial_parameters(&config);
    let engines = || {
        let gpus = devices::devices().into_iter().map(|d| Engine::gpu(d, &config, &parameters).unwrap());
        std::iter::once(Engine::cpu(&config, &parameters)).chain(gpus).collect::<Vec<_>>()
    };
    let segment = |engine: &mut Engine, seed: u64| {
        let symbols: Vec<u8> = (0..40).map(|i| random_u64(seed, i) as u8 & 3).collect();
        let mut weights = vec![0; 40 * 256];
        engine.begin_segment(&symbols);
        pollster::block_on(engine.finish_segment(&mut weights)).unwrap();
        let targets: Vec<u16> = symbols.iter().map(|&s| s.into()).collect();
        pollster::block_on(engine.train(&targets, 1 << 22, None)).unwrap();
        weights
    };
    let mut states = Vec::new();
    for mut engine in engines() {
        (0..3).for_each(|seed| drop(segment(&mut engine, seed)));
        // A segment that is begun but not trained on does not change the state.
        engine.begin_segment(&[1; 40]);
        states.push(pollster::block_on(engine.state()).unwrap());
        let next = [3, 4].map(|seed| segment(&mut engine, seed));
        for mut other in engines() {
            pollster::block_on(other.restore(&states[states.len() - 1])).unwrap();
            let same = [3, 4].map(|seed| segment(&mut other, seed));
            assert!(same == next, "{} to {}", engine.info(), other.info());
            assert_eq!(pollster::block_on(other.state()).unwrap(), pollster::block_on(engine.state()).unwrap());
        }
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]));
}

/// The outcome of a run: its result, its output and its warnings.
type Outcome = (Result<Summary, Error>, Vec<u8>, Vec<String>);

/// Compresses and decompresses, each on a new device from `open` with a monitor from `watch`.
fn both_ways(
    fallback: bool,
    open: &dyn Fn() -> Arc<OpenDevice>,
    watch: &dyn Fn(&Arc<OpenDevice>) -> Stopper,
) -> [Outcome; 2] {
    let settings = EncodeSettings { block_size: 100, fallback, ..settings(fixed(&methods()[1])) };
    let archive = plain();
    let device = open();
    let mut monitor = watch(&device);
    let mut packed = Vec::new();
    let settings = EncodeSettings { device: Device::Open(Gpu::trusted(device)), ..settings };
    let result = pollster::block_on(compress(&mut &data()[..], &mut packed, &settings, &mut monitor));
    let encoded = (result, packed, monitor.warnings);
    let device = open();
    let mut monitor = watch(&device);
    let mut unpacked = Vec::new();
    let settings = DecodeSettings { device: Device::Open(Gpu::trusted(device)), fallback, ..ON_CPU };
    let result = pollster::block_on(decompress(&mut &archive[..], &mut unpacked, &settings, &mut monitor));
    [encoded, (result, unpacked, monitor.warnings)]
}

/// The archive that the CPU engine makes.
fn plain() -> Vec<u8> {
    let mut plain = Vec::new();
    let settings = EncodeSettings { block_size: 100, ..settings(fixed(&methods()[1])) };
    pollster::block_on(compress(&mut &data()[..], &mut plain, &settings, &mut ())).unwrap();
    plain
}

fn the_cpu_takes_over_from_a_device_that_is_lost() {
    let adapter = devices::adapters().remove(0);
    let open = || Arc::new(pollster::block_on(OpenDevice::open(&adapter)).unwrap());
    for segments in [1, 12, 25] {
        let losing = |device: &Arc<OpenDevice>| {
            let (device, mut count) = (device.clone(), 0);
            let mut stopper = Stopper::after(1000, Left::default());
            stopper.each = Box::new(move || {
                count += 1;
                if count == segments {
                    device.device.destroy();
                }
            });
            stopper
        };
        for (direction, (result, output, warnings)) in both_ways(true, &open, &losing).into_iter().enumerate() {
            result.unwrap_or_else(|error| panic!("lost after {segments} segments: {error}"));
            assert_eq!(output, [plain(), data()][direction]);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains("continuing on the CPU from the last good block"), "{warnings:?}");
        }
        for (result, _, _) in both_ways(false, &open, &losing) {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Device(EngineError::Lost { .. })), "{error}");
        }
    }
}

fn the_cpu_takes_over_from_a_device_that_computes_something_else() {
    let adapter = devices::adapters().remove(0);
    let (old, new) = ("const LOG2_E: u32 = 11819u;", "const LOG2_E: u32 = 11000u;");
    let open = || {
        let device = pollster::block_on(OpenDevice::open_with(&adapter, |kernel| {
            let source = kernel.wgsl();
            assert!(kernel.name != "output_forward" || source.contains(old));
            source.replace(old, new)
        }));
        Arc::new(device.unwrap())
    };
    let watch = |_: &Arc<OpenDevice>| Stopper::after(1000, Left::default());
    let [_, (result, output, warnings)] = both_ways(true, &open, &watch);
    result.unwrap();
    assert_eq!(output, data());
    assert!(warnings.len() == 1 && warnings[0].contains("block 1 came out wrong on"), "{warnings:?}");
    let [_, (result, output, _)] = both_ways(false, &open, &watch);
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Diverged { block: 1, .. }), "{error}");
    assert!(output.is_empty());
}

fn a_device_that_does_not_respond_is_abandoned() {
    let adapter = devices::adapters().remove(0);
    let mut device = pollster::block_on(OpenDevice::open(&adapter)).unwrap();
    device.timeout = Duration::ZERO;
    // Far more work than can be done without any time; software needs less of it.
    let (units, layers) = if device.software { (64, 1) } else { (256, 3) };
    let config = ModelConfig { streams: 64, segment: 64, units, layers, ..tiny(600) };
    let mut engine = Engine::gpu(Arc::new(device), &config, &initial_parameters(&config)).unwrap();
    let (symbols, mut weights) = (vec![0; 64 * 64], vec![0; 64 * 64 * 256]);
    engine.begin_segment(&symbols);
    let error = pollster::block_on(engine.finish_segment(&mut weights)).unwrap_err();
    assert!(error.to_string().contains("seems to hang"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    fn a_hostile_state_is_refused_or_does_no_harm(seed: u64, changes in 1usize..40, cut in 0usize..4) {
        let method = &methods()[2 - seed as usize % 2];
        let settings = EncodeSettings { block_size: 100, ..settings(fixed(method)) };
        let mut stopper = Stopper::after(4, Left::default());
        let mut output = Vec::new();
        let data = data();
        let stopped = pollster::block_on(compress(&mut &data[..], &mut output, &settings, &mut stopper));
        prop_assert!(matches!(stopped, Err(Error::Interrupted)));
        let (mut state, prefix) = stopper.left.state.unwrap();
        for i in 0..changes as u64 {
            // Half of the changes among the first fields.
            let span = if i % 2 == 0 { 300 } else { state.len() as u64 };
            state[(random_u64(seed, 2 * i) % span) as usize] = random_u64(seed, 2 * i + 1) as u8;
        }
        state.truncate(state.len() - cut * 7);
        let left = Left { output: output.clone(), state: Some((state, prefix)) };
        output.truncate(prefix.len as usize);
        // The result may be anything but a panic or an exhausted memory.
        let _ = pollster::block_on(compress(&mut &data[..], &mut output, &settings, &mut Stopper::after(1000, left)));
    }
}

fn main() -> ExitCode {
    devices::run([
        tests!(
            devices::anywhere:
            stops_do_not_change_the_result_on_the_cpu,
            stops_do_not_change_what_is_cut_into_blocks,
            a_hostile_state_is_refused_or_does_no_harm,
        ),
        tests!(
            devices::on_devices:
            a_run_is_resumed_on_another_device,
            a_run_with_two_groups_of_streams_is_resumed_on_another_device,
            the_state_of_an_engine_is_restored_on_every_other_engine,
            the_cpu_takes_over_from_a_device_that_is_lost,
            the_cpu_takes_over_from_a_device_that_computes_something_else,
            a_device_that_does_not_respond_is_abandoned,
        ),
    ])
}
