//! Priors: training, use, files, embedding in archives, export, and errors.

mod common;
mod devices;

use std::process::ExitCode;

use common::folder::Folder;
use common::{noise, text};
use devices::tests;
use lockstep::TrainingEvent;
use lockstep::internals::engine::Device;
use lockstep::internals::model::{Layout, Method, MixingConfig, MixingKind};
use lockstep::internals::numerics::generator::random_u64;
use lockstep::internals::prior::{Precision, Prior, PriorError, to_safetensors};
use lockstep::internals::training::{TrainSettings, train};
use predicates::prelude::*;
use predicates::str::contains;
use safetensors::SafeTensors;

/// A line of JSON; all records share their fields and words.
fn record(number: u64) -> Vec<u8> {
    let words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
    let word = |i| words[random_u64(number, i) as usize % words.len()];
    format!("{{\"id\": {number}, \"name\": \"{}\", \"kind\": \"{}\", \"next\": \"{}\"}}\n", word(0), word(1), word(2))
        .into()
}

fn records(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(record).collect()
}

fn slices(records: &[Vec<u8>]) -> Vec<&[u8]> {
    records.iter().map(Vec::as_slice).collect()
}

fn method() -> Method {
    Method {
        model: common::tiny(0),
        network: true,
        mixing: Some(MixingConfig { kind: MixingKind::Light, table_bits: 14 }),
        panel: None,
    }
}

fn settings(device: Device) -> TrainSettings {
    TrainSettings { device, method: method(), passes: 2, memory: 1 << 30 }
}

/// The file of a prior trained on a few records.
fn trained(device: Device) -> Vec<u8> {
    let mut prior = pollster::block_on(train(&slices(&records(0..20)), &settings(device), &mut |_| ())).unwrap();
    file(&mut prior)
}

/// The file of a prior.
fn file(prior: &mut Prior) -> Vec<u8> {
    let mut file = Vec::new();
    let len = prior.write(&mut file).unwrap();
    assert_eq!(len, file.len() as u64);
    file
}

/// A folder with 40 records, the prior `p.lkp` trained on them, and two more records `a` and `b`.
fn folder() -> Folder {
    let folder = Folder::new();
    let mut names = String::new();
    for number in 0..40 {
        folder.write(&format!("s{number}"), record(number));
        names += &format!("s{number} ");
    }
    folder.write("a", record(100));
    folder.write("b", record(101));
    folder.tiny_train(&format!("{names} -q -o p.lkp")).assert().success();
    folder
}

fn training_twice_gives_the_same_prior() {
    assert_eq!(trained(Device::Cpu), trained(Device::Cpu));
}

fn training_is_exact_on_every_device() {
    let cpu = trained(Device::Cpu);
    for number in 0..devices::adapters().len() {
        assert!(cpu == trained(Device::Named(number.to_string())), "adapter {number} trains another prior");
    }
}

fn the_loss_falls_and_the_best_pass_is_kept() {
    let mut losses = Vec::new();
    let mut mixed = None;
    let mut observer = |event| match event {
        TrainingEvent::Pass { loss, .. } => losses.push(loss.coded),
        TrainingEvent::Mixed { best, loss } => mixed = Some((best, loss)),
        TrainingEvent::Progress { done, of } => assert!(done <= of),
        other => panic!("{other:?}"),
    };
    let passes = TrainSettings { passes: 3, ..settings(Device::Cpu) };
    pollster::block_on(train(&slices(&records(0..200)), &passes, &mut observer)).unwrap();
    assert!(losses.len() == 3 && losses[2] < losses[0], "{losses:?}");
    let (best, loss) = mixed.unwrap();
    assert_eq!(losses.iter().min(), Some(&losses[best as usize - 1]));
    assert_eq!(loss.raw, records(0..200).iter().skip(9).step_by(10).map(|r| r.len() as u64).sum::<u64>());
    assert!(loss.coded < losses[2], "{loss:?} after {losses:?}");
}

fn a_prior_comes_back_from_its_file() {
    let bytes = trained(Device::Cpu);
    let mut prior = Prior::read(&mut &bytes[..], 1 << 30).unwrap();
    assert_eq!(file(&mut prior), bytes);
    assert_eq!(prior.method(), &method());
    let needed = match Prior::read(&mut &bytes[..], 1 << 16) {
        Err(PriorError::MemoryLimit { needed, limit: 65536 }) => needed,
        other => panic!("{:?}", other.err()),
    };
    assert!(Prior::read(&mut &bytes[..], needed).is_ok());
}

