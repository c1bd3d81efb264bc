//! The comparison of every kernel with its reference, by equality: a few shapes when a
//! device is opened, more of them in the tests.

use std::ops::Range;
use std::sync::Arc;

use super::GpuEngine;
use super::adapter::OpenDevice;
use super::buffers::Buffer;
use super::image::{State, image};
use super::kernels::{ALL, Family, Kernel, Scope};
use super::schedule::Dispatch;
use super::steps::halves;
use super::uniforms::{DispatchParams, Span, dispatch_params};
use crate::engine::cpu::stream::Stream;
use crate::engine::cpu::weights::Weights;
use crate::engine::{EngineError, INACTIVE};
use crate::model::ModelConfig;
use crate::model::Shape;
use crate::numerics::fixed::{
    BYTE_LIMIT, CELL_LIMIT, EMBEDDING_LIMIT, GATE_ONE, SHARE_ONE, STATE_ERROR_LIMIT, WEIGHT_LIMIT,
};
use crate::numerics::generator::{random_u64, random_within};
use crate::numerics::softmax::{SYMBOLS, WEIGHT_ONE};
use crate::numerics::wide::{AdamStep, BiasCorrection, LARGEST_MOMENT, LEAST_MOMENT};

/// The values that operands are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// All values of their range.
    Random,
    /// The ends of their range.
    Extreme,
    /// The upper end of their range, for the largest sums.
    Largest,
}

fn config(streams: u32, segment: u32, units: u32, layers: u32) -> ModelConfig {
    ModelConfig {
        streams,
        segment,
        embedding: 16,
        units,
        layers,
        error_fraction: 12,
        replay_streams: 0,
        replay_steps: 1,
        dropout: 0,
        rate_start: 1 << 21,
        rate_end: 1 << 20,
        schedule_length: 1,
        seed: 1,
    }
}

/// The check when a device is opened: all kernels that it runs, with random and extreme
/// operands, on a shape that fills no tile; and the kernels that split sums on a shape whose
/// sums take their loops more than one round.
pub async fn self_test(open: &Arc<OpenDevice>) -> Result<(), EngineError> {
    let is_used = |kernel: &Kernel| kernel.is_used(open.splits());
    for operands in [Operands::Random, Operands::Extreme] {
        check_some(open, &config(9, 8, 80, 2), operands, 1, is_used).await?;
    }
    let splits = |kernel: &Kernel| is_used(kernel) && kernel.family == Family::Split;
    check_some(open, &config(2, 2, 272, 1), Operands::Random, 1, splits).await
}

/// Runs each kernel that a device can run on operands of its own and compares all that it writes.
pub async fn check_kernels(
    open: &Arc<OpenDevice>,
    config: &ModelConfig,
    operands: Operands,
    seed: u64,
) -> Result<(), EngineError> {
    check_some(open, config, operands, seed, |_| true).await
}

/// Like [`check_kernels`], but only for the kernels that `filter` accepts.
async fn check_some(
    open: &Arc<OpenDevice>,
    config: &ModelConfig,
    operands: Operands,
    seed: u64,
    filter: impl Fn(&Kernel) -> bool,
) -> Result<(), EngineError> {
    let check = Check::new(open, config, operands, seed);
    for run in check.runs().into_iter().filter(|run| filter(run.kernel)) {
        let (engine, mut state) = check.start(run)?;
        let mut encoder = open.device.create_command_encoder(&Default::default());
        engine.run(&mut encoder, &run.dispatches(&engine));
        open.queue.submit([encoder.finish()]);
        check.run_reference(run, &mut state);
        for buffer in run.kernel.written() {
            if engine.contents(buffer).await? != image(&check.shape, &state, buffer) {
                return Err(open.inexact(run.kernel));
            }
        }
    }
    Ok(())
}

/// All that another implementation of WebGPU needs to run a kernel as
/// [`check_kernels`] does, with the expected results.
pub struct Case {
    /// The dispatches, in order.
    pub dispatches: Vec<Dispatch>,
    /// The uniform buffer `model`.
    pub model: Vec<u8>,
    /// The uniform buffer with the parameters of all dispatches.
    pub params: Vec<u8>,
    /// The contents of the buffers before the dispatches, in the order of [`Buffer::ALL`].
    pub before: Vec<Vec<u32>>,
    /// The expected contents of the buffers that the last kernel writes.
    pub after: Vec<(Buffer, Vec<u32>)>,
}

