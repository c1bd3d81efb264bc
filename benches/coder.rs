//! The work of the host for each symbol: softmax and coder.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lockstep::internals::coder::{Decoder, Encoder, decode_symbol, encode_symbol};
use lockstep::internals::numerics::generator::{random_u64, random_within};
use lockstep::internals::numerics::softmax::{SYMBOLS, softmax_weights};
use lockstep::internals::numerics::tables::TABLES;

fn coder(criterion: &mut Criterion) {
    let logits: [i32; SYMBOLS] = std::array::from_fn(|n| random_within(1, n as u64, 5 << 13));
    let mut weights = [0; SYMBOLS];
    criterion.bench_function("softmax", |b| b.iter(|| softmax_weights(&TABLES, &logits, &mut weights)));

    let symbols: Vec<u8> = (0..1000).map(|i| random_u64(2, i) as u8).collect();
    criterion.bench_function("encode 1000 symbols", |b| {
        b.iter_batched(
            Encoder::default,
            |mut encoder| {
                symbols.iter().for_each(|&symbol| encode_symbol(&mut encoder, &weights, symbol));
                encoder.finish()
            },
            BatchSize::SmallInput,
        );
    });
    let mut encoder = Encoder::default();
    symbols.iter().for_each(|&symbol| encode_symbol(&mut encoder, &weights, symbol));
    let code = encoder.finish();
    criterion.bench_function("decode 1000 symbols", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new(&code);
            (0..1000).map(|_| usize::from(decode_symbol(&mut decoder, &weights))).sum::<usize>()
        });
    });
}

criterion_group!(benches, coder);
criterion_main!(benches);