fn hostile_priors_are_refused() {
    let bytes = trained(Device::Cpu);
    let read = |bytes: &[u8]| Prior::read(&mut &bytes[..], 1 << 30);
    // Every cut near both ends, and some in between.
    let cuts = (0..100).chain((100..bytes.len() - 20).step_by(20_011)).chain(bytes.len() - 20..bytes.len());
    for end in cuts {
        assert!(read(&bytes[..end]).is_err_and(|error| error.is_corrupt()), "cut at {end}");
    }
    let hash = read(&bytes).unwrap().hash();
    let flips = (0..110).chain((110..bytes.len() - 20).step_by(20_011)).chain(bytes.len() - 20..bytes.len());
    for at in flips {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        // The compressed content can have more than one encoding.
        assert!(read(&damaged).map_or(true, |prior| prior.hash() == hash && at > 100), "byte {at}");
    }
    assert!(matches!(read(&noise(5000)), Err(PriorError::NotAPrior)));
}

fn a_prior_makes_records_small_and_they_are_restored() {
    let folder = folder();
    folder.lockstep("-q --prior p.lkp a b").assert().success();
    let without = folder.tiny("-c a").output().unwrap().stdout.len();
    let with = folder.read("a.lks").len();
    assert!(with < 50 && with < without / 2, "{with} bytes with a prior, {without} without");
    folder.lockstep("-dc --prior p.lkp a.lks b.lks").assert().success().stdout([record(100), record(101)].concat());
    // Damage to any byte is detected.
    let archive = folder.read("a.lks");
    for at in 0..archive.len() {
        let mut damaged = archive.clone();
        damaged[at] ^= 1 << (at % 8);
        folder.write("bad.lks", damaged);
        let expected = predicates::function::function(|code: &i32| *code == 1 || *code == 2);
        folder.lockstep("-t --device cpu --prior p.lkp bad.lks").assert().code(expected);
    }
    // A flag that changes the model makes a full frame necessary; so does a long input.
    folder.lockstep("-q -f --prior p.lkp --lr-start 0.001 a").assert().success();
    assert!(folder.read("a.lks").len() > 142);
    folder.lockstep("-dc --prior p.lkp a.lks").assert().success().stdout(record(100));
    let long = records(1000..2000).concat();
    folder.write("long", &long);
    folder.lockstep("-q --prior p.lkp --block-size 30000 long").assert().success();
    folder.lockstep("-dc --prior p.lkp long.lks").assert().success().stdout(long);
    folder.lockstep("-l long.lks").assert().success();
    // Noise is stored, and an empty input has no block.
    folder.write("noise", noise(500));
    folder.write("empty", "");
    folder.lockstep("-q --prior p.lkp noise empty").assert().success();
    assert!(folder.read("noise.lks").len() < 520 && folder.read("empty.lks").len() < 20);
    folder.lockstep("-dc --prior p.lkp empty.lks noise.lks").assert().success().stdout(noise(500));
}

fn a_missing_prior_is_named() {
    let folder = folder();
    let bytes = folder.read("p.lkp");
    let hash = format!("{:016x}", Prior::read(&mut &bytes[..], 1 << 30).unwrap().hash());
    folder.lockstep("-q --prior p.lkp a").assert().success();
    folder.lockstep("-q --prior p.lkp --seed 9 b").assert().success();
    for (archive, name) in [("a.lks", &hash[8..]), ("b.lks", &hash[..])] {
        let message = contains(name).and(contains("--prior"));
        folder.lockstep("-dc").arg(archive).assert().code(1).stdout("").stderr(message);
    }
    folder.tiny_train("a b -q -o other.lkp").assert().success();
    for archive in ["a.lks", "b.lks"] {
        folder.lockstep("-dc --prior other.lkp").arg(archive).assert().code(1).stderr(contains("the one given is"));
    }
    folder.lockstep("--prior missing.lkp a").assert().code(1).stderr(contains("can't read missing.lkp"));
    folder.lockstep("--prior a.lks a").assert().code(2).stderr(contains("not a prior"));
    folder.lockstep("-d p.lkp -o x").assert().success();
}

fn an_embedded_prior_needs_no_flag() {
    let folder = folder();
    let prior = folder.read("p.lkp");
    for flags in ["", "--seed 9"] {
        folder.lockstep("-q -f --prior p.lkp --embed-prior a").args(flags.split_whitespace()).assert().success();
        let archive = folder.read("a.lks");
        assert!(archive.starts_with(&prior));
        folder.lockstep("-q -f --prior p.lkp b").assert().success();
        // The prior at the start serves all frames that follow.
        folder.write("both.lks", [&archive[..], &folder.read("b.lks")].concat());
        folder.lockstep("-dc both.lks").assert().success().stdout([record(100), record(101)].concat());
        let mut damaged = archive.clone();
        damaged[prior.len() / 2] ^= 1;
        folder.write("bad.lks", damaged);
        folder.lockstep("-dc bad.lks").assert().code(2).stdout("").stderr(contains("the prior is corrupt"));
    }
    folder.lockstep("-l a.lks").assert().success().stdout(contains("1 x 16 units"));
}

