//! The speed of the CPU engine's matrix products on a model's real shapes, beside the peak of the
//! machine.

use std::convert::Infallible;
use std::time::Duration;

use bytemuck::Pod;
use rayon::prelude::*;

use super::{Spread, clock, in_turns, rate};
use crate::model::layout::{CELLS, Matrix, TILE};
use crate::model::{ModelConfig, Shape};
use crate::numerics::generator::random_within;
use crate::simd::{
    AlignedBuffer, GROUP, NO_SUMS, Rows, Vectors, multiply_inputs, multiply_rows, multiply_samples, peak,
};

/// The three products that a model is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Weights times activations.
    Forward,
    /// Errors times weights.
    Backward,
    /// Errors times activations.
    Gradient,
}

impl Product {
    /// All three.
    pub const ALL: [Product; 3] = [Product::Forward, Product::Backward, Product::Gradient];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Product::Forward => "forward",
            Product::Backward => "backward",
            Product::Gradient => "gradient",
        }
    }

    /// The number of multiplications in one whole segment of a model.
    pub fn per_segment(self, config: &ModelConfig) -> u64 {
        let shape = Shape::new(config);
        let samples = (config.streams() * config.segment()) as u64;
        let all =
            |extra: usize| shape.layout.matrices.iter().map(|m| (m.rows * (m.inputs + extra)) as u64).sum::<u64>();
        match self {
            Product::Forward => samples * all(0),
            // The last step of a segment has no step after it.
            Product::Backward => {
                let own = (4 * config.units() * config.units() * config.layers()) as u64;
                samples * all(0) - config.streams() as u64 * own
            }
            Product::Gradient => samples * all(1),
        }
    }
}

/// A product's speed in multiplications a second.
#[derive(Clone, Copy, Debug)]
pub struct ProductSpeed {
    /// The product.
    pub product: Product,
    /// True for the shapes of replay, whose streams are windows.
    pub replay: bool,
    /// On one thread, by the time of that thread.
    pub one_thread: Spread,
    /// On all threads, by wall-clock time.
    pub all_threads: Spread,
    /// The speed of all threads divided by that of one, both by wall-clock time and at their best:
    /// other processes only slow them down.
    pub speedup: f64,
}

/// The processor and the engine's products, in multiplications a second.
#[derive(Clone, Debug)]
pub struct CpuSpeed {
    /// 16-bit integers in the registers of one core; `None` without the instruction.
    pub peak_i16: Option<Spread>,
    /// Like `peak_i16`, for 8-bit integers.
    pub peak_i8: Option<Spread>,
    /// Floats: a large matrix product of crate ndarray.
    pub f32_product: Spread,
    /// The name of the vector unit in use.
    pub vectors: &'static str,
    /// The number of threads in "all threads".
    pub threads: usize,
    /// The three products, and once more those of replay if the model has it.
    pub products: Vec<ProductSpeed>,
}

/// Operands of one model.
struct Operands {
    matrices: Vec<Matrix>,
    /// Streams of a group.
    streams: usize,
    groups: usize,
    samples: usize,
    /// The weights of each matrix.
    weights: Vec<AlignedBuffer<u8>>,
    /// The other operands, as long as the longest one needed.
    vectors: Vec<AlignedBuffer<i16>>,
    inputs: Vec<AlignedBuffer<i8>>,
    panel: AlignedBuffer<i16>,
}

