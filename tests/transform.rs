//! Every transform of any bytes is reversible, and arbitrary bytes have an inverse or an error.

mod common;

use lockstep::internals::archive::{FrameReader, MAGIC, Payload};
use lockstep::internals::codec::{EncodeSettings, compress};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, Raster};
use lockstep::internals::transform::{Choice, Transform, TransformError, find_raster};
use proptest::collection::vec;
use proptest::prelude::*;

fn assert_inverts(transform: Transform, raw: &[u8]) {
    let coded = transform.forward(raw);
    assert_eq!(transform.inverse(&coded, raw.len()).as_deref(), Ok(raw), "{transform:?}");
}

/// Concatenated pieces that are difficult for the text transform.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "the", "The", "THE", "tHE", "ThE", "aBc", "ABc", "A", "I", "IBMs", "McDonald", "XMLHttpRequest",
            "extraordinarily", "Extraordinarilyish", "rabbitqqq", "zzyzx", "gryphon", "GRYPHON", "Gryphon",
        ]).prop_map(|word| word.as_bytes().to_vec()),
        4 => prop::sample::select(vec![
            &b" "[..], b" ", b" ", b"\n", b"\n\n", b"\r\n", b"\r", b"\r\r\n", b"\n\r", b"\t", b", ", b". ", b"'", b"-", b"0",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::sample::select(vec!["\u{e9}", "\u{df}", "\u{4e16}", "\u{1f600}"])
            .prop_map(|character| character.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
        1 => vec(prop::sample::select(vec![1, 2, 3, 4, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xf0, 0xff]), 1..5),
    ];
    vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_restored(raw in vec(any::<u8>(), 0..600)) {
        for transform in Transform::ALL {
            assert_inverts(transform, &raw);
        }
    }

    #[test]
    fn adversarial_text_is_restored(raw in pieces()) {
        for transform in Transform::ALL {
            assert_inverts(transform, &raw);
        }
    }

    #[test]
    fn tables_are_restored(record in vec(any::<u8>(), 1..40), steps in vec(0u8..4, 1..40), records in 0usize..300, cut in 0usize..40) {
        let mut table = Vec::new();
        for i in 0..records {
            let grown = record.iter().zip(steps.iter().cycle());
            table.extend(grown.map(|(&byte, &step)| byte.wrapping_add((i as u8).wrapping_mul(step))));
        }
        table.truncate(table.len().saturating_sub(cut));
        for transform in Transform::ALL {
            assert_inverts(transform, &table);
        }
    }

    #[test]
    fn arbitrary_bytes_have_an_inverse_within_the_limit_or_an_error(
        coded in prop_oneof![vec(any::<u8>(), 0..300), pieces()],
        limit in 0usize..400,
    ) {
        for transform in Transform::ALL {
            if let Ok(raw) = transform.inverse(&coded, limit) {
                prop_assert!(raw.len() <= limit);
            }
        }
    }

    #[test]
    fn damaged_text_has_an_inverse_within_the_limit_or_an_error(raw in pieces(), at in any::<prop::sample::Index>(), to: u8) {
        for transform in Transform::ALL {
            let mut coded = transform.forward(&raw);
            if !coded.is_empty() {
                let at = at.index(coded.len());
                coded[at] = to;
            }
            if let Ok(back) = transform.inverse(&coded, raw.len()) {
                prop_assert!(back.len() <= raw.len());
            }
        }
    }
}

#[test]
fn every_byte_and_every_pair_of_bytes_is_restored() {
    let pairs: Vec<u8> = (0..=255).flat_map(|a| (0..=255).flat_map(move |b| [a, b])).collect();
    for transform in Transform::ALL {
        assert_inverts(transform, &pairs);
        for byte in 0..=255 {
            assert_inverts(transform, &[byte]);
            assert_inverts(transform, &[byte; 300]);
        }
    }
}

#[test]
fn line_ends_of_all_kinds_are_restored() {
    let ends = ["\n", "\r\n", "\r", "\r\r\n", "\n\r", " \n", "\n ", " \r\n", "\n\n", "\r\n\r\n", ""];
    for one in ends {
        for other in ends {
            let text = format!("some words{one}and others{other}and{one}{other}more words").repeat(20);
            assert_inverts(Transform::Text, text.as_bytes());
            assert_inverts(Transform::Text, format!("{one}{text}{other}").as_bytes());
        }
    }
}

#[test]
fn words_that_a_text_repeats_become_codes() {
    let text = "Whatever flummoxers and snarkwoods there are, flummoxers are snarkwoods. ".repeat(30);
    let coded = Transform::Text.forward(text.as_bytes());
    assert!(coded.len() * 2 < text.len(), "{} of {}", coded.len(), text.len());
    assert_inverts(Transform::Text, text.as_bytes());
}

/// Text with lines of at most a given width.
fn filled(words: &[&str], width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for i in 0..3000 {
        let word = words[i * i % 97 % words.len()];
        if column + word.len() >= width {
            text.push('\n');
            column = 0;
        } else if i > 0 {
            text.push(' ');
        }
        text.push_str(word);
        column += word.len() + 1;
    }
    text
}

#[test]
fn line_breaks_of_filled_text_cost_almost_nothing() {
    let words = ["the", "house", "of", "a", "gentleman", "and", "everything", "that", "belongs", "to", "it"];
    let text = filled(&words, 72);
    let one_line = text.replace('\n', " ");
    let (broken, whole) = (Transform::Text.forward(text.as_bytes()), Transform::Text.forward(one_line.as_bytes()));
    assert!(text.lines().count() > 200);
    assert!(broken.len() < whole.len() + 40, "{} against {}", broken.len(), whole.len());
}

/// Compresses bytes in one block with the mixing stage alone, and checks that they are restored.
fn archive(choice: Choice, raw: &[u8]) -> Vec<u8> {
    let method = Method {
        model: common::tiny(1 << 20),
        network: false,
        mixing: Some(MixingConfig { kind: MixingKind::Light, table_bits: 16 }),
        panel: None,
    };
    let settings = EncodeSettings { transform: choice, ..common::settings(common::fixed(&method)) };
    let mut archive = Vec::new();
    pollster::block_on(compress(&mut &raw[..], &mut archive, &settings, &mut ())).unwrap();
    assert_eq!(common::unpack(&archive).unwrap(), raw);
    archive
}

/// Returns the transform of the block in such an archive; `None` if the block is stored.
fn transform_of(choice: Choice, raw: &[u8]) -> Option<Transform> {
    let archive = archive(choice, raw);
    let mut input = &archive[MAGIC.len()..];
    let mut frame = FrameReader::after_magic(&mut input).unwrap();
    let block = frame.next_block(&mut input).unwrap().unwrap();
    match &block.payload {
        Payload::Coded { code, .. } => Transform::from_number(code[0]),
        _ => None,
    }
}

#[test]
fn the_text_transform_is_chosen_for_english_and_none_for_other_data() {
    let english = filled(&["the", "Government", "of", "every", "country", "has", "several", "ministers"], 60);
    assert_eq!(transform_of(Choice::Auto, english.as_bytes()), Some(Transform::Text));
    assert_eq!(transform_of(Choice::Only(Transform::None), english.as_bytes()), Some(Transform::None));
    let russian = "\u{41a}\u{430}\u{436}\u{434}\u{44b}\u{439} \u{434}\u{435}\u{43d}\u{44c} ".repeat(100);
    assert_eq!(transform_of(Choice::Auto, russian.as_bytes()), Some(Transform::None));
    assert_eq!(transform_of(Choice::Auto, &[0; 1000]), Some(Transform::None));
}

/// A RIFF WAVE file with two channels of tones and some noise.
fn audio() -> Vec<u8> {
    let mut file =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data\0\0\0\0".to_vec();
    let noise = common::noise(8000);
    let (mut sine, mut cosine) = (0i32, 9000i32);
    for i in 0..4000 {
        sine += cosine >> 4; // a rotation that preserves the amplitude
        cosine -= sine >> 4;
        for (channel, value) in [sine, cosine - sine / 2].into_iter().enumerate() {
            let sample = value + i32::from(noise[2 * i + channel] >> 3);
            file.extend_from_slice(&(sample as i16).to_le_bytes());
        }
    }
    file
}

#[test]
fn the_samples_transform_is_chosen_for_audio() {
    assert_inverts(Transform::Samples, &audio());
    assert_inverts(Transform::Samples, &audio()[..10_001]);
    assert_eq!(Transform::Samples.forward(&audio())[..3], [2, 44, 0]);
    assert_eq!(transform_of(Choice::Auto, &audio()), Some(Transform::Samples));
    // With a chunk of odd length before the samples.
    let list = [&audio()[..36], b"LIST\x05\0\0\0abcde\0", &audio()[36..]].concat();
    assert_eq!(Transform::Samples.forward(&list)[..3], [2, 58, 0]);
    assert_inverts(Transform::Samples, &list);
    // After silence.
    let late = [&audio()[..44], &[0; 40_000], &audio()[44..].repeat(3)].concat();
    assert_eq!(transform_of(Choice::Auto, &late), Some(Transform::Samples));
    // Without a header.
    assert_eq!(transform_of(Choice::Auto, &audio()[45..]), Some(Transform::Samples));
    assert_eq!(Transform::Samples.forward(&audio()[45..])[1..3], [1, 0]);
}

#[test]
fn data_other_than_audio_is_not_changed_by_the_samples_transform() {
    let headers =
        [&audio()[..20], b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata\0\0\0\0", b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff"];
    let eight_bits = [&audio()[..34], &[8], &audio()[35..44], &common::noise(1000)].concat();
    for raw in headers.into_iter().chain([&eight_bits[..], &common::noise(5000), &common::text(5000), b""]) {
        assert_eq!(Transform::Samples.forward(raw), [&[0, 0, 0], raw].concat());
    }
    assert_eq!(Transform::Samples.inverse(&[9, 0, 0, 1, 2], 9), Err(TransformError::Head));
    assert_eq!(Transform::Samples.inverse(&[1, 0], 9), Err(TransformError::Head));
    assert_eq!(Transform::Samples.inverse(&[1, 0, 0, 1, 2], 1), Err(TransformError::TooLong));
    assert_eq!(Transform::Samples.inverse(&[8, 255, 255, 1, 2], 2).as_deref(), Ok(&[1, 2][..]));
}

proptest! {
    #[test]
    fn opcodes_within_targets_are_restored(raw in vec(prop::sample::select(vec![0xe8, 0xe9, 0, 1, 0x7f, 0xed, 0xff]), 0..60)) {
        assert_inverts(Transform::Calls, &raw);
    }
}

#[test]
fn x86_calls_of_one_function_get_the_same_bytes() {
    let filler = common::noise(40_000);
    let mut code = Vec::new();
    for i in 0..1000u32 {
        code.extend(filler[i as usize * 7 % 39_000..][..7].iter().map(|b| b & 0x7f));
        code.push(0xe8);
        let target = [0x1000u32, 0x2340, 0x7fff0][i as usize % 3];
        code.extend_from_slice(&target.wrapping_sub(code.len() as u32 + 4).to_le_bytes());
    }
    assert_inverts(Transform::Calls, &code);
    let coded = Transform::Calls.forward(&code);
    assert_eq!(coded.windows(5).filter(|w| *w == [0xe8, 0x40, 0x23, 0, 0]).count(), 333);
    assert_eq!(transform_of(Choice::Auto, &code), Some(Transform::Calls));
    // Opcodes within targets, and an opcode too close to the end for a target.
    assert_inverts(Transform::Calls, &[0xe8; 23]);
    assert_inverts(Transform::Calls, &[&code[..100], &[0xe8, 1, 0, 0]].concat());
}

#[test]
fn arm64_calls_and_pages_get_the_same_bytes() {
    let filler = common::noise(40_000);
    let mut code = Vec::new();
    for i in 0..1000u32 {
        // Additions, which are neither calls nor ADRP.
        for byte in &filler[i as usize * 7 % 39_000..][..3] {
            code.extend_from_slice(&[*byte, *byte & 3, 0, 0x91]);
        }
        let call = [0x400u32, 0x8d0, 0x3fff0][i as usize % 3].wrapping_sub(code.len() as u32 / 4);
        code.extend_from_slice(&(0x9400_0000 | call & 0x03ff_ffff).to_le_bytes());
        let pages = 0x76u32.wrapping_sub(code.len() as u32 >> 12);
        code.extend_from_slice(&(0x9000_0005 | (pages & 3) << 29 | (pages & 0x1f_fffc) << 3).to_le_bytes());
    }
    assert_inverts(Transform::Arm64, &code);
    let coded = Transform::Arm64.forward(&code);
    let page = (0x9000_0005u32 | (0x76 & 3) << 29 | (0x76 & !3) << 3).to_le_bytes();
    assert_eq!(coded.chunks(4).filter(|w| *w == [0xd0, 8, 0, 0x94]).count(), 333);
    assert_eq!(coded.chunks(4).filter(|w| *w == page).count(), 1000);
    assert_eq!(transform_of(Choice::Auto, &code), Some(Transform::Arm64));
    // Numbers that wrap around, and bytes after the last whole instruction.
    assert_inverts(Transform::Arm64, &[[0x97, 0xff, 0xff, 0x97], [0xff, 0xff, 0xff, 0xf0]].concat().repeat(3000));
    assert_inverts(Transform::Arm64, &code[..code.len() - 1]);
}

/// Records of 12 bytes: two numbers that change little, two constant bytes and two bytes of noise.
fn table() -> Vec<u8> {
    let noise = common::noise(10_000);
    let (mut distance, mut time) = (470_000_000i32, 1_700_000_000u32);
    let mut table = Vec::new();
    for bytes in noise.chunks_exact(4) {
        distance += i32::from(bytes[0]) - 100;
        time += u32::from(bytes[1] >> 6);
        table.extend_from_slice(&distance.to_le_bytes());
        table.extend_from_slice(&time.to_le_bytes());
        table.extend_from_slice(&[0, bytes[2], 7, bytes[3]]);
    }
    table
}

#[test]
fn the_records_transform_is_chosen_for_a_table() {
    assert_inverts(Transform::Records, &table());
    assert_inverts(Transform::Records, &table()[..10_001]);
    let coded = Transform::Records.forward(&table());
    assert_eq!(coded[0], 12);
    assert_eq!(transform_of(Choice::Auto, &table()), Some(Transform::Records));
}

/// An image with smooth gradients in three channels, and grain.
fn image() -> Vec<u8> {
    let grain = common::noise(3 * 200 * 120);
    let byte = |(i, grain): (usize, &u8)| {
        let (x, y, channel) = (i % 600 / 3, i / 600, i % 3);
        let shade = x.abs_diff(90) + 2 * y.abs_diff(70) / (1 + channel) + usize::from(grain & 3);
        shade.min(255) as u8
    };
    grain.iter().enumerate().map(byte).collect()
}

#[test]
fn the_image_transform_is_chosen_for_an_image_and_compresses_it_better() {
    assert_inverts(Transform::Image, &image());
    assert_eq!(find_raster(&image()), Some(Raster { pixel: 3, row: 600 }));
    assert_eq!(transform_of(Choice::Auto, &image()), Some(Transform::Image));
    assert_eq!(transform_of(Choice::Only(Transform::Image), &common::text(2000)), Some(Transform::None));
    let [none, auto] = [Choice::Only(Transform::None), Choice::Auto].map(|choice| archive(choice, &image()).len());
    assert!(auto < none / 10 * 9, "{auto} {none}");
    let archive = archive(Choice::Auto, &image());
    let mut input = &archive[MAGIC.len()..];
    let mut frame = FrameReader::after_magic(&mut input).unwrap();
    let Payload::Coded { code, .. } = frame.next_block(&mut input).unwrap().unwrap().payload else {
        panic!("the block is stored")
    };
    assert_eq!(code[..10], [6, 64, 25, 1, 0, 3, 88, 2, 0, 0], "number, symbols, pixel, row");
}

#[test]
fn a_table_whose_values_come_back_in_another_order_gets_smaller() {
    // Waves with a window, as transforms of sound have them: symmetric, and with both signs.
    let value = |wave: usize, at: usize| {
        let angle = |turns: f64| 2.0 * std::f64::consts::PI * turns / 128.0;
        ((0.5 - 0.5 * angle(at as f64).cos()) * angle((wave * at % 128) as f64).cos()) as f32
    };
    let table: Vec<u8> = (0..96).flat_map(|wave| (0..128).flat_map(move |at| value(wave, at).to_le_bytes())).collect();
    assert_inverts(Transform::Values, &table);
    assert_inverts(Transform::Values, &table[..10_001]);
    assert_eq!(transform_of(Choice::Auto, &table), Some(Transform::Values));
    let size = |choice| archive(choice, &table).len();
    assert!(size(Choice::Auto) < size(Choice::Only(Transform::None)) * 9 / 10);
}

#[test]
fn noise_and_short_blocks_are_not_taken_for_tables() {
    for len in [0, 1, 3, 200, 70_000] {
        assert_eq!(Transform::Records.forward(&common::noise(len))[..2], [1, 0], "{len} bytes");
    }
}

#[test]
fn invalid_layouts_are_rejected() {
    for layout in [&b""[..], &[0], &[1], &[4, 8], &[4, 2, 4], &[3, 3], &[2, 1]] {
        assert_eq!(Transform::Records.inverse(layout, 100), Err(TransformError::Head), "{layout:?}");
    }
    assert_eq!(Transform::Records.inverse(&[2, 1, 0, 5, 6, 1, 7, 9], 5).as_deref(), Ok(&[5, 6, 6, 7, 9][..]));
    assert_eq!(Transform::Records.inverse(&[2, 1, 0, 5, 6, 1], 2), Err(TransformError::TooLong));
}

#[test]
fn a_transform_that_lengthens_a_block_is_not_used() {
    assert_eq!(transform_of(Choice::Only(Transform::Text), &[0xff; 100]), Some(Transform::None));
}

#[test]
fn a_short_code_does_not_exceed_the_limit() {
    let text = "incomprehensibilities ".repeat(1000);
    let coded = Transform::Text.forward(text.as_bytes());
    assert_eq!(Transform::Text.inverse(&coded, text.len() - 1), Err(TransformError::TooLong));
}

#[test]
fn invalid_lists_of_words_are_rejected() {
    for listed in [&b"\n"[..], b"Ab\n", b"\x01\n", b"a b\n", b"ab"] {
        let mut coded = vec![0, 0, 1];
        coded.extend_from_slice(listed);
        coded.extend_from_slice(b"\x01A\x80");
        assert!(Transform::Text.inverse(&coded, 100).is_err(), "{listed:?}");
    }
    assert_eq!(Transform::Text.inverse(b"\x00\x00\x01ab\n\x01A\x80", 100).as_deref(), Ok(&b"Ab"[..]));
}
