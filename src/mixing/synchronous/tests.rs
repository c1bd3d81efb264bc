//! Tests of the whole stage: threads, saved states, hostile states.

use super::super::tests::{RASTERS, network};
use super::*;
use crate::crew::tests::with_own_threads;
use crate::crew::with_crew;
use crate::model::{MixingConfig, MixingKind};
use crate::numerics::generator::random_u64;
use crate::pool::on_threads;
use crate::state::{StateReader, StateWriter};
use proptest::prelude::*;

const STREAMS: usize = 11;

/// Codes a known byte and keeps the probabilities.
#[derive(Default)]
struct Coder {
    byte: u8,
    bits: usize,
    probabilities: Vec<u32>,
}

impl BitCoder for Coder {
    fn code(&mut self, p: u32) -> bool {
        self.probabilities.push(p);
        self.bits += 1;
        self.byte >> (7 - (self.bits - 1) % 8) & 1 == 1
    }
}

fn started(kind: MixingKind, raster: Option<Raster>) -> Synchronous {
    let mut stage = Synchronous::new(Mixing::new(&MixingConfig { kind, table_bits: 14 }, 10, 0), STREAMS);
    stage.start_block(900, raster);
    stage
}

/// Text that repeats, with some noise.
fn byte(stream: usize, step: usize) -> u8 {
    b"abcd, \n\0\xff"[random_u64(5, (step as u64 + 7 * stream as u64) / 3 % 50) as usize % 9]
}

/// Codes steps of panels of ten steps, whose last two have fewer streams; returns the probabilities of each stream.
fn code(stage: &mut Synchronous, steps: std::ops::Range<usize>) -> Vec<Vec<u32>> {
    with_crew(|crew| code_by(crew, stage, steps))
}

fn code_by(crew: &mut Crew<'_>, stage: &mut Synchronous, steps: std::ops::Range<usize>) -> Vec<Vec<u32>> {
    let mut coders: Vec<Coder> = (0..STREAMS).map(|_| Coder::default()).collect();
    for step in steps {
        if step % 10 == 0 {
            stage.start_panel((0..STREAMS).map(|stream| step * STREAMS + 10 * stream));
        }
        let active = if step % 10 < 8 { STREAMS } else { STREAMS - 3 };
        for (stream, coder) in coders.iter_mut().enumerate() {
            coder.byte = byte(stream, step);
        }
        stage.step(crew, &mut coders[..active], |stream| network(byte(stream, step)).filter(|_| step % 30 < 20));
    }
    coders.into_iter().map(|coder| coder.probabilities).collect()
}

fn state(stage: &mut Synchronous) -> Vec<u8> {
    let mut state = Vec::new();
    stage.visit(&mut StateWriter::new(&mut state));
    state
}

fn cases() -> impl Iterator<Item = (MixingKind, Option<Raster>)> {
    MixingKind::ALL.into_iter().flat_map(|kind| RASTERS.map(|raster| (kind, raster)))
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for (kind, raster) in cases() {
        let run = |threads| {
            on_threads(threads, || {
                let mut stage = started(kind, raster);
                (code(&mut stage, 0..60), state(&mut stage), stage.hash())
            })
        };
        let alone = run(1);
        for threads in [2, 3, 8] {
            assert!(run(threads) == alone, "{kind:?}, {raster:?}, {threads} threads");
        }
    }
}

#[test]
#[cfg_attr(target_family = "wasm", ignore = "needs threads")]
fn streams_are_coded_alike_by_threads_of_its_own() {
    for (kind, raster) in cases() {
        let run = |threads| {
            let mut stage = started(kind, raster);
            let probabilities = with_own_threads(threads, |crew| code_by(crew, &mut stage, 0..60));
            (probabilities, state(&mut stage))
        };
        assert!(run(1) == run(3), "{kind:?}, {raster:?}");
    }
}

