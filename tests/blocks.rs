//! Blocks are cut where the kind of data changes, in the same way on every path; runs and noise cost
//! no work and leave the model as it is.

mod common;

use std::io::{Cursor, Write};
use std::ops::ControlFlow;

use common::{ON_CPU, fixed, noise, settings, tiny, unpack};
use lockstep::internals::archive::{Block, FrameReader, FrameWriter, Header, Payload, next_part};
use lockstep::internals::codec::{DecodeSettings, EncodeSettings, compress, decompress};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use lockstep::write::Encoder;
use lockstep::{Archive, BlockForm, BlockReport, Error, Level, Monitor, Options, Progress, Transform, TransformReason};
use proptest::prelude::*;

/// Keeps the reports of blocks.
#[derive(Default)]
struct Reports(Vec<BlockReport>);

impl Monitor for Reports {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn block(&mut self, block: &BlockReport) {
        self.0.push(block.clone());
    }
}

fn options() -> Options {
    Options::new().level(Level::FASTEST)
}

/// Compresses; checks that the blocks cover the input and that it is restored.
fn pack(data: &[u8], options: &Options) -> (Vec<u8>, Vec<BlockReport>) {
    let (mut archive, mut reports) = (Vec::new(), Reports::default());
    lockstep::compress_stream(data, &mut archive, options, &mut reports).unwrap();
    let mut end = 0;
    for block in &reports.0 {
        assert_eq!(block.start, end);
        assert!(block.raw > 0);
        end += block.raw;
    }
    assert_eq!(end, data.len() as u64);
    assert_eq!(lockstep::decompress(&archive, data.len() as u64).unwrap(), data);
    (archive, reports.0)
}

/// The first letters of the forms of blocks: c coded, s stored, v verbatim, r run.
fn forms(reports: &[BlockReport]) -> String {
    let letter = |block: &BlockReport| match block.form {
        BlockForm::Coded { .. } => 'c',
        BlockForm::Stored => 's',
        BlockForm::Verbatim { .. } => 'v',
        _ => 'r',
    };
    reports.iter().map(letter).collect()
}

/// English words in an order without a pattern.
fn english(len: usize) -> Vec<u8> {
    let words = ["the", "Government", "of", "every", "country", "has", "several", "ministers", "and", "a", "few", "of"];
    let text = noise(len).iter().map(|&byte| words[usize::from(byte) % words.len()]).collect::<Vec<_>>().join(" ");
    text.as_bytes()[..len].to_vec()
}

/// Records of 12 bytes with numbers that grow.
fn records(len: usize) -> Vec<u8> {
    let (mut place, mut time) = (470_000_000u32, 1_700_000_000u32);
    let record = |bytes: &[u8]| {
        place = place.wrapping_add(u32::from(bytes[0])).wrapping_sub(100);
        time += u32::from(bytes[1] >> 6);
        [&place.to_le_bytes()[..], &time.to_le_bytes(), &[0, bytes[2], 7, bytes[3]]].concat()
    };
    let mut table: Vec<u8> = noise(len / 3 + 4).chunks_exact(4).flat_map(record).collect();
    table.truncate(len);
    table
}

#[test]
fn a_run_and_noise_are_cut_out_to_the_byte() {
    let data = [english(20_000), vec![0; 70_000], english(9_000), noise(50_000), english(20_000)].concat();
    let (_, blocks) = pack(&data, &options());
    assert_eq!(forms(&blocks), "crcvc");
    assert_eq!(blocks[1].raw, 70_000);
    assert_eq!((blocks[1].coded, &blocks[1].form), (1, &BlockForm::Run(0)));
    // A few bytes of noise may look like text, and the other way round.
    assert!(blocks[3].start.abs_diff(99_000) < 20 && blocks[3].raw.abs_diff(50_000) < 20, "{blocks:?}");
    assert_eq!(blocks[3].coded, blocks[3].raw);
}

#[test]
fn kinds_of_data_get_the_transforms_that_they_gain_from() {
    let data = [english(40_000), records(40_000), english(40_000)].concat();
    let (archive, blocks) = pack(&data, &options());
    let transforms: Vec<Transform> = blocks
        .iter()
        .map(|block| match block.form {
            BlockForm::Coded { transform, .. } => transform,
            _ => panic!("{block:?}"),
        })
        .collect();
    assert_eq!(transforms, [Transform::Text, Transform::Records, Transform::Text]);
    let BlockForm::Coded { reason, .. } = blocks[1].form else { panic!() };
    assert!(
        matches!(reason, TransformReason::Trial { transform: Transform::Records, without, with, .. } if with < without)
    );
    assert!(blocks[1].start.abs_diff(40_000) < 100 && blocks[2].start.abs_diff(80_000) < 100, "{blocks:?}");
    // A given transform is used throughout.
    let (plain, blocks) = pack(&data, &options().transform(Some(Transform::None)));
    assert_eq!(blocks.len(), 1);
    assert!(archive.len() < plain.len());
}

