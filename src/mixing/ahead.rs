//! Codes symbols that are known in advance: the models run on a thread of their own, ahead of
//! the mixers, which weigh their predictions.
//!
//! This is possible because the models depend only on the bits, not on how they are weighed.

use std::panic::resume_unwind;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use super::mixers::{Mixed, Mixers};
use super::prediction::{BitPrediction, MOST_INPUTS, MixerContext};
use super::{Mixing, NetworkPrediction, extend_trace};
use crate::simd::vectorized;

/// Symbols per message: with fewer, the threads wake each other too often; with more, the
/// predictions no longer fit the nearer caches.
const BATCH: usize = 64;
/// The number of batches that may wait between the threads.
const BATCHES: usize = 3;
/// The smallest number of symbols for which a thread is started: with fewer, the threads
/// would wait for each other most of the time.
const WORTH_A_THREAD: usize = 4 * BATCH;

/// The models' predictions of all bits of a batch.
#[derive(Default)]
struct Predictions {
    /// `[bits][inputs of the kind]`.
    inputs: Vec<i16>,
    /// `[bits]`.
    contexts: Vec<MixerContext>,
}

impl Mixing {
    /// Codes and learns symbols in order, each of the stream it is paired with. If `helped`,
    /// a second thread is used where there are enough symbols and a thread can be started.
    ///
    /// `network` returns the network's prediction of the symbol at an index, `code` receives
    /// each bit and its probability of a 1 (Q16, 1..=65535).
    pub fn symbols<P: Fn(usize) -> u32>(
        &mut self,
        symbols: &[(usize, u8)],
        helped: bool,
        network: impl Fn(usize) -> Option<NetworkPrediction<P>>,
        mut code: impl FnMut(bool, u32),
    ) {
        // WebAssembly has no threads: without the code for them the module is smaller.
        let helped = helped && !cfg!(target_family = "wasm") && symbols.len() >= WORTH_A_THREAD;
        if helped && self.run_ahead(symbols, &network, &mut code) {
            return;
        }
        for (index, &(stream, symbol)) in symbols.iter().enumerate() {
            let mut bits = (0..8).rev().map(|shift| symbol >> shift & 1 == 1);
            self.symbol(stream, network(index), |p| {
                let bit = bits.next().unwrap_or(false);
                code(bit, p);
                bit
            });
        }
    }

    /// Codes the symbols on two threads. If no thread can be started, returns false and has
    /// done nothing.
    fn run_ahead<P: Fn(usize) -> u32>(
        &mut self,
        symbols: &[(usize, u8)],
        network: &impl Fn(usize) -> Option<NetworkPrediction<P>>,
        code: &mut impl FnMut(bool, u32),
    ) -> bool {
        let Mixing { models, mixers, trace } = self;
        let width = models.components.inputs();
        let (to_mixers, from_models) = sync_channel::<Predictions>(BATCHES);
        let (to_models, from_mixers) = channel::<Predictions>();
        // Each thread owns its ends of the channels, so neither waits for one that panicked.
        thread::scope(move |scope| {
            let ahead = thread::Builder::new().spawn_scoped(scope, move || {
                for symbols in symbols.chunks(BATCH) {
                    let mut predictions = from_mixers.try_recv().unwrap_or_default();
                    predictions.inputs.clear();
                    predictions.contexts.clear();
                    vectorized(
                        #[inline(always)]
                        || {
                            for &(stream, symbol) in symbols {
                                models.predict_and_learn(stream, symbol, |bit| {
                                    predictions.inputs.extend_from_slice(&bit.inputs[..width]);
                                    predictions.contexts.push(bit.context);
                                });
                            }
                        },
                    );
                    if to_mixers.send(predictions).is_err() {
                        return;
                    }
                }
            });
            let Ok(ahead) = ahead else { return false };
            let mut indices = 0..;
            for (symbols, predictions) in symbols.chunks(BATCH).zip(from_models) {
                vectorized(
                    #[inline(always)]
                    || {
                        let of_symbols =
                            predictions.inputs.chunks_exact(8 * width).zip(predictions.contexts.as_chunks().0);
                        for ((&(_, symbol), predicted), index) in symbols.iter().zip(of_symbols).zip(&mut indices) {
                            weigh(mixers, predicted, symbol, network(index), |bit, p| {
                                extend_trace(trace, p);
                                code(bit, p);
                            });
                        }
                    },
                );
                // Returns the buffers for reuse; fails once the models have finished.
                let _ = to_models.send(predictions);
            }
            ahead.join().unwrap_or_else(|panic| resume_unwind(panic));
            true
        })
    }
}

