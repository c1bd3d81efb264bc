//! Symbols that are known beforehand: models learn them, on a thread of their own, ahead of the
//! mixers that weigh what was said of each bit.

use std::panic::resume_unwind;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use super::mix::Mixers;
use super::mixer::MOST_INPUTS;
use super::selector::Moment;
use super::work::Bit;
use super::{Advice, Mixing, extend};
use crate::simd::vectorized;

/// Symbols that change hands at a time: fewer, and threads wake each other too often; more, and
/// what is said leaves the nearer caches.
const BATCH: usize = 64;
/// Batches that lie between the threads.
const BATCHES: usize = 3;
/// So many symbols are worth a thread: with fewer, threads would wait for each other most of the time.
const WORTH_A_THREAD: usize = 4 * BATCH;

/// What the models say of a batch's bits.
#[derive(Default)]
struct Said {
    /// The inputs of each bit, as many as mixers have weights.
    inputs: Vec<i16>,
    moments: Vec<Moment>,
}

impl Mixing {
    /// Codes and learns symbols, each with its stream, in turn; `helped` by a second thread, if
    /// they are many and there is one to be had.
    ///
    /// `network` says what a network says of the symbol of a number, `code` takes each bit and
    /// the stage's probability of a 1 (Q16, 1..=65535).
    pub fn symbols<P: Fn(usize) -> u32>(
        &mut self,
        symbols: &[(usize, u8)],
        helped: bool,
        network: impl Fn(usize) -> Option<Advice<P>>,
        mut code: impl FnMut(bool, u32),
    ) {
        if helped && symbols.len() >= WORTH_A_THREAD && self.run_ahead(symbols, &network, &mut code) {
            return;
        }
        for (number, &(stream, symbol)) in symbols.iter().enumerate() {
            let mut bits = (0..8).rev().map(|shift| symbol >> shift & 1 == 1);
            self.symbol(stream, network(number), |p| {
                let bit = bits.next().unwrap_or(false);
                code(bit, p);
                bit
            });
        }
    }

    /// The same on two threads; false, and nothing done, where no other can be started.
    fn run_ahead<P: Fn(usize) -> u32>(
        &mut self,
        symbols: &[(usize, u8)],
        network: &impl Fn(usize) -> Option<Advice<P>>,
        code: &mut impl FnMut(bool, u32),
    ) -> bool {
        let Mixing { models, mixers, trace } = self;
        let width = models.parts.inputs();
        let (to_mixers, from_models) = sync_channel::<Said>(BATCHES);
        let (to_models, from_mixers) = channel::<Said>();
        // Both ends go where they are used, so that neither thread waits for one that panicked.
        thread::scope(move |scope| {
            let ahead = thread::Builder::new().spawn_scoped(scope, move || {
                for symbols in symbols.chunks(BATCH) {
                    let mut said = from_mixers.try_recv().unwrap_or_default();
                    said.inputs.clear();
                    said.moments.clear();
                    vectorized(
                        #[inline(always)]
                        || {
                            for &(stream, symbol) in symbols {
                                models.run(stream, symbol, |bit| {
                                    said.inputs.extend_from_slice(&bit.inputs[..width]);
                                    said.moments.push(bit.moment);
                                });
                            }
                        },
                    );
                    if to_mixers.send(said).is_err() {
                        return;
                    }
                }
            });
            let Ok(ahead) = ahead else { return false };
            let mut numbers = 0..;
            for (symbols, said) in symbols.chunks(BATCH).zip(from_models) {
                vectorized(
                    #[inline(always)]
                    || {
                        let said = said.inputs.chunks_exact(8 * width).zip(said.moments.as_chunks().0);
                        for ((&(_, symbol), said), number) in symbols.iter().zip(said).zip(&mut numbers) {
                            weigh(mixers, said, symbol, network(number), |bit, p| {
                                extend(trace, p);
                                code(bit, p);
                            });
                        }
                    },
                );
                // The models take none back once they have learnt all.
                let _ = to_models.send(said);
            }
            ahead.join().unwrap_or_else(|panic| resume_unwind(panic));
            true
        })
    }
}