#[test]
fn data_of_one_kind_is_not_cut() {
    for data in [english(70_000), records(70_000), vec![5; 40_000], records(1000)] {
        assert_eq!(forms(&pack(&data, &options()).1), "c");
    }
}

#[test]
fn records_before_noise_are_as_small_as_with_short_blocks() {
    let data = [records(80 << 10), noise(80 << 10)].concat();
    let (whole, _) = pack(&data, &options());
    let (short, _) = pack(&data, &options().block_size(32 << 10));
    assert!(whole.len() <= short.len(), "{} and {}", whole.len(), short.len());
}

#[test]
fn what_only_looks_like_noise_is_coded() {
    let window = |bits: &[u8]| -> Vec<u8> {
        let shift = |byte: &mut u8, bit: &u8| {
            *byte = *byte << 1 | bit & 1;
            Some(*byte)
        };
        bits.iter().scan(0, shift).collect()
    };
    let repeated = noise(20_000).repeat(3);
    let apart = [noise(40_000), noise(90_000)[40_000..].to_vec(), noise(40_000)].concat();
    let counter: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    for data in [window(&noise(60_000)), repeated, apart, counter] {
        let (archive, blocks) = pack(&data, &options());
        assert_eq!(forms(&blocks), "c");
        assert!(archive.len() < data.len() / 4 * 3, "{} of {}", archive.len(), data.len());
    }
}

#[test]
fn short_data_between_runs_is_coded_with_a_part_of_them() {
    let data = [vec![0; 100_000], vec![1, 200, 3], vec![0; 100_000], vec![9; 10]].concat();
    let (_, blocks) = pack(&data, &options());
    assert_eq!(forms(&blocks), "rcrc");
    assert!(blocks.iter().all(|block| block.raw >= 4096));
}

#[test]
fn noise_needs_no_model_and_holes_take_no_room() {
    let mut archive = Vec::new();
    let done = lockstep::compress_stream(&noise(100_000)[..], &mut archive, &options(), &mut ()).unwrap();
    assert_eq!(done.engine, None);
    assert!(archive.len() < 100_200);
    let headed = [b"\x7fELF\x02\x01\x01", &[0; 40][..], &noise(100_000)].concat();
    assert_eq!(forms(&pack(&headed, &options()).1), "v");
    let (archive, blocks) = pack(&vec![0; 5 << 20], &options().block_size(1 << 20));
    assert_eq!(forms(&blocks), "rrrrr");
    assert!(archive.len() < 400, "{}", archive.len());
}

/// All blocks of an archive of one frame.
fn blocks(archive: &[u8]) -> Vec<Block> {
    let mut input = archive;
    next_part(&mut input, true).unwrap();
    let mut frame = FrameReader::after_magic(&mut input).unwrap();
    // The content is not decoded here, so reading ends at the trailer, whose checksum cannot match.
    std::iter::from_fn(|| frame.next_block(&mut input).ok().flatten()).collect()
}

#[test]
fn runs_and_noise_leave_what_the_model_has_learned_as_it_is() {
    let model = ModelConfig { rate_end: 1 << 23, ..tiny(0) };
    let light = Some(MixingKind::Light);
    for (network, kind, panel) in [
        (false, light, None),
        (true, light, None),
        (true, None, None),
        (false, light, Some(700)),
        (true, light, Some(700)),
    ] {
        let mixing = kind.map(|kind| MixingConfig { kind, table_bits: 16 });
        let method = Method { model: model.clone(), network, mixing, panel };
        let code = |data: &[u8], block_size| {
            let settings = EncodeSettings { block_size, ..settings(fixed(&method)) };
            let mut archive = Vec::new();
            pollster::block_on(compress(&mut &data[..], &mut archive, &settings, &mut ())).unwrap();
            assert_eq!(unpack(&archive).unwrap(), data);
            blocks(&archive)
        };
        let (first, second) = (common::text(5000), common::text(10_000)[5000..].to_vec());
        let plain = code(&[&first[..], &second].concat(), 5000);
        let mixed = code(&[&first[..], &vec![0; 70_000], &second].concat(), 1 << 20);
        assert!(matches!(mixed[1].payload, Payload::Run(0)));
        // Ring positions do not depend on the size of the ring as long as it holds all.
        assert_eq!([&mixed[0], &mixed[2]], [&plain[0], &plain[1]]);
    }
}

fn mixed_data() -> Vec<u8> {
    [english(9_000), noise(40_000), vec![7; 80_000], english(9_000), records(20_000)].concat()
}

