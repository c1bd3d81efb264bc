//! Whole blocks on every engine of this machine: all make the same code and learn the same
//! state, and each decodes the code of the others.

mod devices;

use std::process::ExitCode;
use std::sync::Arc;

use devices::tests;
use lockstep::internals::codec::{Predictor, decode_block, encode_block};
use lockstep::internals::engine::gpu::adapter::OpenDevice;
use lockstep::internals::engine::{Engine, Replay};
use lockstep::internals::model::init::initial_parameters;
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use lockstep::internals::numerics::generator::random_u64;

fn config() -> ModelConfig {
    ModelConfig {
        streams: 3,
        segment: 7,
        embedding: 16,
        units: 48,
        layers: 2,
        error_fraction: 12,
        replay_streams: 0,
        replay_steps: 1,
        dropout: 0,
        rate_start: 1 << 21,
        rate_end: 1 << 20,
        schedule_length: 1000,
        seed: 5,
    }
}

/// Words from a small vocabulary.
fn text(len: usize) -> Vec<u8> {
    let words = ["lock", "step ", "the ", "integer ", "and ", "sum\n", "of ", "all "];
    let mut text: Vec<u8> = (0..).flat_map(|i| words[random_u64(3, i) as usize % 8].bytes()).take(len).collect();
    text[len / 2] = 255;
    text
}

/// A predictor without mixing on the CPU engine.
fn cpu(config: &ModelConfig) -> Predictor {
    predictors(&Method::network_alone(config.clone()), &[]).remove(0)
}

/// Predictors on the CPU engine and on each device.
fn predictors(method: &Method, devices: &[Arc<OpenDevice>]) -> Vec<Predictor> {
    let config = &method.model;
    let parameters = initial_parameters(config);
    let mut engines = vec![Engine::cpu(config, &parameters)];
    engines.extend(devices.iter().map(|d| Engine::gpu(d.clone(), config, &parameters).unwrap()));
    engines.into_iter().map(|engine| Predictor::new(method, Some(engine), 1 << 12, None)).collect()
}

fn state(predictor: &mut Predictor) -> u64 {
    let learned = pollster::block_on(predictor.learned()).unwrap();
    predictor.state(learned.as_ref())
}

fn encode(engine: &mut Predictor, data: &[u8]) -> (Vec<u8>, u64) {
    let coded = pollster::block_on(encode_block(engine, data, 0)).unwrap();
    (coded, state(engine))
}

fn decode(engine: &mut Predictor, coded: &[u8], len: usize) -> (Vec<u8>, u64) {
    let data = pollster::block_on(decode_block(engine, coded, len, 0)).unwrap();
    (data, state(engine))
}

fn agree(config: &ModelConfig, data: &[u8]) {
    agree_on(&devices::devices(), config, data);
}

fn agree_on(devices: &[Arc<OpenDevice>], config: &ModelConfig, data: &[u8]) {
    let light = Some(MixingConfig { kind: MixingKind::Light, table_bits: 16 });
    for (mixing, panel) in [(None, None), (light, None), (light, Some(100))] {
        agree_by(&Method { model: config.clone(), network: true, mixing, panel }, devices, data);
    }
}

fn agree_by(method: &Method, devices: &[Arc<OpenDevice>], data: &[u8]) {
    method.validate().unwrap();
    let (coded, hash) = encode(&mut predictors(method, devices)[0], data);
    for engine in &mut predictors(method, devices)[1..] {
        assert_eq!(encode(engine, data), (coded.clone(), hash), "{}", engine.info());
    }
    for engine in &mut predictors(method, devices) {
        assert!(decode(engine, &coded, data.len()) == (data.to_vec(), hash), "{}", engine.info());
    }
}

fn engines_agree_on_text() {
    agree(&config(), &text(900));
}

fn engines_agree_on_replay() {
    for (streams, replay_streams, replay_steps) in [(3, 2, 9), (1, 6, 5)] {
        agree(&ModelConfig { streams, replay_streams, replay_steps, dropout: 77, ..config() }, &text(150));
    }
}

fn engines_agree_on_fewer_bytes_than_streams_and_on_single_bytes() {
    for len in [1, 2, 5] {
        agree(&ModelConfig { streams: 8, ..config() }, &text(5)[..len]);
    }
}

