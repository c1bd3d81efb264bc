//! The shaders, and which buffers each of them binds in which order.

use crate::model::Shape;
use crate::numerics::softmax::SYMBOLS;
use crate::numerics::tables::TABLE_SIZE;
use crate::numerics::wide::FACTORS;

/// Everything that lives in device memory, one storage buffer each.
///
/// Shapes in words of 32 bits; a plane holds one 8-bit limb of each value,
/// four values a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// `[3][256]`: sigmoid, tanh, exp2.
    Tables,
    /// `[32]`: those of Adam's step.
    Factors,
    /// `[2][segment][streams]`: symbols put in, then targets.
    Symbols,
    /// `[256][embedding / 4]`.
    Embedding,
    /// `[matrices][rows / 16][inputs / 4][16 rows]`, a word four inputs of a row.
    ByInput,
    /// `[matrices][inputs / 16][rows / 4][16 inputs]`, a word four rows of an input.
    ByRow,
    /// `[matrices][rows]`.
    Biases,
    /// `[segment + 1][streams][record]`: a record has the inputs of every
    /// matrix one after the other, those of a layer's own states from the step before.
    Inputs,
    /// `[segment][streams][rows]` of a matrix, or `[segment][streams][units]`:
    /// what one product leaves for the next kernel.
    Sums,
    /// `[segment][streams][cells / 4][2][4]`: gates in pairs of 16 bits.
    Gates,
    /// `[segment + 1][streams][cells]`, then `[streams][cells]` errors.
    Cells,
    /// `[streams][cells]`: what dropout leaves of hidden states.
    Shares,
    /// `[segment][streams][256]`.
    Weights,
    /// `[2 planes][segment][streams][cells + 64]`: gate errors, then output errors.
    Errors,
    /// `[record / 16 + 1][samples / 4][16]`: inputs, and behind them the
    /// biases' constant; a word one value of four samples.
    InputSamples,
    /// `[2 planes][(4 * cells + 256) / 16][samples / 4][16]`, a word one error of four samples.
    ErrorSamples,
    /// `[segment][streams][embedding]`.
    EmbeddingErrors,
    /// Master weights in the layout's order.
    Masters,
    /// Second moments in the layout's order.
    Moments,
}

impl Buffer {
    /// All buffers, in the order of their images.
    pub const ALL: [Buffer; 19] = [
        Buffer::Tables,
        Buffer::Factors,
        Buffer::Symbols,
        Buffer::Embedding,
        Buffer::ByInput,
        Buffer::ByRow,
        Buffer::Biases,
        Buffer::Inputs,
        Buffer::Sums,
        Buffer::Gates,
        Buffer::Cells,
        Buffer::Shares,
        Buffer::Weights,
        Buffer::Errors,
        Buffer::InputSamples,
        Buffer::ErrorSamples,
        Buffer::EmbeddingErrors,
        Buffer::Masters,
        Buffer::Moments,
    ];

    /// Whether it holds the tables or what is learnt, rather than a batch of streams.
    pub fn is_learnt(self) -> bool {
        use Buffer::{Biases, ByInput, ByRow, Embedding, Masters, Moments, Tables};
        matches!(self, Tables | Embedding | ByInput | ByRow | Biases | Masters | Moments)
    }

    /// Length of the buffer in words.
    pub fn words(self, shape: &Shape) -> usize {
        let config = &shape.config;
        let samples = config.streams() * config.segment();
        let slots = config.streams() * (config.segment() + 1);
        let matrices = &shape.layout.matrices;
        let weights: usize = matrices.iter().map(|m| m.rows * m.inputs).sum();
        match self {
            Buffer::Tables => 3 * TABLE_SIZE,
            Buffer::Factors => FACTORS,
            Buffer::Symbols => 2 * samples,
            Buffer::Embedding => shape.layout.embedding_len / 4,
            Buffer::ByInput | Buffer::ByRow => weights / 4,
            Buffer::Biases => matrices.iter().map(|m| m.rows).sum(),
            Buffer::Inputs => slots * record(shape) / 4,
            Buffer::Sums => samples * SYMBOLS.max(4 * config.units()),
            Buffer::Gates => samples * shape.cells() * 2,
            Buffer::Cells => (slots + config.streams()) * shape.cells(),
            Buffer::Shares => config.streams() * shape.cells(),
            Buffer::Weights => samples * SYMBOLS,
            Buffer::Errors => 2 * samples * (shape.cells() + SYMBOLS / 4),
            Buffer::InputSamples => samples.div_ceil(4) * input_sample_row(shape),
            Buffer::ErrorSamples => 2 * samples.div_ceil(4) * error_sample_row(shape),
            Buffer::EmbeddingErrors => samples * config.embedding(),
            Buffer::Masters | Buffer::Moments => shape.layout.total,
        }
    }
}

/// Values of a record of inputs.
pub fn record(shape: &Shape) -> usize {
    shape.layout.matrices.iter().map(|m| m.inputs).sum()
}