/// Bytes of the parameters that a dispatch sees.
pub const PARAMS_BYTES: usize = size_of::<DispatchParams>();

/// Returns the cases of [`check_kernels`], as `open` would run them.
pub fn cases(
    open: &Arc<OpenDevice>,
    config: &ModelConfig,
    operands: Operands,
    seed: u64,
) -> Result<Vec<Case>, EngineError> {
    let check = Check::new(open, config, operands, seed);
    let case = |run: Run| {
        let (engine, mut state) = check.start(run)?;
        let mut before: Vec<_> = Buffer::ALL.iter().map(|&buffer| image(&check.shape, &state, buffer)).collect();
        before[Buffer::Factors as usize] = check.adam.factors.to_vec();
        check.run_reference(run, &mut state);
        Ok(Case {
            dispatches: run.dispatches(&engine),
            model: bytemuck::bytes_of(&engine.model).to_vec(),
            params: dispatch_params(&check.shape, &check.groups),
            before,
            after: run.kernel.written().map(|buffer| (buffer, image(&check.shape, &state, buffer))).collect(),
        })
    };
    check.runs().into_iter().map(case).collect()
}

/// A check of a kernel on one layer, for all streams or for one group of them.
#[derive(Clone, Copy)]
struct Run {
    kernel: &'static Kernel,
    layer: usize,
    group: Option<usize>,
}

impl Run {
    /// The dispatches of a whole segment, for all streams at once as in the encoder, or step by
    /// step for a group of streams as in the decoder.
    fn dispatches(self, engine: &GpuEngine) -> Vec<Dispatch> {
        let mut schedule = engine.schedule(Vec::new());
        match (self.group, self.kernel.test.step) {
            (Some(group), Some(step)) => {
                (0..schedule.steps).for_each(|n| step(&mut schedule, Span::Step(n, group), self.layer));
            }
            _ => (self.kernel.test.segment)(&mut schedule, self.layer),
        }
        schedule.list
    }
}

/// The operands that all runs of a check share.
struct Check {
    open: Arc<OpenDevice>,
    shape: Shape,
    groups: Vec<Range<usize>>,
    adam: AdamStep,
    operands: Operands,
    seed: u64,
}

impl Check {
    fn new(open: &Arc<OpenDevice>, config: &ModelConfig, operands: Operands, seed: u64) -> Self {
        let adam = BiasCorrection::default().advance(config.rate_start, 1 << 20, 1 << 13, seed as u32 % 4);
        let groups = halves(config.streams());
        Check { open: open.clone(), shape: Shape::new(config), groups, adam, operands, seed }
    }

    /// Lists the runs: each kernel that the device can run, on each layer that is checked on its
    /// own, for all streams and, if a decoder's step has the kernel, for each group of them.
    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for kernel in ALL.into_iter().filter(|kernel| self.open.can_run(kernel)) {
            let groups = if kernel.test.step.is_some() { self.groups.len() } else { 0 };
            for layer in (kernel.test.layers)(&self.shape) {
                let scopes = std::iter::once(None).chain((0..groups).map(Some));
                runs.extend(scopes.map(|group| Run { kernel, layer, group }));
            }
        }
        runs
    }

    /// Creates a model with operands that depend on the kernel, and the same state on the host.
    fn start(&self, run: Run) -> Result<(GpuEngine, State), EngineError> {
        let family = if run.kernel.family == Family::Split { Family::Split } else { Family::Portable };
        let seed = self.seed * 100 + run.kernel.index() as u64;
        let sums = Buffer::Sums.words(&self.shape, family == Family::Split);
        let state = State { sums: vec![0; sums], ..draw_state(&self.shape, self.operands, seed) };
        let (open, shape, groups) = (self.open.clone(), self.shape.clone(), self.groups.clone());
        let mut engine = GpuEngine::allocate(open, shape, groups, family, None)?;
        for buffer in Buffer::ALL {
            engine.buffers.write(buffer, engine.set, 0, &image(&self.shape, &state, buffer));
        }
        engine.set_segment(self.shape.config.segment(), &self.adam);
        Ok((engine, state))
    }

    fn run_reference(&self, run: Run, state: &mut State) {
        let streams = run.group.map_or(0..self.shape.config.streams(), |group| self.groups[group].clone());
        let scope = Scope { shape: &self.shape, layer: run.layer, streams, adam: &self.adam };
        (run.kernel.test.reference)(&scope, state);
    }
}

