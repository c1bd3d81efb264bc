//! The matrix products of a GPU, compared with float products of the same shapes by the crate gemm
//! on one core: `cargo bench --features bench-peers --bench products`.
//!
//! A software implementation of a GPU is measured by the processor time it takes.

use std::time::Duration;

use lockstep::internals::bench::{Spread, clock, in_turns};
use lockstep::internals::engine::gpu::kernels::{Kernel, backward_sums, forward_sums, weight_update};
use lockstep::internals::engine::{Device, Engine, EngineError};
use lockstep::internals::model::init::initial_parameters;
use lockstep::internals::model::levels::config_for;
use lockstep::internals::model::{Layout, ModelConfig};

const REPEATS: usize = 7;

/// A product of `[m][k]` and `[k][n]`, computed `times` times.
struct Product {
    m: usize,
    n: usize,
    k: usize,
    times: usize,
}

/// The products of a kernel in a segment.
fn products(config: &ModelConfig, kernel: &Kernel) -> Vec<Product> {
    let (streams, steps, units) = (config.streams(), config.segment(), config.units());
    let samples = streams * steps;
    let matrices = Layout::new(config).matrices;
    let product = |m, n, k, times| Product { m, n, k, times };
    let mut list = Vec::new();
    for (index, matrix) in matrices.iter().enumerate() {
        let layer = index < config.layers();
        match kernel.name {
            "forward_sums" if layer => {
                list.push(product(samples, matrix.rows, matrix.inputs - units, 1));
                list.push(product(streams, matrix.rows, units, steps));
            }
            "forward_sums" => list.push(product(samples, matrix.rows, matrix.inputs, 1)),
            "backward_sums" if layer => {
                list.push(product(samples, units, 256, 1));
                list.push(product(streams, units, matrix.rows, steps - 1));
                if index > 0 {
                    list.push(product(samples, units, matrix.rows, 1));
                }
            }
            "weight_update" => list.push(product(matrix.rows, matrix.inputs + 1, samples, 1)),
            _ => {}
        }
    }
    list
}

/// Computes the same products in floats.
#[allow(unsafe_code, reason = "the interface of gemm takes pointers")]
fn gemm_all(list: &[Product], left: &[f32], right: &[f32], result: &mut [f32]) {
    for &Product { m, n, k, times } in list {
        assert!(left.len() >= m * k && right.len() >= k * n && result.len() >= m * n);
        for _ in 0..times {
            // SAFETY: the slices hold row-major matrices of these shapes, see the assertion above.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    result.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    left.as_ptr(),
                    1,
                    k as isize,
                    right.as_ptr(),
                    1,
                    n as isize,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
            std::hint::black_box(&*result);
        }
    }
}

fn measure(name: &str, config: &ModelConfig) -> Result<(), EngineError> {
    config.validate().expect("a legal model");
    let mut engine = pollster::block_on(Engine::open(&Device::Gpu, config, &initial_parameters(config)))?;
    println!("{name}, {} streams, {} steps, on {}", config.streams, config.segment, engine.info());
    let gpu = engine.device().expect("a GPU was asked for");
    let software = gpu.is_software();
    for kernel in [&forward_sums::KERNEL, &backward_sums::KERNEL, &weight_update::KERNEL] {
        let list = products(config, kernel);
        let work: usize = list.iter().map(|p| p.m * p.n * p.k * p.times).sum();
        let largest = |size: fn(&Product) -> usize| list.iter().map(size).max().unwrap_or(0);
        let (left, right) = (vec![1.0; largest(|p| p.m * p.k)], vec![1.0; largest(|p| p.k * p.n)]);
        let mut result = vec![0.0; largest(|p| p.m * p.n)];
        let segments = (200_000_000 / work).clamp(1, 100) as u32;
        let device = || {
            let mut done = Ok(());
            let run = || done = gpu.run_kernel(kernel, segments);
            let time = if software { clock::process(run) } else { clock::wall(run) };
            done.map(|()| time / segments)
        };
        let floats =
            || Ok(clock::thread(|| (0..segments).for_each(|_| gemm_all(&list, &left, &right, &mut result))) / segments);
        let times = in_turns(REPEATS, &mut [Box::new(device), Box::new(floats)])?;
        let seconds = |times: &[Duration]| Spread::of(times.iter().map(Duration::as_secs_f64).collect()).median;
        let rate = |times: &[Duration]| work as f64 / seconds(times) * 1e-9;
        let (ours, theirs) = (rate(&times[0]), rate(&times[1]));
        let name = kernel.name;
        println!("  {name:<16}{ours:6.2}   gemm f32 {theirs:6.2} x 10^9 a second   {:3.0} %", 100.0 * ours / theirs);
    }
    Ok(())
}

fn main() -> Result<(), EngineError> {
    let level = |level, streams| ModelConfig { streams, ..config_for(level, 1 << 20) };
    let square = ModelConfig { layers: 1, units: 256, embedding: 768, ..level(5, 64) };
    measure("64 x 1024 x 1024", &square)?;
    measure("level 5, 2 x 128", &level(5, 8))?;
    measure("level 5, 2 x 128", &level(5, 64))?;
    measure("level 7, 2 x 256", &level(7, 64))
}