#[test]
fn what_repeats_gets_cheap() {
    for kind in MixingKind::ALL {
        let mut stage = started(kind, None);
        let cost = |probabilities: &[Vec<u32>]| -> f64 {
            let of_bit = |(i, &p): (usize, &u32), stream| {
                let one = f64::from(p) / 65536.0;
                let bit = byte(stream, i / 8) >> (7 - i % 8) & 1 == 1;
                -(if bit { one } else { 1.0 - one }).log2()
            };
            // The first eight streams have a byte in every step.
            (0..8).flat_map(|s| probabilities[s].iter().enumerate().map(move |bit| of_bit(bit, s))).sum()
        };
        let first = cost(&code(&mut stage, 0..150));
        // The same 150 steps again.
        let second = cost(&code(&mut stage, 0..150));
        assert!(first < 3500.0 && second < 0.9 * first, "{kind:?}: {first} and {second} of 9600 bits");
    }
}

#[test]
fn a_state_saved_within_a_block_continues_with_the_same_probabilities() {
    for (kind, raster) in cases() {
        let mut first = started(kind, raster);
        code(&mut first, 0..23);
        let state = state(&mut first);
        // The raster is part of the state.
        let mut second = started(kind, None);
        let mut reader = StateReader::new(&state[..]);
        second.visit(&mut reader);
        assert!(reader.finish().unwrap().is_empty());
        assert_eq!(first.hash(), second.hash());
        for stage in [&mut first, &mut second] {
            stage.scratch = Scratch::new(stage.stage.models.components, STREAMS);
        }
        assert!(code(&mut first, 23..40) == code(&mut second, 23..40), "{kind:?}, {raster:?}");
        first.start_block(300, raster);
        second.start_block(300, raster);
        assert_eq!(code(&mut first, 0..20), code(&mut second, 0..20));
        assert_eq!(first.hash(), second.hash());
    }
}

#[test]
fn a_state_saved_after_an_image_continues_with_the_same_probabilities() {
    for kind in MixingKind::ALL {
        let mut first = started(kind, RASTERS[1]);
        code(&mut first, 0..20);
        first.start_block(900, None);
        let state = state(&mut first);
        let mut second = started(kind, None);
        second.visit(&mut StateReader::new(&state[..]));
        assert!(code(&mut first, 0..20) == code(&mut second, 0..20), "{kind:?}");
    }
}

#[test]
fn what_was_learned_goes_on_in_the_sequential_form_and_back() {
    let config = MixingConfig { kind: MixingKind::Full, table_bits: 14 };
    let mut stage = started(MixingKind::Full, None);
    code(&mut stage, 0..50);
    let hash = stage.hash();
    let learned = stage.into_stage();
    assert_eq!(learned.hash(), hash);
    let mut again = Synchronous::new(learned.grown(config.table_bits, 10, 0), STREAMS);
    again.start_block(900, None);
    let mut fresh = started(MixingKind::Full, None);
    assert_ne!(code(&mut again, 0..5), code(&mut fresh, 0..5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_state_of_arbitrary_words_does_no_harm(
        seed: u64, mask in prop_oneof![Just(u64::MAX), Just(0), any::<u64>()], set: u64, kind in 0usize..3, image: bool,
    ) {
        let words = (0..).flat_map(|i| (random_u64(seed, i) & mask | set & !mask).to_le_bytes());
        let mut stage = started(MixingKind::ALL[kind], None);
        // The block's raster and start come last.
        let before = state(&mut stage).len() - Raster::LEN - 4;
        let raster = RASTERS[usize::from(image)];
        let mut hostile: Vec<u8> = words.take(before + if image { 8 << 20 } else { 4 }).collect();
        hostile.splice(before..before, raster.map_or([0; Raster::LEN], Raster::bytes));
        stage.visit(&mut StateReader::new(&hostile[..]));
        for p in code(&mut stage, 3..15).into_iter().flatten() {
            prop_assert!((1..=65535).contains(&p));
        }
    }
}