/// Weighs and learns the bits of a symbol, once all is said of them.
#[inline(always)]
fn weigh(
    mixers: &mut Mixers,
    (inputs, moments): (&[i16], &[Moment; 8]),
    symbol: u8,
    network: Option<Advice<impl Fn(usize) -> u32>>,
    mut code: impl FnMut(bool, u32),
) {
    let likeliest = network.as_ref().map_or(0, |network| network.likeliest.into());
    let moments = moments.map(|moment| Moment { likeliest, ..moment });
    let mut bit = Bit { inputs: [0; MOST_INPUTS], moment: moments[0] };
    mixers.look(&bit.moment);
    for (i, inputs) in inputs.chunks_exact(inputs.len() / 8).enumerate() {
        bit.inputs[..inputs.len()].copy_from_slice(inputs);
        bit.moment = moments[i];
        if let Some(network) = &network {
            mixers.hear(&mut bit, network);
        }
        let p = mixers.mix(&bit);
        let coded = symbol >> (7 - i) & 1 == 1;
        code(coded, p);
        if let Some(next) = moments.get(i + 1) {
            mixers.look(next);
        }
        mixers.learn(&bit, coded);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::super::tests::{RASTERS, STREAMS, network, started};
    use super::*;
    use crate::model::MixingKind;
    use crate::numerics::generator::random_u64;
    use crate::state::StateWriter;

    /// All that a stage has learnt.
    fn state(mixing: &mut Mixing) -> Vec<u8> {
        let mut state = Vec::new();
        mixing.visit(&mut StateWriter::new(&mut state));
        state
    }

    #[test]
    fn many_symbols_at_once_are_those_one_by_one() {
        for (kind, raster) in MixingKind::ALL.into_iter().flat_map(|kind| RASTERS.map(|raster| (kind, raster))) {
            let (mut first, mut second) = (started(kind, 2400, raster), started(kind, 2400, raster));
            let symbol = |i: u64| b"abcd, \n\0\xff"[random_u64(5, i / 7) as usize % 9];
            let symbols: Vec<(usize, u8)> = (0..2400).map(|i| (i as usize % STREAMS, symbol(i))).collect();
            let mut rest = &symbols[..];
            // Whole batches, too few for a thread, none, and all that is left, which fills all lists twice.
            for count in [WORTH_A_THREAD, 5, 0, WORTH_A_THREAD + 1, 2400] {
                let some = rest.split_off(..count.min(rest.len())).unwrap();
                let advice = |i: usize| network(some[i].1).filter(|_| count != 5);
                let mut expected = Vec::new();
                for (i, &(stream, symbol)) in some.iter().enumerate() {
                    let mut bits = (0..8).rev().map(|shift| symbol >> shift & 1 == 1);
                    first.symbol(stream, advice(i), |p| {
                        let bit = bits.next().unwrap();
                        expected.push((bit, p));
                        bit
                    });
                }
                let mut coded = Vec::new();
                second.symbols(some, true, advice, |bit, p| coded.push((bit, p)));
                assert!(coded == expected, "{kind:?}, {raster:?}, {count} symbols");
                assert_eq!(first.hash(), second.hash());
            }
            assert!(state(&mut first) == state(&mut second));
        }
    }

    #[test]
    fn a_panic_on_either_thread_comes_through() {
        // The mixers' after 99 bits, and the models' in the third batch: there is no such stream.
        for (most, stream) in [(100, 0), (usize::MAX, STREAMS)] {
            let mut mixing = started(MixingKind::Light, 2400, None);
            let symbols: Vec<(usize, u8)> = (0..2400).map(|i| (if i < 130 { 0 } else { stream }, 7)).collect();
            let mut coded = 0;
            let code = |_, _| {
                coded += 1;
                assert!(coded < most);
            };
            let run = AssertUnwindSafe(|| mixing.symbols(&symbols, true, |i| network(symbols[i].1), code));
            assert!(catch_unwind(run).is_err() && coded == most.min(8 * 2 * BATCH));
        }
    }
}