fn engines_agree_on_streams_that_fill_no_group() {
    for streams in [1, 4, 6] {
        agree(&ModelConfig { streams, units: 16, ..config() }, &text(200));
    }
}

/// The second half begins inside or at the end of a lane's four streams, and may be the smaller one.
fn engines_agree_on_two_groups_of_streams() {
    let devices = devices::hardware();
    for (streams, middle) in [(32, 16), (35, 20), (49, 24), (100, 52)] {
        let config = ModelConfig { streams, units: 16, replay_streams: 2, replay_steps: 9, ..config() };
        for device in &devices {
            let engine = Engine::gpu(device.clone(), &config, &initial_parameters(&config)).unwrap();
            assert_eq!(engine.groups(), [0..middle, middle..streams as usize]);
        }
        agree_on(&devices, &config, &text(10 * streams as usize + 3));
    }
}

/// One stream and others, more layers than steps, blocks that end within a segment, replay.
fn engines_agree_with_the_kernels_of_hardware() {
    let devices = devices::hardware();
    for (streams, segment, layers) in [(1, 7, 2), (6, 3, 5)] {
        let config = ModelConfig { streams, segment, layers, units: 16, ..config() };
        agree_on(&devices, &ModelConfig { replay_streams: 2, replay_steps: 4, dropout: 77, ..config }, &text(100));
    }
    let config = ModelConfig { units: 16, ..config() };
    let blocks = |predictor: &mut Predictor| [300, 101].map(|len| encode(predictor, &text(len)));
    let mut predictors = predictors(&Method::network_alone(config), &devices);
    let expected = blocks(&mut predictors[0]);
    for predictor in &mut predictors[1..] {
        assert_eq!(blocks(predictor), expected, "{}", predictor.info());
    }
}

fn engines_agree_on_wider_errors_and_more_layers() {
    agree(&ModelConfig { error_fraction: 14, ..config() }, &text(150));
    agree(&ModelConfig { layers: 5, units: 16, ..config() }, &text(150));
}

fn engines_agree_on_zeros_and_on_noise() {
    let config = ModelConfig { streams: 64, segment: 16, units: 16, layers: 1, ..config() };
    agree(&config, &vec![0; 1 << 14]);
    agree(&config, &(0..1 << 14).map(|i| random_u64(9, i) as u8).collect::<Vec<_>>());
}

fn a_second_block_starts_from_the_learned_state() {
    second_blocks_start_from_the_learned_state(&[]);
}

fn a_second_block_on_a_device_starts_from_the_learned_state() {
    second_blocks_start_from_the_learned_state(&devices::devices());
}

fn second_blocks_start_from_the_learned_state(devices: &[Arc<OpenDevice>]) {
    let data = text(400);
    let mut codes = Vec::new();
    let method = Method::network_alone(ModelConfig { replay_streams: 2, replay_steps: 9, ..config() });
    for mut engine in predictors(&method, devices) {
        let (first, _) = encode(&mut engine, &data);
        let learned = pollster::block_on(engine.learned()).unwrap();
        let (second, hash) = encode(&mut engine, &data);
        assert!(second.len() < first.len(), "the learned state stays");
        pollster::block_on(engine.forget_block(learned.as_ref())).unwrap();
        assert_eq!(encode(&mut engine, &data), (second.clone(), hash), "loading restores all");
        codes.push((first, second, hash));
    }
    assert!(codes.windows(2).all(|pair| pair[0] == pair[1]));
}

fn threads_do_not_change_a_bit() {
    let config = ModelConfig { streams: 9, units: 80, replay_streams: 5, ..config() };
    let data = text(1500);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| encode(&mut cpu(&config), &data))
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(5));
}

fn threads_that_share_a_layer_do_not_change_a_bit() {
    // Large enough to be split by tiles, by streams and, in whole segments, by layers.
    for streams in [1, 3, 4] {
        let config = ModelConfig { streams, units: 192, segment: 34, ..config() };
        let data = text(200);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let coded = encode(&mut cpu(&config), &data);
                assert_eq!(decode(&mut cpu(&config), &coded.0, data.len()), (data.clone(), coded.1));
                coded
            })
        };
        let alone = run(1);
        [2, 3, 8]
            .into_iter()
            .for_each(|threads| assert_eq!(run(threads), alone, "{streams} streams, {threads} threads"));
    }
}

