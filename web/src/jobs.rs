//! Whole jobs: compressing, decompressing, listing, training.

use std::io::{self, Write};

use js_sys::{Array, Function, Uint8Array};
use lockstep::{Archive, Error, Frame, Prior, PriorHash, Summary, TrainingEvent, asynchronous};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::failure::Failure;
use crate::input::{Input, Source};
use crate::observer::{Observer, Watch};
use crate::options::{JobOptions, MEMORY};
use crate::output::output;

/// The end of a job.
#[derive(Serialize)]
struct Done {
    raw: u64,
    coded: u64,
    engine: String,
}

impl From<Summary> for Done {
    fn from(Summary { raw, coded, engine }: Summary) -> Self {
        Done { raw, coded, engine: engine.map_or_else(String::new, |engine| engine.to_string()) }
    }
}

/// Compresses `source`; `write` receives the archive part by part.
#[wasm_bindgen]
pub async fn compress(
    source: Source,
    write: Function,
    options: JsValue,
    observer: Observer,
) -> Result<JsValue, Failure> {
    let (input, job) = (Input::new(source), JobOptions::read(options)?);
    let options = job.options()?.length(input.size());
    let method = options.planned_method();
    let options = job.on_device(options, &[&method], &observer).await?;
    let mut watch = Watch::new(&observer);
    let done = asynchronous::compress(input, output(write), &options, &mut watch).await;
    finish(&mut watch, done)
}

/// Decompresses `source`; `write` receives the content part by part, or is left out where the
/// archive is only to be tested.
#[wasm_bindgen]
pub async fn decompress(
    source: Source,
    write: Option<Function>,
    options: JsValue,
    observer: Observer,
) -> Result<JsValue, Failure> {
    let (mut input, job) = (Input::new(source), JobOptions::read(options)?);
    let mut options = job.options()?;
    if let Ok(archive) = Archive::open(&mut input) {
        let methods: Vec<_> = archive.frames().iter().filter_map(Frame::method).collect();
        options = job.on_device(options, &methods, &observer).await?;
    }
    io::Seek::rewind(&mut input).map_err(Error::Input)?;
    let mut watch = Watch::new(&observer);
    let output: Box<dyn Write> = match write {
        Some(write) => Box::new(output(write)),
        None => Box::new(io::sink()),
    };
    let done = asynchronous::decompress(input, output, &options, &mut watch).await;
    finish(&mut watch, done)
}

fn finish(watch: &mut Watch, done: Result<Summary, Error>) -> Result<JsValue, Failure> {
    let done = done?;
    watch.finish();
    Ok(value(&Done::from(done)))
}

/// Returns an object of JavaScript; what this module returns can always be one.
fn value(of: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(of).unwrap_or(JsValue::UNDEFINED)
}

/// An archive, as its bytes describe it.
#[derive(Serialize)]
struct ArchiveInfo {
    raw: u64,
    coded: u64,
    frames: Vec<FrameInfo>,
    recovery: Vec<u8>,
    damage: String,
}

/// A frame of an archive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FrameInfo {
    raw: u64,
    coded: u64,
    blocks: usize,
    method: String,
    prior: String,
    has_prior: bool,
    memory: u64,
}

/// Lists an archive. Nothing is decoded.
#[wasm_bindgen]
pub fn list(source: Source) -> Result<JsValue, Failure> {
    let archive = Archive::open(Input::new(source))?;
    let mut has_prior = false;
    let mut frames = Vec::new();
    for frame in archive.frames() {
        has_prior |= frame.prior_len() > 0;
        frames.push(FrameInfo {
            raw: frame.raw_len(),
            coded: frame.compressed_len(),
            blocks: frame.blocks().len(),
            method: frame.method().map_or_else(String::new, method),
            prior: frame.prior().map_or_else(String::new, digits),
            has_prior: has_prior && frame.prior().is_some(),
            memory: frame.memory().unwrap_or(0),
        });
    }
    Ok(value(&ArchiveInfo {
        raw: archive.len(),
        coded: archive.compressed_len(),
        frames,
        recovery: archive.recovery().map(|recovery| recovery.percent).collect(),
        damage: archive.damage().map_or_else(String::new, |damage| damage.to_string()),
    }))
}

fn digits(PriorHash { bits, hash }: PriorHash) -> String {
    let digits = bits as usize / 4;
    format!("{hash:0digits$x}")
}

/// Describes a method in a few words.
fn method(method: &lockstep::Method) -> String {
    let network = method.network.then(|| {
        let model = &method.model;
        let layers = if model.layers == 1 { "1 layer".to_owned() } else { format!("{} layers", model.layers) };
        format!("{layers} of {} units", model.units)
    });
    let mixing = method.mixing.map(|mixing| format!("mixing {}", mixing.kind.name()));
    network.into_iter().chain(mixing).collect::<Vec<_>>().join(", ")
}

/// What compressing needs.
#[derive(Serialize)]
struct Estimate {
    memory: u64,
    streams: u32,
    network: bool,
}

/// Tells what compressing `length` bytes needs.
#[wasm_bindgen]
pub fn estimate(length: f64, options: JsValue) -> Result<JsValue, Failure> {
    let options = JobOptions::read(options)?.options()?.length(length as u64);
    let method = options.planned_method();
    let memory = options.memory_needed();
    Ok(value(&Estimate { memory, streams: method.model.streams, network: method.network }))
}

/// Trains a prior on samples, an array of `Uint8Array`; returns its file.
#[wasm_bindgen]
pub async fn train(samples: Array, options: JsValue, observer: Observer) -> Result<Vec<u8>, Failure> {
    let job = JobOptions::read(options)?;
    let samples: Vec<Vec<u8>> = samples.iter().map(|sample| Uint8Array::from(sample).to_vec()).collect();
    let length: usize = samples.iter().map(Vec::len).sum();
    let options = job.options()?.length(length as u64);
    let method = options.planned_method();
    let options = job.on_device(options, &[&method], &observer).await?;
    let mut pass = 0;
    let mut watch = Watch::new(&observer);
    let mut prior = asynchronous::train(&samples, &options, &mut |event| match event {
        TrainingEvent::Progress { done, of } => watch.trained(pass * of + done),
        TrainingEvent::Pass { number, .. } => pass = number.into(),
        _ => {}
    })
    .await?;
    let mut file = Vec::new();
    prior.write(&mut file).map_err(Error::Output)?;
    Ok(file)
}

/// Returns the hash by which archives name a prior, as 16 hexadecimal digits.
#[wasm_bindgen(js_name = priorHash)]
pub fn prior_hash(prior: &[u8]) -> Result<String, Failure> {
    let prior = Prior::read(prior, MEMORY).map_err(Error::from)?;
    Ok(format!("{:016x}", prior.hash()))
}