/// Mixes and learns the bits of a symbol from the models' predictions of them.
#[inline(always)]
fn weigh(
    mixers: &mut Mixers,
    (inputs, contexts): (&[i16], &[MixerContext; 8]),
    symbol: u8,
    network: Option<NetworkPrediction<impl Fn(usize) -> u32>>,
    mut code: impl FnMut(bool, u32),
) {
    let likeliest = network.as_ref().map_or(0, |network| network.likeliest.into());
    let contexts = contexts.map(|context| MixerContext { likeliest, ..context });
    let mut prediction = BitPrediction { inputs: [0; MOST_INPUTS], context: contexts[0] };
    mixers.prefetch(&prediction.context);
    let mut mixed = Mixed::default();
    for (i, inputs) in inputs.chunks_exact(inputs.len() / 8).enumerate() {
        prediction.inputs[..inputs.len()].copy_from_slice(inputs);
        prediction.context = contexts[i];
        if let Some(network) = &network {
            mixers.add_network_inputs(&mut prediction, network);
        }
        let p = mixers.mix(&prediction, &mut mixed);
        let bit = symbol >> (7 - i) & 1 == 1;
        code(bit, p);
        if let Some(next) = contexts.get(i + 1) {
            mixers.prefetch(next);
        }
        mixers.learn(&prediction, &mixed, bit);
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

    /// The whole state of a stage.
    fn state(mixing: &mut Mixing) -> Vec<u8> {
        let mut state = Vec::new();
        mixing.visit(&mut StateWriter::new(&mut state));
        state
    }

    #[test]
    fn symbols_in_batches_are_coded_as_they_are_one_by_one() {
        for (kind, raster) in MixingKind::ALL.into_iter().flat_map(|kind| RASTERS.map(|raster| (kind, raster))) {
            let (mut first, mut second) = (started(kind, 2400, raster), started(kind, 2400, raster));
            let symbol = |i: u64| b"abcd, \n\0\xff"[random_u64(5, i / 7) as usize % 9];
            let symbols: Vec<(usize, u8)> = (0..2400).map(|i| (i as usize % STREAMS, symbol(i))).collect();
            let mut rest = &symbols[..];
            // Whole batches, too few for a thread, none, and the rest, which fills every buffer twice.
            for count in [WORTH_A_THREAD, 5, 0, WORTH_A_THREAD + 1, 2400] {
                let some = rest.split_off(..count.min(rest.len())).unwrap();
                let prediction = |i: usize| network(some[i].1).filter(|_| count != 5);
                let mut expected = Vec::new();
                for (i, &(stream, symbol)) in some.iter().enumerate() {
                    let mut bits = (0..8).rev().map(|shift| symbol >> shift & 1 == 1);
                    first.symbol(stream, prediction(i), |p| {
                        let bit = bits.next().unwrap();
                        expected.push((bit, p));
                        bit
                    });
                }
                let mut coded = Vec::new();
                second.symbols(some, true, prediction, |bit, p| coded.push((bit, p)));
                assert!(coded == expected, "{kind:?}, {raster:?}, {count} symbols");
                assert_eq!(first.hash(), second.hash());
            }
            assert!(state(&mut first) == state(&mut second));
        }
    }

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "needs threads")]
    fn a_panic_on_either_thread_reaches_the_caller() {
        // The mixers panic after 99 bits, the models in the third batch: its stream does not exist.
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