fn a_job_can_start_from_the_model_of_the_job_before() {
    let folder = Folder::new();
    let whole: Vec<u8> = records(0..450).concat();
    let parts: Vec<&[u8]> = whole.chunks(whole.len().div_ceil(3)).collect();
    folder.write("whole", &whole);
    folder.tiny("-q whole").assert().success();
    let mut sum = 0;
    for (i, part) in parts.iter().enumerate() {
        folder.write(&format!("part{i}"), part);
        let load = if i > 0 { format!("--load-model m{}", i - 1) } else { String::new() };
        folder.tiny(&format!("-q --save-model m{i} {load} part{i}")).assert().success();
        sum += folder.read(&format!("part{i}.lks")).len();
        // The decoder saves the same model.
        folder.lockstep(&format!("-dc --save-model d{i} {load} part{i}.lks")).assert().success().stdout(part.to_vec());
        assert!(folder.read(&format!("m{i}")) == folder.read(&format!("d{i}")), "model {i}");
    }
    let uncut = folder.read("whole.lks").len();
    assert!(sum < uncut + 2 * 142 + uncut / 20, "{sum} bytes in parts, {uncut} in one");
    folder.tiny("-q -f --save-model m0 part0").assert().success();
    folder.tiny("-q --save-model m0 -o x part1").assert().code(1).stderr(contains("m0 exists already"));
}

fn exported_weights_are_those_of_the_network() {
    let bytes = trained(Device::Cpu);
    let prior = Prior::read(&mut &bytes[..], 1 << 30).unwrap();
    let (network, layout) = (prior.network().unwrap(), Layout::new(&method().model));
    let master = |index: usize| network.master[index] as f32 / (1 << 24) as f32;
    let full = to_safetensors(&prior, Precision::F32).unwrap().unwrap();
    let half = to_safetensors(&prior, Precision::F16).unwrap().unwrap();
    let (full, half) = (SafeTensors::deserialize(&full).unwrap(), SafeTensors::deserialize(&half).unwrap());
    let read = |name: &str| -> (Vec<usize>, Vec<f32>) {
        let tensor = full.tensor(name).unwrap();
        let numbers = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        (tensor.shape().to_vec(), numbers.collect())
    };
    assert_eq!(full.len(), 5);
    let (shape, embedding) = read("embedding.weight");
    assert_eq!((shape, embedding[300]), (vec![256, 16], master(300)));
    let (shape, output) = read("output.weight");
    assert_eq!((shape, output[65 * 16 + 3]), (vec![256, 16], master(layout.matrices[1].index(65, 3))));
    let (shape, layer) = read("lstm.0.weight");
    // Row 16 of 64 is the first cell's forget gate.
    assert_eq!((shape, layer[16 * 32 + 31]), (vec![64, 32], master(layout.matrices[0].index(16, 31))));
    assert_eq!(read("lstm.0.bias").1[63], master(layout.matrices[0].index(63, 32)));
    let tensor = half.tensor("lstm.0.weight").unwrap();
    let numbers = tensor.data().chunks_exact(2).map(|b| half::f16::from_le_bytes(b.try_into().unwrap()).to_f32());
    assert!(numbers.zip(layer).all(|(h, f)| (h - f).abs() <= f.abs() / 1024.0 + 1e-6));
    let without = Prior::new(Method { network: false, ..method() }, 1, None, None);
    assert!(to_safetensors(&without, Precision::F32).unwrap().is_none());
}

fn the_command_exports_a_prior() {
    let folder = folder();
    folder.lockstep("export p.lkp -o p.safetensors --half").assert().success();
    assert_eq!(SafeTensors::deserialize(&folder.read("p.safetensors")).unwrap().len(), 5);
    folder.lockstep("export p.lkp -o p.safetensors").assert().code(1).stderr(contains("exists already"));
    folder.lockstep("export a -o x").assert().code(2).stderr(contains("not a prior"));
}

fn training_refuses_samples_that_it_cannot_use() {
    let folder = Folder::with("a", &text(100));
    folder.write("empty", "");
    folder.lockstep("train empty -o p").assert().code(1).stderr(contains("the samples are empty"));
    folder.lockstep("train missing -o p").assert().code(1).stderr(contains("can't read missing"));
    folder.lockstep("train a -o p --memory 1M").assert().code(1).stderr(contains("--memory"));
    folder.lockstep("train -o p").assert().code(1);
    assert_eq!(folder.names(), ["a", "empty"]);
}

fn main() -> ExitCode {
    devices::run([
        tests!(
            devices::anywhere:
            training_twice_gives_the_same_prior,
            the_loss_falls_and_the_best_pass_is_kept,
            a_prior_comes_back_from_its_file,
            hostile_priors_are_refused,
            a_prior_makes_records_small_and_they_are_restored,
            a_missing_prior_is_named,
            an_embedded_prior_needs_no_flag,
            a_job_can_start_from_the_model_of_the_job_before,
            exported_weights_are_those_of_the_network,
            the_command_exports_a_prior,
            training_refuses_samples_that_it_cannot_use,
        ),
        tests!(
            devices::on_devices:
            training_is_exact_on_every_device,
        ),
    ])
}
