//! Any data is restored exactly under any model.

mod common;

use common::{frames, noise, pack, pack_with, text, tiny, unpack};
use lockstep::Error;
use lockstep::internals::archive::{FrameReader, Payload, next_part};
use lockstep::internals::codec::ASSUMED_LENGTH;
use lockstep::internals::model::ModelConfig;
use proptest::prelude::*;

#[test]
fn inputs_of_a_few_bytes_are_restored() {
    for len in 0..20 {
        for streams in [1, 2, 7, 300] {
            let archive = pack_with(&text(len), 1 << 20, move |n| ModelConfig { streams, ..tiny(n) }).unwrap();
            assert_eq!(unpack(&archive).unwrap(), text(len), "{len} bytes, {streams} streams");
        }
    }
}

#[test]
fn an_empty_input_has_no_blocks() {
    let archive = pack(b"", 4096);
    let frames = frames(&archive).unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].trailer.blocks, []);
    assert!(archive.len() < 120, "{} bytes", archive.len());
}

#[test]
fn text_gets_smaller_and_zeros_almost_vanish() {
    let archive = pack(&text(6000), 1 << 20);
    assert!(archive.len() < 3000, "{} bytes", archive.len());
    assert_eq!(unpack(&archive).unwrap(), text(6000));
    let zeros = vec![0; 50_000];
    let archive = pack(&zeros, 1 << 20);
    assert!(archive.len() < 700, "{} bytes", archive.len());
    assert_eq!(unpack(&archive).unwrap(), zeros);
}

/// For each block of an archive, true if it is stored.
fn stored(archive: &[u8]) -> Vec<bool> {
    let mut input = archive;
    next_part(&mut input, true).unwrap();
    let mut frame = FrameReader::after_magic(&mut input).unwrap();
    let mut stored = Vec::new();
    // The content is not decoded here, so reading ends at the trailer, whose checksum cannot match.
    while let Ok(Some(block)) = frame.next_block(&mut input) {
        stored.push(matches!(block.payload, Payload::Stored(_)));
    }
    stored
}

#[test]
fn data_that_no_model_can_shorten_is_stored() {
    let data = noise(3000);
    let archive = pack(&data, 1000);
    assert_eq!(stored(&archive), [true; 3]);
    assert!(archive.len() < data.len() + 240);
    assert_eq!(unpack(&archive).unwrap(), data);
}

#[test]
fn a_stored_block_does_not_change_the_model() {
    let mixed = [text(1000), noise(1000), text(1000)].concat();
    let archive = pack(&mixed, 1000);
    assert_eq!(stored(&archive), [false, true, false]);
    assert_eq!(unpack(&archive).unwrap(), mixed);

    // The third block starts from the state after the first. With a constant learning
    // rate it therefore equals the second block of an archive without noise.
    let constant = |n| ModelConfig { rate_end: 1 << 23, ..tiny(n) };
    let code = |data: &[u8], block: usize| {
        let archive = pack_with(data, 1000, constant).unwrap();
        let mut input = &archive[..];
        next_part(&mut input, true).unwrap();
        let mut frame = FrameReader::after_magic(&mut input).unwrap();
        (0..=block).map(|_| frame.next_block(&mut input).unwrap().unwrap()).last().unwrap()
    };
    assert_eq!(code(&mixed, 2), code(&[text(1000), text(1000)].concat(), 1));
}

#[test]
fn the_model_keeps_learning_from_block_to_block() {
    let archive = pack(&text(6000), 1500);
    assert_eq!(unpack(&archive).unwrap(), text(6000));
    let blocks = &frames(&archive).unwrap()[0].trailer.blocks;
    assert_eq!(blocks.iter().map(|b| b.raw).collect::<Vec<_>>(), [1500; 4]);
    assert!(blocks[3].coded < blocks[0].coded / 2, "{blocks:?}");
}

#[test]
fn concatenated_archives_decode_to_concatenated_data() {
    let parts = [text(700), Vec::new(), noise(100), text(50)];
    let archive: Vec<u8> = parts.iter().flat_map(|part| pack(part, 300)).collect();
    assert_eq!(unpack(&archive).unwrap(), parts.concat());
    let frames = frames(&archive).unwrap();
    assert_eq!(frames.iter().map(|f| f.trailer.raw_len).collect::<Vec<_>>(), [700, 0, 100, 50]);
    assert_eq!(frames.iter().map(|f| f.trailer.frame_len).sum::<u64>(), archive.len() as u64);
}

#[test]
fn the_schedule_has_the_length_of_the_input_where_that_is_known() {
    let schedule = |data: &[u8], block_size| {
        frames(&pack(data, block_size)).unwrap()[0].header.as_ref().unwrap().method.model.schedule_length
    };
    assert_eq!(schedule(&text(1000), 1001), 1000);
    assert_eq!(schedule(&text(1000), 1000), 1000);
    assert_eq!(schedule(&text(1000), 999), ASSUMED_LENGTH);
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let data = [text(3000), noise(500), text(500)].concat();
    let model = |n| ModelConfig { streams: 9, units: 32, layers: 2, ..tiny(n) };
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let archive = pack_with(&data, 2000, model).unwrap();
            assert_eq!(unpack(&archive).unwrap(), data);
            archive
        })
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(5));
}

#[test]
fn impossible_settings_are_refused() {
    assert!(matches!(pack_with(b"a", 0, tiny), Err(Error::BlockSize(0))));
    assert!(matches!(pack_with(b"a", u32::MAX, tiny), Err(Error::BlockSize(u32::MAX))));
    let odd = |n| ModelConfig { units: 17, ..tiny(n) };
    assert!(matches!(pack_with(b"a", 10, odd), Err(Error::Config(_))));
    let huge = |n| ModelConfig { units: 4096, layers: 8, ..tiny(n) };
    assert!(matches!(pack_with(b"a", 10, huge), Err(Error::MemoryLimit { .. })));
}

prop_compose! {
    fn any_model()(
        streams in 1u32..12, segment in 1u32..20, embedding in 1u32..3, units in 1u32..3, layers in 1u32..4,
        error_fraction in 8u32..=14,
        replay_streams in 0u32..6, replay_steps in 1u32..20, dropout in 0u32..129,
        rate_start in 0u32..1 << 25, rate_end in 0u32..1 << 25, seed: u64,
    ) -> ModelConfig {
        ModelConfig {
            streams, segment, embedding: 16 * embedding, units: 16 * units, layers, error_fraction,
            replay_streams, replay_steps, dropout, rate_start, rate_end, schedule_length: 0, seed,
        }
    }
}

fn any_data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        proptest::collection::vec(0u8..3, 0..600),
        (0usize..600).prop_map(text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_data_is_restored_under_any_model(data in any_data(), block_size in 1u32..700, model in any_model()) {
        prop_assume!(model.validate().is_ok());
        let archive = pack_with(&data, block_size, move |n| ModelConfig { schedule_length: n, ..model.clone() }).unwrap();
        prop_assert_eq!(unpack(&archive).unwrap(), data);
    }
}
