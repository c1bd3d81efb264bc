//! Whole kernels on a GPU.

use super::{Spread, clock, in_turns, rate};
use crate::bench::cpu::Product;
use crate::engine::gpu::kernels::KernelId;
use crate::engine::{Device, Engine, EngineError};
use crate::model::ModelConfig;
use crate::model::init::initial_parameters;
use crate::numerics::softmax::SYMBOLS;

/// Segments of one measurement.
const SEGMENTS: u32 = 3;

/// What a kernel does in a segment.
#[derive(Clone, Debug)]
pub struct KernelSpeed {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Seconds a segment.
    pub time: Spread,
    /// Multiplications a second, for kernels that are matrix products.
    pub rate: Option<Spread>,
}

/// Measures all kernels; nothing where `device` means the CPU engine.
///
/// Software that plays a GPU is measured by the processors' time that it takes,
/// so its rates are those of one core however many work on it.
pub async fn measure(
    device: &Device,
    config: &ModelConfig,
    repeats: usize,
) -> Result<Option<Vec<KernelSpeed>>, EngineError> {
    let mut engine = Engine::open(device, config, &initial_parameters(config)).await?;
    let Some(gpu) = engine.device() else { return Ok(None) };
    let software = gpu.is_software();
    let gpu = std::cell::RefCell::new(gpu);
    let mut tasks: Vec<Box<dyn FnMut() -> Result<_, EngineError>>> = Vec::new();
    let kernels: Vec<KernelId> = gpu.borrow().kernels().collect();
    for &kernel in &kernels {
        let gpu = &gpu;
        tasks.push(Box::new(move || {
            let mut done = Ok(());
            let run = || done = gpu.borrow_mut().run_kernel(kernel, SEGMENTS);
            let time = if software { clock::process(run) } else { clock::wall(run) };
            done.map(|()| time / SEGMENTS)
        }));
    }
    let times = in_turns(repeats, &mut tasks)?;
    let speeds = kernels.iter().zip(&times).map(|(&kernel, times)| KernelSpeed {
        kernel: kernel.kernel().name,
        time: Spread::of(times.iter().map(|time| time.as_secs_f64()).collect()),
        rate: work(config, kernel).map(|work| rate(work, times)),
    });
    Ok(Some(speeds.collect()))
}

/// Multiplications of one kernel over a segment.
fn work(config: &ModelConfig, kernel: KernelId) -> Option<u64> {
    let samples = u64::from(config.streams) * u64::from(config.segment);
    let embedding = samples * u64::from(4 * config.units * config.embedding * config.layers);
    let output = samples * u64::from(config.units * config.layers) * SYMBOLS as u64;
    match kernel {
        KernelId::ForwardSums => Some(Product::Forward.per_segment(config)),
        KernelId::LayerForward => Some(Product::Forward.per_segment(config) - output),
        KernelId::OutputLayer => Some(output),
        KernelId::LayerBackward => Some(Product::Backward.per_segment(config) - embedding),
        KernelId::BackwardSums => Some(Product::Backward.per_segment(config) - embedding),
        KernelId::EmbeddingBackward | KernelId::SplitEmbedding => Some(embedding),
        KernelId::WeightUpdate | KernelId::SplitUpdate => Some(Product::Gradient.per_segment(config)),
        _ => None,
    }
}
