//! A prior's weights in the safetensors format, which other tools read.

use half::f16;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::Prior;
use crate::model::Layout;
use crate::model::layout::gate_row;
use crate::numerics::fixed::MASTER_FRACTION;
use crate::numerics::softmax::SYMBOLS;

/// The precision of exported numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 16 bits, rounded.
    F16,
    /// 32 bits, rounded where a weight has more than 24.
    F32,
}

/// One exported matrix or vector.
struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Prior {
    /// Returns the network's weights as a safetensors file; nothing if there is no network.
    ///
    /// Names and order are those of PyTorch: `embedding.weight` `[256, E]`; `lstm.N.weight`
    /// `[4 U, inputs]` with the rows of all input, forget, candidate and output gates in this order,
    /// `lstm.N.bias` `[4 U]`; `output.weight` `[256, L U]`, `output.bias` `[256]`. The inputs of a
    /// layer are the embedding, the layer below (but for the lowest), and its own last hidden state.
    pub fn to_safetensors(&self, precision: Precision) -> Option<Vec<u8>> {
        // It fails only where a tensor's shape contradicts its bytes, and these don't.
        to_safetensors(self, precision).ok().flatten()
    }
}

/// See [`Prior::to_safetensors`].
pub fn to_safetensors(prior: &Prior, precision: Precision) -> Result<Option<Vec<u8>>, SafeTensorError> {
    let Some(parameters) = prior.network() else { return Ok(None) };
    let config = &prior.method().model;
    let layout = Layout::new(config);
    let master = &parameters.master;
    let number = |index: usize| f64::from(master[index]) / f64::from(1 << MASTER_FRACTION);
    let bytes = |indices: Vec<usize>| -> Vec<u8> {
        match precision {
            Precision::F16 => indices.into_iter().flat_map(|i| f16::from_f64(number(i)).to_le_bytes()).collect(),
            Precision::F32 => indices.into_iter().flat_map(|i| (number(i) as f32).to_le_bytes()).collect(),
        }
    };
    let shape = vec![SYMBOLS, config.embedding()];
    let mut tensors =
        vec![Tensor { name: "embedding.weight".into(), shape, bytes: bytes((0..layout.embedding_len).collect()) }];
    for (number, matrix) in layout.matrices.iter().enumerate() {
        let (name, rows): (_, Vec<usize>) = if number < config.layers() {
            let gates = (0..4).flat_map(|gate| (0..config.units()).map(move |cell| gate_row(cell, gate)));
            (format!("lstm.{number}"), gates.collect())
        } else {
            ("output".into(), (0..SYMBOLS).collect())
        };
        let weights = rows.iter().flat_map(|&row| (0..matrix.inputs).map(move |input| matrix.index(row, input)));
        let (shape, content) = (vec![rows.len(), matrix.inputs], bytes(weights.collect()));
        tensors.push(Tensor { name: format!("{name}.weight"), shape, bytes: content });
        let biases = rows.iter().map(|&row| matrix.index(row, matrix.inputs)).collect();
        tensors.push(Tensor { name: format!("{name}.bias"), shape: vec![rows.len()], bytes: bytes(biases) });
    }
    let kind = match precision {
        Precision::F16 => Dtype::F16,
        Precision::F32 => Dtype::F32,
    };
    let mut views = Vec::new();
    for tensor in &tensors {
        views.push((tensor.name.as_str(), TensorView::new(kind, tensor.shape.clone(), &tensor.bytes)?));
    }
    serialize(views, None).map(Some)
}
