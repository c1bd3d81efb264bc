//! Every kernel against its CPU twin, by equality: run when a device is opened
//! and, on more shapes, by the tests.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use super::GpuEngine;
use super::adapter::OpenDevice;
use super::dispatch::{Dispatch, GROUP};
use super::image::{State, image};
use super::kernels::{Buffer, KernelId, PORTABLE};
use super::steps::halves;
use super::uniforms::{Place, Span, places};
use crate::engine::cpu::samples::Samples;
use crate::engine::cpu::state::{Stream, Weights};
use crate::engine::cpu::{
    backward_sums::backward_sums, embed::embed, embedding_backward::embedding_backward,
    embedding_update::embedding_update, forward_sums::forward_sums, lstm_backward::lstm_backward,
    lstm_forward::lstm_forward, output_error::output_error, output_forward::output_forward,
    weight_update::weight_update,
};
use crate::engine::{EngineError, INACTIVE};
use crate::model::ModelConfig;
use crate::model::Shape;
use crate::numerics::fixed::{
    BYTE_LIMIT, CELL_LIMIT, EMBEDDING_LIMIT, GATE_ONE, SHARE_ONE, STATE_ERROR_LIMIT, WEIGHT_LIMIT,
};
use crate::numerics::generator::{random_u64, random_within};
use crate::numerics::softmax::{SYMBOLS, WEIGHT_ONE};
use crate::numerics::wide::{AdamStep, BiasCorrection, LARGEST_MOMENT, LEAST_MOMENT};

/// Where operands are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// Anywhere within their range.
    Random,
    /// The ends of their range only.
    Extreme,
    /// The upper end only, where sums are largest.
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

/// The check that opening a device makes: all kernels that it runs, random and extreme
/// operands, on a shape that fills no tile; and one of which the loops of split sums
/// go round more than once.
pub async fn self_test(open: &Arc<OpenDevice>) -> Result<(), EngineError> {
    let is_used = |id: KernelId| id.is_used(open.splits());
    for operands in [Operands::Random, Operands::Extreme] {
        check_those(open, &config(9, 8, 80, 2), operands, 1, is_used).await?;
    }
    let split = |id| is_used(id) && id as usize >= PORTABLE;
    check_those(open, &config(2, 2, 272, 1), Operands::Random, 1, split).await
}

/// Runs each kernel that a device has on operands of its own and compares all that it writes.
pub async fn check_kernels(
    open: &Arc<OpenDevice>,
    config: &ModelConfig,
    operands: Operands,
    seed: u64,
) -> Result<(), EngineError> {
    check_those(open, config, operands, seed, |_| true).await
}

/// The same for some kernels.
async fn check_those(
    open: &Arc<OpenDevice>,
    config: &ModelConfig,
    operands: Operands,
    seed: u64,
    which: impl Fn(KernelId) -> bool,
) -> Result<(), EngineError> {
    let check = Check::new(open, config, operands, seed);
    for run in runs(open, config).filter(|run| which(run.id)) {
        let (engine, mut state) = check.start(run)?;
        let mut encoder = open.device.create_command_encoder(&Default::default());
        engine.run(&mut encoder, &dispatches(&engine, run));
        open.queue.submit([encoder.finish()]);
        check.run_twin(run, &mut state);
        let kernel = run.id.kernel();
        for buffer in kernel.written() {
            if engine.download(engine.buffer(buffer)).await? != image(&check.shape, &state, buffer) {
                return Err(EngineError::Inexact { device: open.name.clone(), kernel: kernel.name });
            }
        }
    }
    Ok(())
}

/// All that another implementation of WebGPU needs to run a kernel as
/// [`check_kernels`] does, and what must come out.
pub struct Case {
    /// What is started, in order.
    pub dispatches: Vec<Dispatch>,
    /// The uniform buffer `model`.
    pub model: Vec<u8>,
    /// The uniform buffer of all places.
    pub places: Vec<u8>,
    /// What the buffers hold before, in the order of [`Buffer::ALL`].
    pub before: Vec<Vec<u32>>,
    /// What those that the last kernel writes must hold after.
    pub after: Vec<(Buffer, Vec<u32>)>,
}

/// Bytes of a place that a dispatch sees.
pub const PLACE_BYTES: usize = size_of::<Place>();

