//! Archives made with context mixing, with and without the network.

mod common;

use common::{fixed, noise, pack_by, text, tiny, unpack};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use proptest::prelude::*;

fn mixing(kind: MixingKind, table_bits: u32) -> Option<MixingConfig> {
    Some(MixingConfig { kind, table_bits })
}

/// Returns every combination of predictors, with a small hash table.
fn methods(model: ModelConfig) -> Vec<Method> {
    let alone = Method::network_alone(model.clone());
    let mixed = |kind| {
        let mixing = mixing(kind, 16);
        [true, false].map(|network| Method { model: model.clone(), network, mixing, panel: None })
    };
    [alone].into_iter().chain(MixingKind::ALL.into_iter().flat_map(mixed)).collect()
}

/// Returns the methods with mixing, their streams coded step-synchronously in panels.
fn in_panels(panel: u32, methods: Vec<Method>) -> Vec<Method> {
    let mixed = methods.into_iter().filter(|method| method.mixing.is_some());
    mixed.map(|method| Method { panel: Some(panel), ..method }).collect()
}

/// Compresses and decompresses; returns the length of the archive.
fn check(data: &[u8], block_size: u32, method: &Method) -> usize {
    let archive = pack_by(data, block_size, fixed(method)).unwrap();
    assert_eq!(unpack(&archive).unwrap(), data);
    archive.len()
}

#[test]
fn every_method_restores_data_of_any_length() {
    for streams in [1, 2, 7, 300] {
        let methods = methods(ModelConfig { streams, ..tiny(20) });
        for method in [in_panels(4, methods.clone()), methods].concat() {
            for len in (0..6).chain([17]) {
                check(&text(len), 1 << 20, &method);
            }
        }
    }
}

#[test]
fn mixing_compresses_text_better_than_the_network_alone() {
    let lengths: Vec<usize> = methods(tiny(6000)).iter().map(|method| check(&text(6000), 1 << 20, method)).collect();
    for pair in lengths[1..].chunks(2) {
        assert!(pair[1] < 260 && pair[0] < 300 && pair[0] < lengths[0], "{lengths:?}");
    }
}

#[test]
fn a_mebibyte_of_one_byte_value_takes_almost_no_space() {
    let model = ModelConfig { streams: 1, ..tiny(0) };
    let method = Method { model, network: false, mixing: mixing(MixingKind::Light, 22), panel: None };
    let len = check(&vec![0; 1 << 20], 1 << 24, &method);
    assert!(len < 500, "{len} bytes");
}

#[test]
fn long_runs_of_one_byte_value_take_almost_no_space() {
    for kind in MixingKind::ALL {
        for byte in [255, b'a'] {
            let model = ModelConfig { streams: 1, ..tiny(0) };
            let method = Method { model, network: false, mixing: mixing(kind, 18), panel: None };
            let len = check(&vec![byte; 1 << 14], 1 << 24, &method);
            assert!(len < 200, "{len} bytes");
        }
    }
}

#[test]
fn incompressible_blocks_are_stored_and_forgotten() {
    let random = noise(1 << 20);
    let model = ModelConfig { streams: 1, ..tiny(0) };
    let method = Method { model, network: false, mixing: mixing(MixingKind::Light, 22), panel: None };
    let len = check(&random, 1 << 20, &method);
    assert!(len < (1 << 20) + 200, "{len} bytes");
    for method in [methods(tiny(0)), in_panels(90, methods(tiny(0)))].concat() {
        let mixed = [text(1000), noise(1000), text(1000), text(700)].concat();
        check(&mixed, 1000, &method);
        check(&mixed, 300, &method);
    }
}

#[test]
fn later_blocks_gain_from_what_was_learned() {
    for method in [methods(tiny(0)), in_panels(300, methods(tiny(0)))].concat() {
        let words: Vec<u8> = noise(900).iter().map(|b| b"etaoin shrdlu,.\n"[usize::from(b % 16)]).collect();
        let once = check(&words, 900, &method);
        let thrice = check(&words.repeat(3), 900, &method);
        if method.mixing.is_some() {
            let most = if method.panel.is_some() { 2 * once } else { once + 2 * once / 3 };
            assert!(thrice < most, "{once} and {thrice}");
        }
    }
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let data = [text(3000), noise(500), text(500)].concat();
    let methods = methods(ModelConfig { streams: 9, units: 32, layers: 2, ..tiny(4000) });
    for method in [in_panels(700, methods.clone()), methods].concat() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pack_by(&data, 2000, fixed(&method)).unwrap())
        };
        let alone = with(1);
        assert!([2, 3, 5, 8, 16].into_iter().all(|threads| with(threads) == alone), "{method:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_data_is_restored(
        data in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..600),
            proptest::collection::vec(0u8..3, 0..600),
            (0usize..600).prop_map(text),
        ],
        block_size in 1u32..700, streams in 1u32..12, network: bool, table in 10u32..18, kind in 0usize..3,
        panel in proptest::option::of(1u32..300),
    ) {
        let model = ModelConfig { streams, ..tiny(600) };
        let mixing = mixing(MixingKind::ALL[kind], table);
        check(&data, block_size.max(100), &Method { model, network, mixing, panel });
    }
}
