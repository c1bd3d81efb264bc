//! The speed of a GPU: whole kernels, and the parts of a step. Without feature `gpu` there is
//! nothing to measure.

use std::time::Duration;

use super::Spread;
use crate::engine::{Device, Engine, EngineError};
use crate::model::ModelConfig;

/// Segments of one measurement.
#[cfg(feature = "gpu")]
const SEGMENTS: u32 = 3;

/// The speed of a kernel.
#[derive(Clone, Debug)]
pub struct KernelSpeed {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Seconds a segment.
    pub time: Spread,
    /// Multiplications a second, for kernels that are matrix products.
    pub rate: Option<Spread>,
}

/// Measures all kernels; returns nothing where `device` means the CPU engine.
///
/// Software adapters are measured by their processor time, so the rates are those of one core.
#[cfg(feature = "gpu")]
pub async fn measure(
    device: &Device,
    config: &ModelConfig,
    repeats: usize,
) -> Result<Option<Vec<KernelSpeed>>, EngineError> {
    use super::{clock, in_turns, rate};
    use crate::engine::gpu::kernels::Kernel;
    use crate::model::init::initial_parameters;

    let mut engine = Engine::open(device, config, &initial_parameters(config)).await?;
    let Some(gpu) = engine.device() else { return Ok(None) };
    let (software, shape) = (gpu.is_software(), gpu.shape().clone());
    let gpu = std::cell::RefCell::new(gpu);
    let mut tasks: Vec<Box<dyn FnMut() -> Result<_, EngineError>>> = Vec::new();
    let kernels: Vec<&Kernel> = gpu.borrow().kernels().collect();
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
        kernel: kernel.name,
        time: Spread::of(times.iter().map(|time| time.as_secs_f64()).collect()),
        rate: kernel.multiplications.map(|count| rate(count(&shape), times)),
    });
    Ok(Some(speeds.collect()))
}

/// Measures nothing.
#[cfg(not(feature = "gpu"))]
pub async fn measure(_: &Device, _: &ModelConfig, _: usize) -> Result<Option<Vec<KernelSpeed>>, EngineError> {
    Ok(None)
}

/// Runs a step on a GPU and returns the times of upload, dispatches and read-back; nothing on the
/// CPU engine.
#[cfg(feature = "gpu")]
pub async fn time_step(
    engine: &mut Engine,
    step: usize,
    previous: &[u8],
    weights: &mut [u32],
) -> Result<Option<[Duration; 3]>, EngineError> {
    let Some(gpu) = engine.device() else { return Ok(None) };
    let times = gpu.time_step(step, previous, weights).await?;
    Ok(Some([times.upload, times.dispatches, times.read_back]))
}

/// Returns nothing.
#[cfg(not(feature = "gpu"))]
pub async fn time_step(
    _: &mut Engine,
    _: usize,
    _: &[u8],
    _: &mut [u32],
) -> Result<Option<[Duration; 3]>, EngineError> {
    Ok(None)
}

/// Returns the dispatches of a step, and those that learn from a segment; none on the CPU engine.
#[cfg(feature = "gpu")]
pub fn dispatches(engine: &mut Engine) -> (usize, usize) {
    engine.device().map_or((0, 0), |gpu| gpu.dispatches())
}

/// Returns zeros.
#[cfg(not(feature = "gpu"))]
pub fn dispatches(_: &mut Engine) -> (usize, usize) {
    (0, 0)
}