#[test]
fn cuts_do_not_depend_on_threads_or_on_the_sizes_of_writes() {
    let data = mixed_data();
    for frame_size in [None, Some(100_000)] {
        let options = options().frame_size(frame_size).length(data.len() as u64).block_size(130_000);
        let (archive, reports) = pack(&data, &options.clone().threads(1));
        let (parallel, in_order) = pack(&data, &options.clone().threads(3));
        assert_eq!(parallel, archive);
        assert_eq!(in_order, reports);
        for size in [977, 130_000] {
            let mut encoder = Encoder::new(Vec::new(), &options).unwrap();
            data.chunks(size).for_each(|chunk| encoder.write_all(chunk).unwrap());
            assert_eq!(encoder.finish().unwrap(), archive, "{size}");
        }
    }
}

/// An archive of these blocks.
fn forge(block_size: u32, contents: &[(&[u8], Payload)]) -> Vec<u8> {
    let header = Header { method: Method::network_alone(tiny(100)), block_size, prior: 0 };
    let mut archive = Vec::new();
    let mut frame = FrameWriter::begin(&mut archive, &header).unwrap();
    for (raw, payload) in contents {
        frame.block(&mut archive, raw, payload.clone()).unwrap();
    }
    frame.finish(&mut archive).unwrap();
    archive
}

#[test]
fn every_form_is_decoded_and_listed() {
    let contents: [(&[u8], Payload); 3] =
        [(&[7; 90], Payload::Run(7)), (b"raw", Payload::Verbatim(b"raw".to_vec())), (b"x", Payload::Run(b'x'))];
    let archive = forge(100, &contents);
    assert_eq!(unpack(&archive).unwrap(), [&[7; 90][..], b"rawx"].concat());
    // The list comes from the trailer, or from the headers of the blocks where that is damaged.
    let mut damaged = archive.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for archive in [archive, damaged] {
        let mut archive = Archive::open(Cursor::new(archive)).unwrap();
        let lengths: Vec<(u32, u32)> = archive.frames()[0].blocks().collect();
        assert_eq!(lengths, [(90, 1), (3, 3), (1, 1)]);
        let kinds: Vec<&str> = archive.blocks(0).unwrap().iter().map(|block| block.kind).collect();
        assert_eq!(kinds, ["run", "verbatim", "run"]);
    }
}

#[test]
fn hostile_runs_and_verbatim_blocks_are_refused() {
    let refused = |contents: &[(&[u8], Payload)]| match unpack(&forge(20, contents)) {
        Err(Error::Archive(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(refused(&[(&[1; 21], Payload::Run(1))]).contains("block 1: its raw length"));
    assert!(refused(&[(&[], Payload::Run(1))]).contains("block 1: its raw length"));
    assert!(refused(&[(&[1; 20], Payload::Run(2))]).contains("block 1: its content is wrong"));
    assert!(refused(&[(&[1; 20], Payload::Verbatim(vec![1; 19]))]).contains("block 1: its coded length"));
    assert!(refused(&[(&[1; 20], Payload::Verbatim(vec![2; 20]))]).contains("block 1: its content is wrong"));
    // The limits on size and memory hold before anything is made.
    let huge = forge(1 << 30, &[(&[1; 20], Payload::Run(1))]);
    let archive = forge(1000, &[(&[1; 900], Payload::Run(1)), (&[1; 900], Payload::Run(1))]);
    let decode = |archive: &[u8], settings: DecodeSettings| {
        let mut data = Vec::new();
        let result = pollster::block_on(decompress(&mut &archive[..], &mut data, &settings, &mut ()));
        (result.map(|_| ()), data.len())
    };
    assert!(matches!(decode(&huge, DecodeSettings { memory: 1 << 28, ..ON_CPU }), (Err(Error::MemoryLimit { .. }), 0)));
    let limited = decode(&archive, DecodeSettings { size_limit: 1000, ..ON_CPU });
    assert!(matches!(limited, (Err(Error::SizeLimit { .. }), 900)), "{limited:?}");
}

#[test]
fn a_run_without_a_model_can_be_cancelled() {
    let archive = forge(100, &[(&[7; 90], Payload::Run(7))]);
    let mut stop = |_: Progress| ControlFlow::Break(());
    let decoded = pollster::block_on(decompress(&mut &archive[..], &mut Vec::new(), &ON_CPU, &mut stop));
    assert!(matches!(decoded, Err(Error::Cancelled)));
    let mut stop = |_: Progress| ControlFlow::Break(());
    let coded = lockstep::compress_stream(&[0; 100_000][..], Vec::new(), &options(), &mut stop);
    assert!(matches!(coded, Err(Error::Cancelled)));
}

fn any_part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (1usize..9000).prop_map(english),
        (1usize..9000).prop_map(records),
        (1usize..50_000, 0usize..99).prop_map(|(len, start)| noise(len + start)[start..].to_vec()),
        (1usize..90_000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_mixture_is_covered_and_restored(
        parts in proptest::collection::vec(any_part(), 1..6), block_size in 30_000u32..200_000,
    ) {
        let (_, blocks) = pack(&parts.concat(), &options().block_size(block_size));
        prop_assert!(blocks.iter().all(|block| block.raw <= u64::from(block_size)));
    }
}
