//! `lockstep -l FILE.lks`: lists the content of archives, without decoding.

use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use lockstep::internals::model::config::RATE_FRACTION;
use lockstep::{Archive, ArchiveError, Error, Frame};
use serde_json::{Value, json};

use super::exit::{Exit, report};
use super::files::{Input, check_stdout, display_name};
use super::options::CommandLine;
use super::progress::{bits_per_byte, percent};

/// Lists archives as a table, or in JSON; reports those that can't be listed.
pub fn list(line: &CommandLine) -> anyhow::Result<Exit> {
    check_stdout()?;
    let (mut exit, mut listed) = (Exit::Done, Vec::new());
    for file in line.files() {
        let name = display_name(file).into_owned();
        let result = frames(file).and_then(|(frames, damaged)| {
            listed.push((name.clone(), frames));
            if damaged { Err(Error::from(ArchiveError::Trailer).into()) } else { Ok(Exit::Done) }
        });
        exit = exit.max(report(&name, line.quiet, result));
    }
    let mut out = io::stdout().lock();
    if line.json {
        let archives: Vec<Value> = listed.iter().map(|(name, frames)| archive_json(name, frames)).collect();
        writeln!(out, "{:#}", Value::from(archives))?;
    } else if !listed.is_empty() {
        write_table(&mut out, &listed)?;
    }
    Ok(exit)
}

/// Lists the frames, and whether trailers are damaged, so that the blocks were read instead.
fn frames(file: &Path) -> anyhow::Result<(Vec<Frame>, bool)> {
    let mut input = Input::open(file, true)?;
    let Some(file) = input.file() else { bail!("only a file can be listed, as the list is at its end") };
    let archive = Archive::open(file)?;
    Ok((archive.frames().to_vec(), archive.is_damaged()))
}

fn raw_len(frames: &[Frame]) -> u64 {
    frames.iter().map(|f| f.raw_len()).sum()
}

fn coded_len(frames: &[Frame]) -> u64 {
    frames.iter().map(|f| f.compressed_len() + f.prior_len()).sum()
}

/// Returns the words that fit all frames, or "several".
fn common(frames: &[Frame], words: impl Fn(&Frame) -> String) -> String {
    let mut all = frames.iter().map(words);
    let first = all.next().unwrap_or_default();
    if all.all(|other| other == first) { first } else { "several".into() }
}

fn model(frame: &Frame) -> String {
    let c = &frame.method().model;
    let streams = match c.streams {
        1 => "1 stream".to_owned(),
        count => format!("{count} streams"),
    };
    let network = format!("{} x {} units, {streams} of {}", c.layers, c.units, c.segment);
    match (frame.method().network, frame.method().mixing) {
        (true, None) => network,
        (true, Some(mixing)) => format!("{network}, {} mixing", mixing.kind.name()),
        (false, mixing) => format!("{} mixing, {streams}", mixing.map_or("no", |m| m.kind.name())),
    }
}

fn check(frame: &Frame) -> String {
    frame.checksum().map_or_else(|| "damaged".into(), |checksum| format!("{checksum:016x}"))
}

fn write_table(out: &mut impl Write, listed: &[(String, Vec<Frame>)]) -> io::Result<()> {
    writeln!(
        out,
        "{:>6} {:>6} {:>12} {:>12} {:>8} {:>9}  {:<36}  {:<16}  File",
        "Frames", "Blocks", "Compressed", "Raw", "Ratio", "Bits/byte", "Model", "Check (XXH3)"
    )?;
    for (name, frames) in listed {
        let (raw, coded) = (raw_len(frames), coded_len(frames));
        let blocks: usize = frames.iter().map(|f| f.blocks().len()).sum();
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
    let method = frame.method();
    let config = &method.model;
    // Eight digits: Q28 has no more precision, and 0.004 stays 0.004.
    let rate = |q28: u32| (f64::from(q28) / f64::from(1 << RATE_FRACTION) * 1e8).round() / 1e8;
    json!({
        "raw_bytes": frame.raw_len(),
        "compressed_bytes": frame.compressed_len(),
        "xxh3": check(frame),
        "block_size": frame.block_size(),
        "memory_bytes": frame.memory(),
        "blocks": frame.blocks().map(|(raw, compressed)| json!({
            "raw_bytes": raw,
            "compressed_bytes": compressed,
            "stored": raw == compressed,
        })).collect::<Vec<_>>(),
        "mixing": method.mixing.map(|mixing| mixing.kind.name()),
        "mixing_table_bytes": method.mixing.map(|mixing| 1u64 << mixing.table_bits),
        "network": method.network,
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
