//! Cuts what is read as one block where the kind of data changes. Each piece becomes a block.
//!
//! Runs of one byte (`runs`) and noise (`noise`, `repeats`) are found first: the model passes over
//! them. The data between them is cut where its statistics change (`changes`), if the parts gain
//! enough from transforms of their own (`plan`). All decisions are made of exact integers, so the same
//! input is cut in the same way everywhere.

mod changes;
mod noise;
mod plan;
mod repeats;
mod runs;
mod uniform;

use std::ops::Range;

use super::settings::EncodeSettings;
use crate::engine::EngineError;
use crate::model::ModelConfig;
use crate::transform::Choice;

use noise::find_noise;
use plan::cut_data;
use runs::find_runs;

/// The fewest bytes of data between other pieces: fewer might not get shorter, and a stored block
/// would cost all that the mixing stage has learned.
const LEAST_DATA: usize = 4 << 10;

/// A piece of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the piece, at least 1.
    pub len: usize,
    /// What it holds.
    pub kind: Kind,
}

/// What a piece holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One byte, repeated.
    Run(u8),
    /// Bytes that no model can shorten.
    Noise {
        /// Bytes of a sample of it.
        sample: usize,
        /// Bytes of the sample's code.
        coded: usize,
    },
    /// Anything else.
    Data,
}

/// Cuts a block that is not empty into pieces, which cover it.
///
/// A job that starts from a prior has only runs cut out: the prior may know what looks like noise.
/// With a given transform, data is not cut further.
pub async fn cut(raw: &[u8], settings: &EncodeSettings, model: &ModelConfig) -> Result<Vec<Piece>, EngineError> {
    let mut runs = find_runs(raw);
    let mut special = Vec::new();
    if settings.prior.is_none() {
        let noise = find_noise(raw, &runs, model).await?;
        runs.retain(|run| !meets(&noise.repeats, run));
        special = noise.found;
    }
    special.extend(runs.into_iter().map(|run| (run.clone(), Kind::Run(raw[run.start]))));
    special.sort_by_key(|(range, _)| range.start);
    let whole_data = settings.prior.is_some() || settings.transform != Choice::Auto;
    let mut pieces = Vec::new();
    for (range, kind) in with_data_between(special, raw.len()) {
        match kind {
            Kind::Data if !whole_data => {
                let lens = cut_data(&raw[range], model).await?;
                pieces.extend(lens.into_iter().map(|len| Piece { len, kind }));
            }
            kind => pieces.push(Piece { len: range.len(), kind }),
        }
    }
    Ok(pieces)
}

/// True if one of the ranges, which are in order and apart, has a byte in common with `range`.
fn meets(ranges: &[Range<usize>], range: &Range<usize>) -> bool {
    let next = ranges.partition_point(|other| other.end <= range.start);
    ranges.get(next).is_some_and(|other| other.start < range.end)
}

/// Adds the data between special pieces; where it is very short, it takes bytes from the runs beside it.
fn with_data_between(special: Vec<(Range<usize>, Kind)>, len: usize) -> Vec<(Range<usize>, Kind)> {
    let mut all: Vec<(Range<usize>, Kind)> = Vec::new();
    let mut end = 0;
    for (mut range, kind) in special.into_iter().chain([(len..len, Kind::Data)]) {
        // Two parts of noise may both claim what is between them.
        range.start = range.start.max(end);
        let mut gap = end..range.start;
        if !gap.is_empty() {
            let missing = LEAST_DATA.saturating_sub(gap.len());
            if matches!(kind, Kind::Run(_)) {
                gap.end += missing;
                range.start += missing;
            } else if let Some((before, Kind::Run(_))) = all.last_mut() {
                gap.start -= missing;
                before.end -= missing;
            }
            all.push((gap, Kind::Data));
        }
        end = range.end.max(range.start);
        if !range.is_empty() {
            all.push((range, kind));
        }
    }
    all
}