/// Words of four samples in [`Buffer::InputSamples`].
pub fn input_sample_row(shape: &Shape) -> usize {
    record(shape) + 16
}

/// Words of four samples in a plane of [`Buffer::ErrorSamples`].
pub fn error_sample_row(shape: &Shape) -> usize {
    shape.gates() + SYMBOLS
}

/// One shader: its name is that of its file and its entry point and, but for those
/// that split sums, of its CPU twin.
pub struct Kernel {
    /// The name.
    pub name: &'static str,
    /// WGSL text with the helpers that it needs.
    pub source: &'static [&'static str],
    /// Storage buffers from binding 2 on, and whether the kernel writes them.
    pub bindings: &'static [(Buffer, bool)],
}

impl Kernel {
    /// The buffers that it writes.
    pub fn written(&self) -> impl Iterator<Item = Buffer> {
        self.bindings.iter().filter(|(_, written)| *written).map(|&(buffer, _)| buffer)
    }
}

/// Indices into [`KERNELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelId {
    Embed,
    ForwardSums,
    LstmForward,
    OutputForward,
    OutputError,
    BackwardSums,
    LstmBackward,
    EmbeddingBackward,
    EmbeddingUpdate,
    Samples,
    WeightUpdate,
    LayerForward,
    OutputLayer,
    LayerBackward,
    SplitEmbedding,
    SplitUpdate,
}

const COMMON: &str = include_str!("../../../shaders/common.wgsl");
const ACCUMULATORS: &str = include_str!("../../../shaders/accumulators.wgsl");
const ACTIVATION: &str = include_str!("../../../shaders/activation.wgsl");
const ADAM: &str = include_str!("../../../shaders/adam.wgsl");
const CELL_BACKWARD: &str = include_str!("../../../shaders/cell_backward.wgsl");
const CELL_FORWARD: &str = include_str!("../../../shaders/cell_forward.wgsl");
const DOT_ERRORS: &str = include_str!("../../../shaders/dot_errors.wgsl");
const GRADIENT: &str = include_str!("../../../shaders/gradient.wgsl");
const MULTIPLY_ROWS: &str = include_str!("../../../shaders/multiply_rows.wgsl");
const SPLIT_INPUTS: &str = include_str!("../../../shaders/split_inputs.wgsl");
const SPLIT_ROWS: &str = include_str!("../../../shaders/split_rows.wgsl");

const READ: bool = false;
const WRITE: bool = true;

/// What an update of weights binds.
const UPDATE_BINDINGS: &[(Buffer, bool)] = &[
    (Buffer::Factors, READ),
    (Buffer::InputSamples, READ),
    (Buffer::ErrorSamples, READ),
    (Buffer::Masters, WRITE),
    (Buffer::Moments, WRITE),
    (Buffer::ByInput, WRITE),
    (Buffer::ByRow, WRITE),
    (Buffer::Biases, WRITE),
];

