//! The list for programs.

use std::path::Path;

use lockstep::internals::model::config::RATE_FRACTION;
use lockstep::{BlockInfo, Frame, Method, Prior};
use serde_json::{Map, Value, json};

use super::super::escape::put_name;
use super::Listed;
use super::table::check;

/// Describes an archive.
pub fn archive(archive: &Listed, prior: Option<(&Prior, &Path)>) -> Value {
    let mut object = Map::new();
    put_name(&mut object, &archive.name);
    object.insert("raw_bytes".into(), archive.raw_len().into());
    object.insert("compressed_bytes".into(), archive.len.into());
    let mut frames = Vec::new();
    let mut recovery: Vec<Value> = archive
        .recovery
        .iter()
        .map(|part| json!({"percent": part.percent, "protected_bytes": part.covered, "bytes": part.len}))
        .collect();
    if let Some(details) = &archive.details {
        frames = archive.frames.iter().zip(&details.blocks).map(|(f, blocks)| frame(f, blocks, prior)).collect();
        let mending = &details.mending;
        for part in &mut recovery {
            part["intact"] = mending.is_intact().into();
        }
        let ranges =
            |ranges: &[std::ops::Range<u64>]| json!(ranges.iter().map(|r| [r.start, r.end]).collect::<Vec<_>>());
        object.insert("mended_ranges".into(), ranges(mending.damaged()));
        object.insert("lost_ranges".into(), ranges(mending.lost()));
        object.insert("decode_seconds".into(), details.estimate.as_ref().map(|estimate| estimate.seconds).into());
        object.insert("decode_bytes_per_second".into(), details.estimate.as_ref().map(|estimate| estimate.rate).into());
    }
    object.insert("recovery".into(), recovery.into());
    object.insert("frames".into(), frames.into());
    object.into()
}

fn frame(frame: &Frame, blocks: &[BlockInfo], given: Option<(&Prior, &Path)>) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| drop(object.insert(key.into(), value));
    put("raw_bytes", frame.raw_len().into());
    put("compressed_bytes", frame.compressed_len().into());
    put("xxh3", check(frame).into());
    put("compact", frame.is_compact().into());
    put("intact", frame.is_intact().into());
    put("block_size", frame.block_size().into());
    put("memory_bytes", frame.memory().into());
    put("blocks", blocks.iter().map(block).collect());
    put("prior", frame.prior().map(|hash| hash.to_string()).into());
    if let (Some(hash), Some((prior, file))) = (frame.prior(), given)
        && hash.matches(prior)
    {
        let mut name = Map::new();
        put_name(&mut name, file.as_os_str());
        put("prior_file", name.into());
    }
    if let Some(method) = frame.method() {
        put("mixing", method.mixing.map(|mixing| mixing.kind.name()).into());
        put("mixing_table_bytes", method.mixing.map(|mixing| 1u64 << mixing.table_bits).into());
        put("network", method.network.into());
        put("panel_bytes", method.panel.into());
        put("model", model(method));
    }
    object.into()
}

fn block(block: &BlockInfo) -> Value {
    let mut object = json!({
        "raw_bytes": block.raw_len,
        "compressed_bytes": block.compressed_len,
        "stored": block.kind == "stored",
        "kind": block.kind,
        "transform": block.transform.map(|transform| transform.name()),
    });
    if let Some((pixel, row)) = block.raster {
        object["pixel_bytes"] = pixel.into();
        object["row_bytes"] = row.into();
    }
    object
}

fn model(method: &Method) -> Value {
    let config = &method.model;
    // Eight digits: Q28 has no more precision, and 0.004 stays 0.004.
    let rate = |q28: u32| (f64::from(q28) / f64::from(1 << RATE_FRACTION) * 1e8).round() / 1e8;
    json!({
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
    })
}
