//! A trial: a sample, coded by a small mixing stage of its own, to see what a block would take.

use super::block::{BlockSpan, encode_symbols};
use super::predictor::Predictor;
use crate::engine::EngineError;
use crate::model::{Method, MixingConfig, MixingKind, ModelConfig, Raster};

/// log2 of the bytes of a trial's mixing table.
const TABLE: u32 = 22;

/// Returns the size of `sample` as coded by the mixing stage alone.
pub async fn coded_len(sample: &[u8], raster: Option<Raster>, model: &ModelConfig) -> Result<usize, EngineError> {
    let model = ModelConfig { streams: 1, ..model.clone() };
    let mixing = Some(MixingConfig { kind: MixingKind::Light, table_bits: TABLE });
    let method = Method { model, network: false, mixing, panel: None };
    let mut predictor = Predictor::new(&method, None, sample.len() as u32, None);
    let span = BlockSpan { raster, ..BlockSpan::plain(sample.len(), 0) };
    Ok(encode_symbols(&mut predictor, sample, span).await?.len())
}