impl Operands {
    fn new(config: &ModelConfig) -> Self {
        let matrices = Shape::new(config).layout.matrices;
        fn draw<T: Pod>(len: usize, convert: impl Fn(i32) -> T) -> AlignedBuffer<T> {
            let mut values = AlignedBuffer::zeros(len.next_multiple_of(64));
            values.iter_mut().enumerate().for_each(|(i, value)| *value = convert(random_within(1, i as u64, 127)));
            values
        }
        let samples = (config.streams() * config.segment()).next_multiple_of(2);
        let longest = matrices.iter().map(|m| m.rows.max(m.inputs)).max().unwrap_or(0).max(samples);
        Operands {
            weights: matrices.iter().map(|m| draw(m.rows * m.inputs, |x| (x + 128) as u8)).collect(),
            vectors: (0..GROUP).map(|_| draw(longest, |x| x as i16)).collect(),
            inputs: (0..GROUP).map(|_| draw(longest, |x| x as i8)).collect(),
            panel: draw(samples * TILE, |x| x as i16),
            streams: config.streams().min(GROUP),
            groups: config.streams().div_ceil(GROUP),
            samples,
            matrices,
        }
    }

    /// The number of multiplications in one pass over all matrices.
    fn work(&self, product: Product) -> u64 {
        let weights: usize = self.matrices.iter().map(|m| m.rows * m.inputs).sum();
        (weights * if product == Product::Gradient { self.samples } else { self.streams * self.groups }) as u64
    }

    /// Computes one product for all matrices, tile by tile like the kernels. Groups of streams, or
    /// tiles if there are enough of them, are split over threads.
    fn pass(&self, product: Product) {
        match product {
            Product::Forward => self.each_group(|m, weights| {
                let inputs: Vec<&[i8]> = self.inputs[..self.streams].iter().map(|x| &x[..m.inputs]).collect();
                weights.par_chunks(m.inputs * TILE).with_min_len(self.least(m.inputs * TILE)).for_each(|panel| {
                    let mut sums = NO_SUMS;
                    multiply_inputs(&inputs, panel, &mut sums);
                    std::hint::black_box(&sums);
                });
            }),
            Product::Backward => {
                (0..self.groups).into_par_iter().for_each(|_| {
                    let layers = self.matrices.len() - 1;
                    let unit_tiles = self.matrices[0].rows / TILE;
                    let embedding = self.matrices[0].inputs / CELLS - unit_tiles;
                    for layer in 0..layers {
                        // From the output, the layer above and the layer itself.
                        let own = self.matrices[layer].inputs / CELLS - unit_tiles;
                        let above = (layer + 1 < layers).then_some((layer + 1, embedding));
                        let terms = [Some((layers, layer * unit_tiles)), above, Some((layer, own))];
                        self.backward(terms.into_iter().flatten().collect(), unit_tiles);
                    }
                    self.backward((0..layers).map(|layer| (layer, 0)).collect(), embedding);
                });
            }
            Product::Gradient => self.matrices.iter().for_each(|m| {
                let inputs: Vec<&[i16]> = self.vectors.iter().map(|v| &v[..self.samples]).collect();
                (0..m.rows / TILE).into_par_iter().for_each(|_| {
                    for _ in 0..m.inputs / GROUP {
                        let mut sums = NO_SUMS;
                        multiply_samples(&inputs, &self.panel, &mut sums);
                        std::hint::black_box(&sums);
                    }
                });
            }),
        }
    }

    /// Computes `tiles` tiles of 16 inputs, each a sum over matrices from the given tile of each on.
    fn backward(&self, matrices: Vec<(usize, usize)>, tiles: usize) {
        let rows: usize = matrices.iter().map(|&(index, _)| self.matrices[index].rows).sum();
        let least = self.least(rows * CELLS);
        (0..tiles).into_par_iter().with_min_len(least).for_each(|tile| {
            let term = |&(index, first): &(usize, usize)| {
                let rows = self.matrices[index].rows;
                let a = std::array::from_fn(|m| &self.vectors[m][..rows]);
                let w = &self.weights[index][(first + tile) * CELLS * rows..][..CELLS * rows];
                Rows { a, w: bytemuck::cast_slice(w) }
            };
            let terms: Vec<Rows> = matrices.iter().map(term).collect();
            let mut sums = [[0; CELLS]; GROUP];
            multiply_rows(self.streams, &terms, &mut sums);
            std::hint::black_box(&sums);
        });
    }

