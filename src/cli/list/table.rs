//! The list for people.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use lockstep::{BlockInfo, Frame, Method, Prior};

use super::super::escape::printable;
use super::super::progress::{bits_per_byte, percent};
use super::{Details, Listed};

/// Writes a row for each archive, and lines with the details that there are.
pub fn write(out: &mut impl Write, listed: &[Listed], prior: Option<(&Prior, &Path)>) -> io::Result<()> {
    writeln!(
        out,
        "{:>6} {:>6} {:>12} {:>12} {:>8} {:>9}  {:<36}  {:<16}  {:>8}  File",
        "Frames", "Blocks", "Compressed", "Raw", "Ratio", "Bits/byte", "Model", "Check (XXH3)", "Recovery"
    )?;
    for archive in listed {
        let (raw, coded) = (archive.raw_len(), archive.len);
        let blocks: usize = archive.frames.iter().map(|f| f.blocks().len()).sum();
        let (percent, bits) = (percent(raw, coded), bits_per_byte(raw, coded));
        let (model, check) = (common(&archive.frames, |frame| model(frame, prior)), common(&archive.frames, check));
        let (frames, recovery, name) = (archive.frames.len(), recovery(archive), name(archive));
        writeln!(
            out,
            "{frames:>6} {blocks:>6} {coded:>12} {raw:>12} {percent:>6.2} % {bits:>9.3}  {model:<36}  {check:<16}  \
             {recovery:>8}  {name}"
        )?;
        if let Some(details) = &archive.details {
            write_details(out, archive, details, prior)?;
        }
    }
    Ok(())
}

fn write_details(
    out: &mut impl Write,
    archive: &Listed,
    details: &Details,
    prior: Option<(&Prior, &Path)>,
) -> io::Result<()> {
    for (number, (frame, blocks)) in archive.frames.iter().zip(&details.blocks).enumerate() {
        let (raw, coded, model, check) = (frame.raw_len(), frame.compressed_len(), model(frame, prior), check(frame));
        writeln!(out, "  frame {}: {raw} => {coded} bytes, {model}, check {check}", number + 1)?;
        for (number, block) in blocks.iter().enumerate() {
            let BlockInfo { raw_len, compressed_len, .. } = block;
            writeln!(out, "    block {}: {raw_len} => {compressed_len} bytes, {}", number + 1, form(block))?;
        }
    }
    for part in &archive.recovery {
        let state = if details.mending.is_intact() { "intact" } else { "damaged" };
        writeln!(out, "  recovery data: {} % of {} bytes, {} bytes, {state}", part.percent, part.covered, part.len)?;
    }
    match &details.estimate {
        Some(estimate) => writeln!(
            out,
            "  decoding takes about {} here, at {:.0} bytes/s (measured on the CPU, one frame after the other)",
            duration(estimate.seconds),
            estimate.rate
        ),
        None => Ok(()),
    }
}

/// Returns the words that fit all frames, or "several".
fn common(frames: &[Frame], words: impl Fn(&Frame) -> String) -> String {
    let mut all = frames.iter().map(words);
    let first = all.next().unwrap_or_default();
    if all.all(|other| other == first) { first } else { "several".into() }
}

/// Describes the model of a frame, and the prior that it starts from.
fn model(frame: &Frame, given: Option<(&Prior, &Path)>) -> String {
    let mut words = match frame.method() {
        Some(method) => method_words(method),
        None if frame.is_compact() => "compact".into(),
        None => "unknown".into(),
    };
    if let Some(hash) = frame.prior() {
        match given.filter(|(prior, _)| hash.matches(prior)) {
            Some((_, file)) => words += &format!(", prior {}", printable(file.as_os_str())),
            None => words += &format!(", prior {hash}"),
        }
    }
    words
}

fn method_words(method: &Method) -> String {
    let c = &method.model;
    let streams = match c.streams {
        1 => "1 stream".to_owned(),
        count => format!("{count} streams"),
    };
    let network = format!("{} x {} units, {streams} of {}", c.layers, c.units, c.segment);
    let words = match (method.network, method.mixing) {
        (true, None) => network,
        (true, Some(mixing)) => format!("{network}, {} mixing", mixing.kind.name()),
        (false, mixing) => format!("{} mixing, {streams}", mixing.map_or("no", |m| m.kind.name())),
    };
    match method.panel {
        Some(panel) => format!("{words}, panels of {panel}"),
        None => words,
    }
}

/// Returns the checksum of a frame in words.
pub fn check(frame: &Frame) -> String {
    match frame.checksum() {
        Some(checksum) => format!("{checksum:016x}"),
        None if frame.is_compact() => "-".into(),
        None => "damaged".into(),
    }
}

/// Describes how a block is represented.
fn form(block: &BlockInfo) -> String {
    let mut words = block.kind.to_owned();
    if let Some(transform) = block.transform {
        words += &format!(", transform {}", transform.name());
    }
    if let Some((pixel, row)) = block.raster {
        words += &format!(" of {pixel} bytes a pixel, {row} bytes a row");
    }
    words
}

fn recovery(archive: &Listed) -> String {
    let mut percents = archive.recovery.iter().map(|part| part.percent);
    match percents.next() {
        None => "-".into(),
        Some(first) if percents.all(|other| other == first) => format!("{first} %"),
        Some(_) => "several".into(),
    }
}

fn name(archive: &Listed) -> Cow<'_, str> {
    if archive.name == "-" { "(stdin)".into() } else { printable(&archive.name) }
}

/// Returns a time in words, with two digits that mean something.
fn duration(seconds: f64) -> String {
    match seconds {
        0.0..1.0 => format!("{:.0} ms", 1e3 * seconds),
        1.0..120.0 => format!("{seconds:.0} s"),
        120.0..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}
