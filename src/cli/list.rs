//! `lockstep -l FILE.lks`: what archives hold, without decoding.

use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use lockstep::internals::archive::{self, ArchiveError, Frame};
use lockstep::internals::model::config::RATE_FRACTION;
use serde_json::{Value, json};

use super::exit::{Exit, report};
use super::input::{Input, display_name};
use super::options::Options;
use super::progress::{bits_per_byte, percent};

/// Lists archives as a table, or in JSON; those that can't be listed are told of.
pub fn list(options: &Options) -> anyhow::Result<Exit> {
    let (mut exit, mut listed) = (Exit::Done, Vec::new());
    for file in options.files() {
        let name = display_name(&file).into_owned();
        let result = frames(&file).and_then(|(frames, damage)| {
            listed.push((name.clone(), frames));
            damage.map_or(Ok(Exit::Done), |error| Err(error.into()))
        });
        exit = exit.max(report(&name, options.quiet, result));
    }
    let mut out = io::stdout().lock();
    if options.json {
        let archives: Vec<Value> = listed.iter().map(|(name, frames)| archive_json(name, frames)).collect();
        writeln!(out, "{:#}", Value::from(archives))?;
    } else if !listed.is_empty() {
        write_table(&mut out, &listed)?;
    }
    Ok(exit)
}

/// The frames, and what is wrong with the trailers if the blocks had to tell in their place.
fn frames(file: &Path) -> anyhow::Result<(Vec<Frame>, Option<ArchiveError>)> {
    let mut input = Input::open(file)?;
    let Some(file) = input.file() else { bail!("only a file can be listed, as the list is at its end") };
    match archive::list(file) {
        Ok(frames) => Ok((frames, None)),
        Err(error @ (ArchiveError::Corrupt { .. } | ArchiveError::Truncated)) => match archive::walk(file) {
            Ok(frames) => Ok((frames, Some(ArchiveError::Trailer))),
            Err(_) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn raw_len(frames: &[Frame]) -> u64 {
    frames.iter().map(|f| f.trailer.raw_len).sum()
}

fn coded_len(frames: &[Frame]) -> u64 {
    frames.iter().map(|f| f.trailer.frame_len + f.priors).sum()
}

/// What all frames have in common, or "several".
fn common(frames: &[Frame], words: impl Fn(&Frame) -> String) -> String {
    let mut all = frames.iter().map(words);
    let first = all.next().unwrap_or_default();
    if all.all(|other| other == first) { first } else { "several".into() }
}

fn model(frame: &Frame) -> String {
    let c = &frame.header.method.model;
    let streams = match c.streams {
        1 => "1 stream".to_owned(),
        count => format!("{count} streams"),
    };
    let network = format!("{} x {} units, {streams} of {}", c.layers, c.units, c.segment);
    match (frame.header.method.network, frame.header.method.mixing) {
        (true, None) => network,
        (true, Some(mixing)) => format!("{network}, {} mixing", mixing.kind.name()),
        (false, mixing) => format!("{} mixing, {streams}", mixing.map_or("no", |m| m.kind.name())),
    }
}

fn check(frame: &Frame) -> String {
    match frame.trailer.checksum {
        0 if frame.trailer.raw_len > 0 => "damaged".into(),
        checksum => format!("{checksum:016x}"),
    }
}

fn write_table(out: &mut impl Write, listed: &[(String, Vec<Frame>)]) -> io::Result<()> {
    writeln!(
        out,
        "{:>6} {:>6} {:>12} {:>12} {:>8} {:>9}  {:<36}  {:<16}  File",
        "Frames", "Blocks", "Compressed", "Raw", "Ratio", "Bits/byte", "Model", "Check (XXH3)"
    )?;
    for (name, frames) in listed {
        let (raw, coded) = (raw_len(frames), coded_len(frames));
        let blocks: usize = frames.iter().map(|f| f.trailer.blocks.len()).sum();
        let (percent, bits) = (percent(raw, coded), bits_per_byte(raw, coded));
        let (model, check) = (common(frames, model), common(frames, check));
        let frames = frames.len();
        writeln!(
            out,
            "{frames:>6} {blocks:>6} {coded:>12} {raw:>12} {percent:>6.2} % {bits:>9.3}  {model:<36}  {check:<16}  {name}"
        )?;
    }
    Ok(())
}

fn archive_json(name: &str, frames: &[Frame]) -> Value {
    json!({
        "file": name,
        "raw_bytes": raw_len(frames),
        "compressed_bytes": coded_len(frames),
        "frames": frames.iter().map(frame_json).collect::<Vec<_>>(),
    })
}

fn frame_json(frame: &Frame) -> Value {
    let (header, trailer) = (&frame.header, &frame.trailer);
    let config = &header.method.model;
    // Eight digits: Q28 has no more to tell, and 0.004 stays 0.004.
    let rate = |q28: u32| (f64::from(q28) / f64::from(1 << RATE_FRACTION) * 1e8).round() / 1e8;
    json!({
        "raw_bytes": trailer.raw_len,
        "compressed_bytes": trailer.frame_len,
        "xxh3": check(frame),
        "block_size": header.block_size,
        "memory_bytes": header.memory(),
        "blocks": trailer.blocks.iter().map(|b| json!({
            "raw_bytes": b.raw,
            "compressed_bytes": b.coded,
            "stored": b.raw == b.coded,
        })).collect::<Vec<_>>(),
        "mixing": header.method.mixing.map(|mixing| mixing.kind.name()),
        "mixing_table_bytes": header.method.mixing.map(|mixing| 1u64 << mixing.table_bits),
        "network": header.method.network,
        "model": {
            "layers": config.layers,
            "units": config.units,
            "embedding": config.embedding,
            "streams": config.streams,
            "segment": config.segment,
            "replay_streams": config.replay_streams,
            "replay_steps": config.replay_steps,
            "dropout": f64::from(config.dropout) / 256.0,
            "error_bits": config.error_fraction,
            "lr_start": rate(config.rate_start),
            "lr_end": rate(config.rate_end),
            "schedule_bytes": config.schedule_length,
            "seed": config.seed,
        },
    })
}