    fn each_group(&self, work: impl Fn(&Matrix, &[u8]) + Sync) {
        let all = || self.matrices.iter().zip(&self.weights).for_each(|(m, weights)| work(m, weights));
        (0..self.groups).into_par_iter().for_each(|_| all());
    }

    /// The number of tiles of `weights` weights that are worth a task.
    fn least(&self, weights: usize) -> usize {
        (1usize << 18).div_ceil(weights * self.streams)
    }
}

/// Measures the processor and the products of `config`, `repeats` times, alternately.
pub fn measure(config: &ModelConfig, repeats: usize) -> CpuSpeed {
    let models: Vec<Operands> = [Some(config.clone()), config.replay()].iter().flatten().map(Operands::new).collect();
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread can be started");
    const PEAK_ROUNDS: u64 = 400_000;
    // Passes that together take some milliseconds.
    let passes = |operands: &Operands, product| (300_000_000 / operands.work(product)).max(1);
    let run = |operands: &Operands, product| {
        (0..passes(operands, product)).for_each(|_| operands.pass(product));
    };
    let runs = || models.iter().enumerate().flat_map(|(i, model)| Product::ALL.map(|product| (i > 0, model, product)));
    type Task<'a> = Box<dyn FnMut() -> Result<Duration, Infallible> + 'a>;
    let mut tasks: Vec<Task> = vec![
        Box::new(|| Ok(clock::thread(|| _ = peak(false, PEAK_ROUNDS)))),
        Box::new(|| Ok(clock::thread(|| _ = peak(true, PEAK_ROUNDS)))),
        Box::new(|| Ok(f32_product())),
    ];
    let (run, single) = (&run, &single);
    for (_, model, product) in runs() {
        tasks.push(Box::new(move || Ok(single.install(|| clock::thread(|| run(model, product))))));
        tasks.push(Box::new(move || Ok(clock::wall(|| run(model, product)))));
        tasks.push(Box::new(move || Ok(single.install(|| clock::wall(|| run(model, product))))));
    }
    let Ok(times) = in_turns(repeats, &mut tasks);
    let peak_rate = |bytes, times: &[Duration]| Some(rate(peak(bytes, 1)? * PEAK_ROUNDS, times));
    let products = runs().zip(times[3..].chunks_exact(3)).map(|((replay, model, product), times)| {
        let work = model.work(product) * passes(model, product);
        let (all_threads, one_by_wall) = (rate(work, &times[1]), rate(work, &times[2]));
        ProductSpeed {
            product,
            replay,
            one_thread: rate(work, &times[0]),
            all_threads,
            speedup: all_threads.max / one_by_wall.max,
        }
    });
    CpuSpeed {
        peak_i16: peak_rate(false, &times[0]),
        peak_i8: peak_rate(true, &times[1]),
        f32_product: rate(F32_WORK, &times[2]),
        vectors: Vectors::used().name(),
        threads: rayon::current_num_threads(),
        products: products.collect(),
    }
}

/// Side of the float matrices, which fit a core's second-level cache.
const F32_SIDE: usize = 256;
const F32_ROUNDS: usize = 20;
const F32_WORK: u64 = (F32_SIDE * F32_SIDE * F32_SIDE * F32_ROUNDS) as u64;

fn f32_product() -> Duration {
    let a = ndarray::Array2::<f32>::from_shape_fn((F32_SIDE, F32_SIDE), |(i, j)| (i * 7 + j) as f32);
    clock::thread(|| (0..F32_ROUNDS).for_each(|_| _ = std::hint::black_box(a.dot(std::hint::black_box(&a)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::tests::small;

    #[test]
    fn every_product_is_measured() {
        let speed = measure(&small(), 1);
        assert_eq!(speed.products.iter().filter(|p| p.replay).count(), 3);
        assert_eq!(speed.products.len(), 6);
        assert!(speed.products.iter().all(|p| p.one_thread.median > 0.0 && p.all_threads.min > 0.0));
        assert!(speed.f32_product.median > 0.0);
    }
}
