//! All that an engine holds between two segments, on the host.

use crate::model::{Layout, ModelConfig, Parameters};
use crate::numerics::fixed::{CELL_LIMIT, bounded};
use crate::numerics::wide::BiasCorrection;
use crate::state::Visitor;

/// Learnt parameters, and where the streams stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineState {
    /// What was learnt.
    pub parameters: Parameters,
    /// The streams' states after the last segment.
    pub streams: StreamStates,
}

/// States that go on into the next segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStates {
    /// `[streams][activations]`: embedding and hidden states of the last step.
    pub activations: Vec<i16>,
    /// `[streams][cells]`, Q12.
    pub cells: Vec<i32>,
}

impl EngineState {
    /// A state of the right size, all zero: to be read into.
    pub fn zeros(config: &ModelConfig) -> Self {
        let layout = Layout::new(config);
        let parameters = Parameters {
            master: vec![0; layout.total],
            moments: vec![0; layout.total],
            bias: BiasCorrection::default(),
        };
        let streams = StreamStates {
            activations: vec![0; config.streams() * layout.activations],
            cells: vec![0; config.streams() * config.layers() * config.units()],
        };
        EngineState { parameters, streams }
    }

    /// Shows everything; what was read is brought into the ranges that an engine keeps to.
    pub fn visit(&mut self, config: &ModelConfig, visitor: &mut dyn Visitor) {
        self.parameters.visit(config, visitor);
        let StreamStates { activations, cells } = &mut self.streams;
        visitor.u16s(bytemuck::cast_slice_mut(activations));
        visitor.u32s(bytemuck::cast_slice_mut(cells));
        let limit = config.activation_limit();
        activations.iter_mut().for_each(|a| *a = bounded((*a).into(), limit) as i16);
        cells.iter_mut().for_each(|c| *c = bounded(*c, CELL_LIMIT));
    }
}