/// The cases of [`check_kernels`], as `open` would run them.
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
        check.run_twin(run, &mut state);
        Ok(Case {
            dispatches: dispatches(&engine, run),
            model: bytemuck::bytes_of(&engine.model).to_vec(),
            places: places(&check.shape, &check.groups),
            before,
            after: run.id.kernel().written().map(|buffer| (buffer, image(&check.shape, &state, buffer))).collect(),
        })
    };
    runs(open, config).map(case).collect()
}

/// A kernel on one layer, for all streams or for one group of them.
#[derive(Clone, Copy)]
struct Run {
    id: KernelId,
    layer: usize,
    group: Option<usize>,
}

/// What all runs of a check share.
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

    /// A model with operands of the run's own, and the same state for the twin.
    fn start(&self, run: Run) -> Result<(GpuEngine, State), EngineError> {
        let state = draw_state(&self.shape, self.operands, self.seed * 100 + run.id as u64);
        let (open, shape, splits) = (self.open.clone(), self.shape.clone(), run.id as usize >= PORTABLE);
        let mut engine = GpuEngine::with_state(open, shape, &state, &self.groups, splits, None)?;
        engine.set_segment(self.shape.config.segment(), &self.adam);
        Ok((engine, state))
    }

    fn run_twin(&self, run: Run, state: &mut State) {
        let streams = run.group.map_or(0..self.shape.config.streams(), |group| self.groups[group].clone());
        run_twin(&self.shape, run.id, run.layer, &self.adam, streams, state);
    }
}

/// Each kernel that a device has, on each layer that it is checked on by itself, for
/// all streams and, where a decoder's step has it, for each group of them.
fn runs(open: &OpenDevice, config: &ModelConfig) -> impl Iterator<Item = Run> {
    let kernels = if open.splits() { &KernelId::ALL[..] } else { &KernelId::ALL[..PORTABLE] };
    let groups = halves(config.streams()).len();
    let layers = |&id| layers(config, id).map(move |layer| Run { id, layer, group: None });
    kernels.iter().flat_map(layers).flat_map(move |run| {
        let groups = if has_groups(run.id) { 0..groups } else { 0..0 };
        iter::once(run).chain(groups.map(move |group| Run { group: Some(group), ..run }))
    })
}

/// Whether a decoder's step has the kernel, for one group of streams at a time.
fn has_groups(id: KernelId) -> bool {
    use KernelId::{Embed, ForwardSums, LayerForward, LstmForward, OutputForward, OutputLayer};
    matches!(id, Embed | ForwardSums | LstmForward | OutputForward | LayerForward | OutputLayer)
}

/// The layers that a kernel is checked on one by one, as sums of one overwrite those of another.
fn layers(config: &ModelConfig, id: KernelId) -> Range<usize> {
    match id {
        KernelId::ForwardSums => 0..config.layers() + 1,
        KernelId::BackwardSums | KernelId::LstmForward | KernelId::LstmBackward => 0..config.layers(),
        _ => 0..1,
    }
}

