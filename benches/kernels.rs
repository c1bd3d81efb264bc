//! Kernels of the CPU engine on the shape of the default level: a step or a segment, and the windows
//! of replay. `RAYON_NUM_THREADS` sets the number of threads.

use criterion::{Criterion, criterion_group, criterion_main};
use lockstep::internals::engine::cpu::adam_row::adam_row;
use lockstep::internals::engine::cpu::stream::Stream;
use lockstep::internals::engine::cpu::transposed::Samples;
use lockstep::internals::engine::cpu::weights::Weights;
use lockstep::internals::engine::cpu::{
    lstm_backward::lstm_backward, lstm_forward::lstm_forward, output_error::output_error,
    output_forward::output_forward, weight_update::weight_update,
};
use lockstep::internals::model::Shape;
use lockstep::internals::model::init::initial_parameters;
use lockstep::internals::model::levels::{DEFAULT_LEVEL, config_for};
use lockstep::internals::numerics::generator::random_within;
use lockstep::internals::numerics::wide::BiasCorrection;

fn kernels(criterion: &mut Criterion) {
    let config = config_for(DEFAULT_LEVEL, 100_000);
    let shape = Shape::new(&config);
    let mut parameters = initial_parameters(&config);
    let mut weights = Weights::pack(&shape, &parameters.master);
    let mut streams = vec![Stream::new(&shape); config.streams()];
    let adam = BiasCorrection::default().advance(config.rate_start, 1 << 20, 1 << 13, 0);
    let steps = config.segment();

    criterion.bench_function("lstm_forward", |b| b.iter(|| lstm_forward(&shape, &weights, 1..2, 0..1, &mut streams)));
    criterion.bench_function("output_forward", |b| b.iter(|| output_forward(&shape, &weights, 0..1, &mut streams)));
    criterion.bench_function("output_error", |b| b.iter(|| output_error(&shape, 1, &mut streams)));
    criterion.bench_function("lstm_backward", |b| {
        b.iter(|| lstm_backward(&shape, &weights, 0..1, steps, &mut streams));
    });
    let mut samples = Samples::default();
    criterion.bench_function("gather_samples", |b| b.iter(|| samples.gather(&shape, steps, &streams)));
    let first = shape.layout.embedding_len;
    criterion.bench_function("weight_update", |b| {
        b.iter(|| {
            let (masters, moments) = (&mut parameters.master[first..], &mut parameters.moments[first..]);
            weight_update(&shape, steps, &adam, &streams, &samples, masters, moments, &mut weights.matrices);
        });
    });
    let windows = config.replay().expect("the default level has replay");
    let (all, shape) = (0..windows.layers(), Shape::new(&windows));
    let (mut streams, steps) = (vec![Stream::new(&shape); windows.streams()], windows.segment());
    criterion.bench_function("lstm_forward of windows", |b| {
        b.iter(|| lstm_forward(&shape, &weights, all.clone(), 0..steps, &mut streams));
    });
    criterion.bench_function("lstm_backward of windows", |b| {
        b.iter(|| lstm_backward(&shape, &weights, all.clone(), steps, &mut streams));
    });
    let gradients: Vec<i32> = (0..4096).map(|i| random_within(1, i, 1 << 20)).collect();
    let (mut masters, mut moments) = (vec![0; 4096], vec![0; 4096]);
    criterion.bench_function("adam_row of 4096", |b| {
        b.iter(|| adam_row(&adam, adam.weight_floor, 1 << 25, &gradients, &mut masters, &mut moments));
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