/// Draws operands one after the other.
struct Draw {
    seed: u64,
    index: u64,
    operands: Operands,
}

impl Draw {
    fn within(&mut self, limit: i32) -> i32 {
        self.index += 1;
        match self.operands {
            Operands::Random => random_within(self.seed, self.index, limit as u32),
            Operands::Extreme if random_u64(self.seed, self.index) & 1 == 0 => limit,
            Operands::Extreme => -limit,
            Operands::Largest => limit,
        }
    }

    fn below(&mut self, count: u64) -> u64 {
        self.index += 1;
        random_u64(self.seed, self.index) % count
    }

    fn fill<T>(&mut self, values: &mut [T], limit: i32, convert: impl Fn(i32) -> T) {
        values.iter_mut().for_each(|value| *value = convert(self.within(limit)));
    }
}

/// Draws a state: every operand lies within its range. There are no sums.
fn draw_state(shape: &Shape, operands: Operands, seed: u64) -> State {
    let config = &shape.config;
    let mut draw = Draw { seed, index: 0, operands };
    let mut masters = vec![0; shape.layout.total];
    let (embedding, matrices) = masters.split_at_mut(shape.layout.embedding_len);
    draw.fill(embedding, EMBEDDING_LIMIT, |x| x);
    draw.fill(matrices, WEIGHT_LIMIT, |x| x);
    let moments = (0..masters.len())
        .map(|_| match operands {
            Operands::Random if draw.below(8) == 0 => 0,
            Operands::Random => LEAST_MOMENT + draw.below((LARGEST_MOMENT - LEAST_MOMENT).into()) as u32,
            Operands::Extreme | Operands::Largest => [0, LEAST_MOMENT, LARGEST_MOMENT][draw.below(3) as usize],
        })
        .collect();
    let streams = (0..config.streams())
        .map(|_| {
            let mut stream = Stream::new(shape);
            draw.fill(&mut stream.activations, BYTE_LIMIT, |x| x as i8);
            for (n, gate) in stream.gates.iter_mut().enumerate() {
                let value = draw.within(GATE_ONE);
                let candidate = n / 16 % 4 == 2;
                *gate = if candidate { value } else { (value + GATE_ONE) / 2 } as i16;
            }
            draw.fill(&mut stream.cells, CELL_LIMIT, |x| x);
            for weights in stream.weights.chunks_exact_mut(SYMBOLS) {
                draw.fill(weights, (WEIGHT_ONE / 2) as i32, |x| (x + (WEIGHT_ONE / 2) as i32) as u32);
                weights[draw.below(256) as usize] = WEIGHT_ONE;
            }
            draw.fill(&mut stream.output_errors, config.error_limit(), |x| x as i16);
            draw.fill(&mut stream.gate_errors, config.error_limit(), |x| x as i16);
            draw.fill(&mut stream.cell_errors, STATE_ERROR_LIMIT, |x| x);
            draw.fill(&mut stream.shares, SHARE_ONE, |x| SHARE_ONE + x);
            draw.fill(&mut stream.embedding_errors, STATE_ERROR_LIMIT, |x| x);
            stream.previous.iter_mut().for_each(|symbol| *symbol = draw.below(256) as u8);
            stream.targets.iter_mut().for_each(|symbol| *symbol = draw.below(u64::from(INACTIVE) + 1) as u16);
            stream
        })
        .collect();
    State { weights: Weights::pack(shape, &masters), masters, moments, streams, sums: Vec::new() }
}