fn the_model_learns() {
    let data = text(8000);
    let config = ModelConfig { schedule_length: 8000, ..config() };
    let (coded, _) = encode(&mut cpu(&config), &data);
    // About 6 words of 8 kinds in 31 bytes: 0.78 bits a byte, and then what learning costs.
    assert!(coded.len() < 2600, "{}", coded.len());
}

/// A used engine that loads parameters equals a new one with the same parameters, in every
/// buffer that holds more than intermediate results, and in all that it computes.
fn loading_leaves_nothing_of_the_state_before() {
    use lockstep::internals::engine::gpu::buffers::Buffer;
    let config = ModelConfig { replay_streams: 2, replay_steps: 9, dropout: 77, ..config() };
    let parameters = initial_parameters(&config);
    let samples = config.streams() * config.segment();
    let kept = Buffer::ALL.into_iter().filter(|kind| {
        use Buffer::{EmbeddingErrors, ErrorSamples, Errors, Factors, Gates, InputSamples, Sums, Symbols, Weights};
        !matches!(
            kind,
            EmbeddingErrors | ErrorSamples | Errors | Factors | Gates | InputSamples | Sums | Symbols | Weights
        )
    });
    let kept: Vec<Buffer> = kept.collect();
    let contents = |engine: &mut Engine| -> Vec<Vec<u32>> {
        let gpu = engine.device().unwrap();
        kept.iter().map(|&kind| pollster::block_on(gpu.contents(kind)).unwrap()).collect()
    };
    // Three segments, so that both sets of forward weights predict.
    let run = |engine: &mut Engine, seed: u64| {
        let mut predicted = Vec::new();
        for segment in 0..3 {
            let symbols: Vec<u8> = (0..samples as u64).map(|i| random_u64(seed + segment, i) as u8 & 7).collect();
            let mut weights = vec![0; samples * 256];
            engine.begin_segment(&symbols);
            pollster::block_on(engine.finish_segment(&mut weights)).unwrap();
            let windows = 2 * 9;
            let replay = Replay {
                previous: (0..windows).map(|i| random_u64(seed, i) as u8).collect(),
                targets: (0..windows).map(|i| random_u64(seed, i + 1) as u16 & 255).collect(),
                shares: vec![256; 2 * config.layers() * config.units()],
            };
            let targets: Vec<u16> = symbols.iter().map(|&symbol| symbol.into()).collect();
            pollster::block_on(engine.train(&targets, 1 << 22, Some(&replay))).unwrap();
            predicted.push(weights);
        }
        predicted
    };
    for device in devices::hardware() {
        let fresh = || Engine::gpu(device.clone(), &config, &parameters).unwrap();
        let (mut used, mut new) = (fresh(), fresh());
        run(&mut used, 1);
        assert_ne!(contents(&mut used), contents(&mut new));
        pollster::block_on(used.load(&parameters)).unwrap();
        assert!(contents(&mut used) == contents(&mut new), "{device:?}");
        assert!(run(&mut used, 2) == run(&mut new, 2), "{device:?}");
        assert!(contents(&mut used) == contents(&mut new), "{device:?}");
    }
}

fn main() -> ExitCode {
    devices::run([
        tests!(
            devices::anywhere:
            a_second_block_starts_from_the_learned_state,
            threads_do_not_change_a_bit,
            threads_that_share_a_layer_do_not_change_a_bit,
            the_model_learns,
        ),
        tests!(
            devices::on_devices:
            engines_agree_on_text,
            engines_agree_on_replay,
            engines_agree_on_fewer_bytes_than_streams_and_on_single_bytes,
            engines_agree_on_streams_that_fill_no_group,
            engines_agree_on_two_groups_of_streams,
            engines_agree_with_the_kernels_of_hardware,
            engines_agree_on_wider_errors_and_more_layers,
            engines_agree_on_zeros_and_on_noise,
            a_second_block_on_a_device_starts_from_the_learned_state,
            loading_leaves_nothing_of_the_state_before,
        ),
    ])
}