/// A kernel on a segment, after those whose results it needs and that have been
/// checked before: as the encoder does, or step by step for a group of streams.
fn dispatches(engine: &GpuEngine, Run { id, layer, group }: Run) -> Vec<Dispatch> {
    let (steps, layers) = (engine.shape.config.segment(), engine.shape.config.layers());
    let mut dispatches = Vec::new();
    let list = &mut dispatches;
    let all = |list: &mut _, id, layer| engine.dispatch(list, id, Span::Segment, layer);
    let own = |list: &mut _, step| engine.dispatch(list, id, Span::Own(step), layer);
    let spans = |group| (0..steps).map(move |step| Span::Step(step, group));
    match (id, group) {
        (KernelId::LstmForward, Some(group)) => spans(group).for_each(|span| {
            engine.dispatch(list, KernelId::ForwardSums, span, layer);
            engine.dispatch(list, id, span, layer);
        }),
        (KernelId::OutputForward, Some(group)) => spans(group).for_each(|span| {
            engine.dispatch(list, KernelId::ForwardSums, span, layers);
            engine.dispatch(list, id, span, layers);
        }),
        (KernelId::LayerForward, Some(group)) => spans(group).for_each(|span| {
            engine.dispatch(list, KernelId::Embed, span, 0);
            (0..layers).for_each(|layer| engine.dispatch(list, id, span, layer));
        }),
        (KernelId::OutputLayer, Some(group)) => {
            spans(group).for_each(|span| engine.dispatch(list, id, span, layers));
        }
        (_, Some(group)) => spans(group).for_each(|span| engine.dispatch(list, id, span, layer)),
        (KernelId::ForwardSums, None) => {
            all(list, id, layer);
            (0..steps).filter(|_| layer < layers).for_each(|step| own(list, step));
        }
        (KernelId::LstmForward, None) => engine.record_forward(list, layer),
        (KernelId::OutputForward, None) => {
            all(list, KernelId::ForwardSums, layers);
            all(list, id, layers);
        }
        (KernelId::BackwardSums, None) => {
            all(list, id, layer);
            if layer + 1 < layers {
                engine.dispatch(list, id, Span::Above, layer);
            }
            (0..steps - 1).for_each(|step| own(list, step));
        }
        (KernelId::LayerForward, None) => {
            all(list, KernelId::Embed, 0);
            engine.record_layers_forward(list);
        }
        (KernelId::LayerBackward, None) => engine.record_layers_backward(list),
        (KernelId::LstmBackward, None) => engine.record_backward(list, layer),
        (KernelId::WeightUpdate | KernelId::SplitUpdate, None) => {
            all(list, KernelId::Samples, 0);
            (0..=layers).for_each(|layer| all(list, id, layer));
        }
        (KernelId::OutputError | KernelId::OutputLayer, None) => all(list, id, layers),
        (_, None) => all(list, id, 0),
    }
    dispatches
}

/// The same by the kernel's twin; all streams of another group stay as they are.
fn run_twin(shape: &Shape, id: KernelId, layer: usize, adam: &AdamStep, group: Range<usize>, state: &mut State) {
    let steps = shape.config.segment();
    let State { masters, moments, weights, streams, sums } = state;
    match id {
        KernelId::ForwardSums => {
            let rows = shape.layout.matrices[layer].rows;
            let mut all = sums.clone();
            forward_sums(shape, weights, layer, streams, &mut all);
            for (sample, (sums, all)) in sums.chunks_exact_mut(rows).zip(all.chunks_exact(rows)).enumerate() {
                if group.contains(&(sample % streams.len())) {
                    sums.copy_from_slice(all);
                }
            }
            return;
        }
        KernelId::BackwardSums => return backward_sums(shape, weights, layer, streams, sums),
        KernelId::EmbeddingUpdate => {
            let len = shape.layout.embedding_len;
            let (masters, moments) = (&mut masters[..len], &mut moments[..len]);
            return embedding_update(shape, steps, adam, streams, masters, moments, &mut weights.embedding);
        }
        // Another order of the same numbers: the image makes it.
        KernelId::Samples => return,
        KernelId::WeightUpdate | KernelId::SplitUpdate => {
            let mut samples = Samples::default();
            samples.gather(shape, steps, streams);
            let first = shape.layout.embedding_len;
            let (masters, moments) = (&mut masters[first..], &mut moments[first..]);
            weight_update(shape, steps, adam, streams, &samples, masters, moments, &mut weights.matrices);
            return;
        }
        _ => {}
    }
    for streams in streams[group].chunks_mut(GROUP) {
        match id {
            KernelId::Embed => (0..steps).for_each(|step| embed(shape, weights, step, streams)),
            KernelId::LstmForward => lstm_forward(shape, weights, layer..layer + 1, 0..steps, streams),
            KernelId::LayerForward => {
                (0..steps).for_each(|step| embed(shape, weights, step, streams));
                lstm_forward(shape, weights, 0..shape.config.layers(), 0..steps, streams);
            }
            KernelId::OutputForward | KernelId::OutputLayer => output_forward(shape, weights, 0..steps, streams),
            KernelId::OutputError => output_error(shape, steps, streams),
            KernelId::LstmBackward => lstm_backward(shape, weights, layer..layer + 1, steps, streams),
            KernelId::LayerBackward => lstm_backward(shape, weights, 0..shape.config.layers(), steps, streams),
            _ => streams.iter_mut().for_each(|stream| embedding_backward(shape, weights, steps, stream)),
        }
    }
}

/// Numbers drawn one after the other.
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

/// A state in which every operand lies within its range, none of it learnt.
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
    let sums = vec![0; Buffer::Sums.words(shape)];
    State { weights: Weights::pack(shape, &masters), masters, moments, streams, sums }
}
