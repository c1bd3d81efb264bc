//! Whole kernels on a GPU.

use super::{Spread, in_turns, rate};
use crate::bench::cpu::Product;
use crate::engine::gpu::kernels::KernelId;
use crate::engine::{DeviceChoice, Engine, EngineError};
use crate::model::ModelConfig;
use crate::model::init::initial_parameters;

/// A kernel's speed over a segment.
#[derive(Clone, Debug)]
pub struct KernelSpeed {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Multiplications a second.
    pub rate: Spread,
}

/// Measures the kernels with matrix products; nothing where `device` means the CPU engine.
pub async fn measure(
    device: &DeviceChoice,
    config: &ModelConfig,
    repeats: usize,
) -> Result<Option<Vec<KernelSpeed>>, EngineError> {
    let mut engine = Engine::open(device, config, &initial_parameters(config)).await?;
    let Some(gpu) = engine.device() else { return Ok(None) };
    let kernels = [
        (KernelId::LstmForward, Product::Forward),
        (KernelId::OutputForward, Product::Forward),
        (KernelId::LstmBackward, Product::Backward),
        (KernelId::EmbeddingBackward, Product::Backward),
        (KernelId::WeightUpdate, Product::Gradient),
    ];
    let gpu = std::cell::RefCell::new(gpu);
    let mut tasks: Vec<Box<dyn FnMut() -> Result<_, EngineError>>> = Vec::new();
    for (kernel, _) in kernels {
        let gpu = &gpu;
        tasks.push(Box::new(move || pollster::block_on(gpu.borrow_mut().time_kernel(kernel, 2))));
    }
    let times = in_turns(repeats, &mut tasks)?;
    let speeds = kernels.iter().zip(&times).map(|(&(kernel, product), times)| KernelSpeed {
        kernel: kernel.kernel().name,
        rate: rate(work(config, kernel, product), times),
    });
    Ok(Some(speeds.collect()))
}

/// Multiplications of one kernel over a segment: products without output or embedding, or these alone.
fn work(config: &ModelConfig, kernel: KernelId, product: Product) -> u64 {
    let samples = u64::from(config.streams) * u64::from(config.segment);
    let (units, layers) = (u64::from(config.units), u64::from(config.layers));
    let output = samples * 256 * units * layers;
    let embedding = samples * 4 * units * u64::from(config.embedding) * layers;
    match kernel {
        KernelId::OutputForward => output,
        KernelId::EmbeddingBackward => embedding,
        KernelId::LstmForward => product.per_segment(config) - output,
        KernelId::LstmBackward => product.per_segment(config) - embedding,
        _ => product.per_segment(config),
    }
}