/// All kernels, in the order of [`KernelId`].
pub const KERNELS: [Kernel; 16] = [
    Kernel {
        name: "embed",
        source: &[COMMON, include_str!("../../../shaders/embed.wgsl")],
        bindings: &[(Buffer::Symbols, READ), (Buffer::Embedding, READ), (Buffer::Inputs, WRITE)],
    },
    Kernel {
        name: "forward_sums",
        source: &[COMMON, ACCUMULATORS, include_str!("../../../shaders/forward_sums.wgsl")],
        bindings: &[(Buffer::ByInput, READ), (Buffer::Biases, READ), (Buffer::Inputs, READ), (Buffer::Sums, WRITE)],
    },
    Kernel {
        name: "lstm_forward",
        source: &[COMMON, ACTIVATION, CELL_FORWARD, include_str!("../../../shaders/lstm_forward.wgsl")],
        bindings: &[
            (Buffer::Tables, READ),
            (Buffer::Sums, READ),
            (Buffer::Shares, READ),
            (Buffer::Inputs, WRITE),
            (Buffer::Gates, WRITE),
            (Buffer::Cells, WRITE),
        ],
    },
    Kernel {
        name: "output_forward",
        source: &[COMMON, ACTIVATION, include_str!("../../../shaders/output_forward.wgsl")],
        bindings: &[(Buffer::Tables, READ), (Buffer::Sums, READ), (Buffer::Weights, WRITE)],
    },
    Kernel {
        name: "output_error",
        source: &[COMMON, include_str!("../../../shaders/output_error.wgsl")],
        bindings: &[(Buffer::Symbols, READ), (Buffer::Weights, READ), (Buffer::Errors, WRITE)],
    },
    Kernel {
        name: "backward_sums",
        source: &[COMMON, ACCUMULATORS, DOT_ERRORS, MULTIPLY_ROWS, include_str!("../../../shaders/backward_sums.wgsl")],
        bindings: &[(Buffer::ByRow, READ), (Buffer::Errors, READ), (Buffer::Sums, WRITE)],
    },
    Kernel {
        name: "lstm_backward",
        source: &[COMMON, ACTIVATION, CELL_BACKWARD, include_str!("../../../shaders/lstm_backward.wgsl")],
        bindings: &[
            (Buffer::Tables, READ),
            (Buffer::Sums, READ),
            (Buffer::Shares, READ),
            (Buffer::Gates, READ),
            (Buffer::Cells, WRITE),
            (Buffer::Errors, WRITE),
        ],
    },
    Kernel {
        name: "embedding_backward",
        source: &[
            COMMON,
            ACCUMULATORS,
            DOT_ERRORS,
            MULTIPLY_ROWS,
            include_str!("../../../shaders/embedding_backward.wgsl"),
        ],
        bindings: &[(Buffer::ByRow, READ), (Buffer::Errors, READ), (Buffer::EmbeddingErrors, WRITE)],
    },
    Kernel {
        name: "embedding_update",
        source: &[COMMON, ADAM, include_str!("../../../shaders/embedding_update.wgsl")],
        bindings: &[
            (Buffer::Factors, READ),
            (Buffer::Symbols, READ),
            (Buffer::EmbeddingErrors, READ),
            (Buffer::Masters, WRITE),
            (Buffer::Moments, WRITE),
            (Buffer::Embedding, WRITE),
        ],
    },
    Kernel {
        name: "samples",
        source: &[COMMON, include_str!("../../../shaders/samples.wgsl")],
        bindings: &[
            (Buffer::Inputs, READ),
            (Buffer::Errors, READ),
            (Buffer::InputSamples, WRITE),
            (Buffer::ErrorSamples, WRITE),
        ],
    },
    Kernel {
        name: "weight_update",
        source: &[COMMON, DOT_ERRORS, ADAM, GRADIENT, include_str!("../../../shaders/weight_update.wgsl")],
        bindings: UPDATE_BINDINGS,
    },
    Kernel {
        name: "layer_forward",
        source: &[COMMON, ACTIVATION, CELL_FORWARD, SPLIT_INPUTS, include_str!("../../../shaders/layer_forward.wgsl")],
        bindings: &[
            (Buffer::Tables, READ),
            (Buffer::ByInput, READ),
            (Buffer::Biases, READ),
            (Buffer::Shares, READ),
            (Buffer::Inputs, WRITE),
            (Buffer::Gates, WRITE),
            (Buffer::Cells, WRITE),
        ],
    },
    Kernel {
        name: "output_layer",
        source: &[COMMON, ACTIVATION, SPLIT_INPUTS, include_str!("../../../shaders/output_layer.wgsl")],
        bindings: &[
            (Buffer::Tables, READ),
            (Buffer::ByInput, READ),
            (Buffer::Biases, READ),
            (Buffer::Inputs, READ),
            (Buffer::Weights, WRITE),
        ],
    },
    Kernel {
        name: "layer_backward",
        source: &[COMMON, ACTIVATION, CELL_BACKWARD, SPLIT_ROWS, include_str!("../../../shaders/layer_backward.wgsl")],
        bindings: &[
            (Buffer::Tables, READ),
            (Buffer::ByRow, READ),
            (Buffer::Shares, READ),
            (Buffer::Gates, READ),
            (Buffer::Cells, WRITE),
            (Buffer::Errors, WRITE),
        ],
    },
    Kernel {
        name: "split_embedding",
        source: &[COMMON, SPLIT_ROWS, include_str!("../../../shaders/split_embedding.wgsl")],
        bindings: &[(Buffer::ByRow, READ), (Buffer::Errors, READ), (Buffer::EmbeddingErrors, WRITE)],
    },
    Kernel {
        name: "split_update",
        source: &[COMMON, ADAM, GRADIENT, include_str!("../../../shaders/split_update.wgsl")],
        bindings: UPDATE_BINDINGS,
    },
];

/// How many of the kernels, the first, need no more than every WebGPU device has.
pub const PORTABLE: usize = 11;
/// What the others need of a workgroup's memory, in bytes.
pub const WORKGROUP_BYTES: u32 = 32 << 10;

impl KernelId {
    /// All kernels.
    pub const ALL: [KernelId; 16] = [
        KernelId::Embed,
        KernelId::ForwardSums,
        KernelId::LstmForward,
        KernelId::OutputForward,
        KernelId::OutputError,
        KernelId::BackwardSums,
        KernelId::LstmBackward,
        KernelId::EmbeddingBackward,
        KernelId::EmbeddingUpdate,
        KernelId::Samples,
        KernelId::WeightUpdate,
        KernelId::LayerForward,
        KernelId::OutputLayer,
        KernelId::LayerBackward,
        KernelId::SplitEmbedding,
        KernelId::SplitUpdate,
    ];

    /// Whether a device runs it, that splits sums or does not.
    pub fn is_used(self, splits: bool) -> bool {
        use KernelId::{Embed, EmbeddingUpdate, OutputError, Samples};
        matches!(self, Embed | OutputError | EmbeddingUpdate | Samples) || (self as usize >= PORTABLE) == splits
    }

    /// The kernel itself.
    pub fn kernel(self) -> &'static Kernel {
        &KERNELS[self as usize]
    }
}
