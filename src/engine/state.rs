//! The state of an engine between two segments, held by the host; the same for every engine.

use crate::model::{Layout, ModelConfig, Parameters, limit_masters};
use crate::numerics::fixed::{BYTE_LIMIT, CELL_LIMIT, bounded};
use crate::numerics::wide::BiasCorrection;
use crate::state::Visitor;

/// Learned parameters and the states of all streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineState {
    /// The learned parameters.
    pub parameters: Parameters,
    /// Masters of the next segment's forward weights: updates take effect a segment late.
    pub forward: Vec<i32>,
    /// The streams' states after the last segment.
    pub streams: StreamStates,
}

/// States carried over into the next segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStates {
    /// `[streams][cells]`: hidden states of the last step.
    pub hidden: Vec<i8>,
    /// `[streams][cells]`, Q12.
    pub cells: Vec<i32>,
}

impl EngineState {
    /// Returns a state of the right size, all zero, to be read into.
    pub fn zeros(config: &ModelConfig) -> Self {
        let layout = Layout::new(config);
        let parameters = Parameters {
            master: vec![0; layout.total],
            moments: vec![0; layout.total],
            bias: BiasCorrection::default(),
        };
        let cells = config.streams() * config.layers() * config.units();
        let streams = StreamStates { hidden: vec![0; cells], cells: vec![0; cells] };
        EngineState { parameters, forward: vec![0; layout.total], streams }
    }

    /// Shows everything to a visitor; values that were read are clamped to the ranges of training.
    pub fn visit(&mut self, config: &ModelConfig, visitor: &mut dyn Visitor) {
        self.parameters.visit(config, visitor);
        visitor.u32s(bytemuck::cast_slice_mut(&mut self.forward));
        limit_masters(config, &mut self.forward);
        let StreamStates { hidden, cells } = &mut self.streams;
        visitor.u8s(bytemuck::cast_slice_mut(hidden));
        visitor.u32s(bytemuck::cast_slice_mut(cells));
        hidden.iter_mut().for_each(|h| *h = bounded((*h).into(), BYTE_LIMIT) as i8);
        cells.iter_mut().for_each(|c| *c = bounded(*c, CELL_LIMIT));
    }
}
