//! A damaged archive always causes an error: never wrong data, never a panic.

mod common;

use std::io::Cursor;

use common::{ON_CPU, frames, noise, pack, text, tiny, unpack};
use lockstep::internals::archive::{
    ArchiveError, COMPACT_MAGIC, Frame, FrameEnd, FrameWriter, Header, PRIOR_MAGIC, Payload, PieceKind, RECOVERY_MAGIC,
    VERSION, list,
};
use lockstep::internals::codec::{DecodeSettings, decompress};
use lockstep::internals::model::Method;
use lockstep::internals::numerics::generator::random_u64;
use lockstep::{Error, Summary};
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

/// The length of a header in bytes.
const HEADER: usize = Header::LEN;

fn header(block_size: u32) -> Header {
    Header { method: Method::network_alone(tiny(block_size.into())), block_size, prior: 0 }
}

fn sample_data() -> Vec<u8> {
    [text(120), noise(40), text(80)].concat()
}

/// An archive of coded, stored and again coded blocks.
fn sample() -> Vec<u8> {
    pack(&sample_data(), 40)
}

/// The offset of the sample's trailer, which has 41 bytes and 8 for each of its 6 blocks.
fn trailer_at(archive: &[u8]) -> usize {
    archive.len() - (41 + 6 * 8)
}

/// Decodes an archive; returns the result and all that was written, even after an error.
fn decode(archive: &[u8]) -> (Result<Summary, Error>, Vec<u8>) {
    let mut data = Vec::new();
    let result = pollster::block_on(decompress(&mut &archive[..], &mut data, &ON_CPU, &mut ()));
    (result, data)
}

/// Lists the frames of a damaged archive, if there are only frames in it.
fn frames_if_known(archive: &[u8]) -> Option<Vec<Frame>> {
    let pieces = list(&mut Cursor::new(archive)).ok()?;
    pieces.into_iter().map(|piece| if let PieceKind::Frame(frame) = piece.kind { Some(frame) } else { None }).collect()
}

fn archive_error(archive: &[u8]) -> ArchiveError {
    match unpack(archive) {
        Err(Error::Archive(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_truncation_is_detected() {
    let archive = sample();
    for len in 0..archive.len() {
        let error = archive_error(&archive[..len]);
        match len {
            0 => assert!(matches!(error, ArchiveError::NotAnArchive)),
            _ if len >= trailer_at(&archive) + 13 => {
                assert!(matches!(error, ArchiveError::Trailer), "{len} bytes: {error}");
                assert_eq!(decode(&archive[..len]).1, sample_data());
            }
            _ => assert!(matches!(error, ArchiveError::Truncated), "{len} bytes: {error}"),
        }
        let intact = frames_if_known(&archive[..len]).is_some_and(|frames| frames.iter().all(Frame::is_intact));
        assert!(!intact, "{len} bytes were taken for an archive");
    }
}

#[test]
fn every_changed_byte_is_detected() {
    let archive = sample();
    for at in 0..archive.len() {
        let all: Vec<u8> = (1..=255).collect();
        for &change in if at < HEADER { &all[..] } else { &[1, 0x80, 0xff] } {
            let mut damaged = archive.clone();
            damaged[at] ^= change;
            if damaged.starts_with(&PRIOR_MAGIC) {
                assert!(matches!(unpack(&damaged), Err(Error::Prior(_))));
                continue;
            }
            if damaged.starts_with(&COMPACT_MAGIC) {
                assert!(matches!(unpack(&damaged), Err(Error::PriorMissing { .. })));
                continue;
            }
            let error = archive_error(&damaged);
            if damaged.starts_with(&RECOVERY_MAGIC) {
                assert!(matches!(error, ArchiveError::Corrupt { .. }));
                continue;
            }
            match at {
                0..4 => assert!(matches!(error, ArchiveError::NotAnArchive), "byte {at}: {error}"),
                4 => assert!(matches!(
                    error,
                    ArchiveError::NewerVersion(_) | ArchiveError::OlderVersion(_) | ArchiveError::Corrupt { .. }
                )),
                _ if at >= trailer_at(&archive) => {
                    assert!(matches!(error, ArchiveError::Trailer), "byte {at}: {error}");
                    assert_eq!(decode(&damaged).1, sample_data());
                }
                _ => assert!(
                    matches!(error, ArchiveError::Corrupt { .. } | ArchiveError::Truncated),
                    "byte {at}: {error}"
                ),
            }
        }
    }
}

#[test]
fn a_list_names_the_frame_in_which_a_header_or_a_trailer_is_damaged() {
    let archive = sample();
    let intact = frames(&archive).unwrap();
    let trailer = archive.len() - (41 + 8 * intact[0].trailer.blocks.len());
    for at in (0..HEADER).chain(trailer..archive.len()) {
        for change in [1, 0x80, 0xff] {
            // Damage to the first, the second and the third of three frames.
            for number in 0..3 {
                let mut damaged = archive.repeat(3);
                damaged[number * archive.len() + at] ^= change;
                let listed = frames(&damaged).unwrap();
                let place = format!("byte {at} of frame {number} changed by {change}");
                assert_eq!(listed.len(), 3, "{place}");
                for (other, frame) in listed.iter().enumerate() {
                    assert_eq!(frame.is_intact(), other != number, "{place}");
                    assert_eq!(frame.trailer.blocks, intact[0].trailer.blocks, "{place}");
                    assert_eq!(frame.header.is_none(), other == number && at < HEADER, "{place}");
                }
            }
        }
    }
}

#[test]
fn a_trailer_that_contradicts_the_blocks_is_refused() {
    let archive = sample();
    let len = 41 + 8 * frames(&archive).unwrap()[0].trailer.blocks.len();
    let trailer = archive.len() - len;
    // The raw length, the payload length of the first block, the frame length.
    for at in [1, 25, len - 20] {
        let mut forged = archive.clone();
        forged[trailer + at] -= 1;
        let crc = crc32fast::hash(&forged[trailer..archive.len() - 8]).to_le_bytes();
        forged[archive.len() - 8..archive.len() - 4].copy_from_slice(&crc);
        assert_eq!(frames(&forged).unwrap()[0].end, FrameEnd::Damaged, "byte {at} of the trailer");
        assert!(matches!(archive_error(&forged), ArchiveError::Corrupt { .. }));
    }
}

#[test]
fn a_damaged_trailer_is_listed_and_all_data_is_decoded() {
    let archive = sample();
    let (first, data) = (trailer_at(&archive), sample_data().repeat(2));
    for (at, len) in [(first, 1), (first, 9), (first + 30, 40), (archive.len() - 20, 20)] {
        let mut damaged = archive.repeat(2);
        damaged[at..at + len].iter_mut().for_each(|byte| *byte ^= 0x55);
        let (result, decoded) = decode(&damaged);
        assert!(matches!(result, Err(Error::Archive(ArchiveError::Trailer))), "{len} bytes at {at}");
        assert_eq!(decoded, data);
        let frames = frames(&damaged).unwrap();
        assert_eq!(frames.iter().map(|f| f.trailer.raw_len).collect::<Vec<_>>(), [240, 240]);
        assert_eq!(frames.iter().filter(|f| f.end == FrameEnd::Damaged).count(), 1);
    }
    // With its start overwritten, the trailer is read as a damaged block.
    let mut damaged = archive.clone();
    damaged[first..first + 29].fill(0x55);
    let (result, decoded) = decode(&damaged);
    assert!(matches!(result, Err(Error::Archive(ArchiveError::Corrupt { .. }))));
    assert_eq!(decoded, sample_data());
}

#[test]
fn a_list_without_trailers_finds_the_blocks_that_they_list() {
    let archive = sample();
    let listed = frames(&archive.repeat(3)).unwrap();
    let mut damaged = archive.repeat(3);
    for end in [1, 2, 3] {
        damaged[end * archive.len() - 1] ^= 1;
    }
    let mut found = frames(&damaged).unwrap();
    assert!(found.iter().all(|frame| frame.end == FrameEnd::Damaged));
    for (found, listed) in found.iter_mut().zip(&listed) {
        (found.end, found.trailer.checksum) = (listed.end, listed.trailer.checksum);
    }
    assert_eq!(found, listed);
    // Blocks that are cut off, and a frame without its start.
    let cut = &frames(&archive[..100]).unwrap()[0];
    assert!(cut.trailer.blocks.is_empty() && cut.end == FrameEnd::Unknown);
    // The trailer behind it tells where its blocks lie.
    let without_start = [&archive[..], &archive[HEADER - 4..]].concat();
    let found = frames(&without_start).unwrap();
    assert_eq!((found[0].end, found[0].trailer.raw_len), (FrameEnd::Damaged, 240));
    assert!(found[1].header.is_none() && found[1].trailer == listed[0].trailer);
}

#[test]
fn impossible_lengths_are_refused_even_with_valid_checksums() {
    let forge = |raw: &[u8], payload: Payload| {
        let mut archive = Vec::new();
        let mut frame = FrameWriter::begin(&mut archive, &header(20)).unwrap();
        frame.block(&mut archive, raw, payload).unwrap();
        frame.finish(&mut archive).unwrap();
        archive_error(&archive).to_string()
    };
    let coded = |len| Payload::Coded { code: vec![7; len], state: 1 };
    assert!(forge(&[1; 20], coded(20)).contains("block 1: its coded length"));
    assert!(forge(&[1; 20], Payload::Stored(vec![1; 19])).contains("block 1: its coded length"));
    assert!(forge(&[1; 21], Payload::Stored(vec![1; 21])).contains("block 1: its raw length"));
    assert!(forge(&[], Payload::Stored(vec![])).contains("block 1: its raw length"));
}

#[test]
fn only_an_archive_may_follow_an_archive() {
    let archive = sample();
    for garbage in [&b"x"[..], b"garbage behind", &[0; 100]] {
        assert!(matches!(archive_error(&[&archive[..], garbage].concat()), ArchiveError::Corrupt { .. }));
    }
    let cut = [&archive[..], &archive[..50]].concat();
    assert!(matches!(archive_error(&cut), ArchiveError::Truncated));
}

#[test]
fn other_files_are_not_archives() {
    for other in [&b""[..], b"x", b"\x28\xb5\x2f\xfd and so on", b"plain text"] {
        assert!(matches!(archive_error(other), ArchiveError::NotAnArchive));
        assert!(matches!(frames(other), Err(ArchiveError::NotAnArchive)));
    }
}

#[test]
fn a_newer_version_is_named_whatever_follows_it() {
    let mut archive = sample();
    archive[4] = VERSION + 1;
    archive.truncate(5);
    let error = archive_error(&archive);
    assert!(matches!(error, ArchiveError::NewerVersion(next) if next == VERSION + 1));
    assert_eq!(
        error.to_string(),
        format!("made by a newer lockstep (format {}; this one reads format {VERSION})", VERSION + 1)
    );
}

#[test]
fn swapped_blocks_are_detected() {
    let stored = |data: &[u8]| pack(data, 20)[HEADER..][..29 + 20].to_vec();
    let (first, second) = (noise(40)[..20].to_vec(), noise(40)[20..].to_vec());
    let whole = pack(&noise(40), 20);
    assert_eq!(whole[HEADER..][..98], [stored(&first), stored(&second)].concat());
    let swapped = [&whole[..HEADER], &stored(&second), &stored(&first), &whole[HEADER + 98..]].concat();
    assert!(matches!(archive_error(&swapped), ArchiveError::Corrupt { .. }));
}

/// Changes one byte in the header of the first block and makes its CRC valid again.
fn forge_block(archive: &mut [u8], at: usize) {
    let coded_len = u32::from_le_bytes(archive[HEADER + 5..HEADER + 9].try_into().unwrap()) as usize;
    archive[HEADER + at] ^= 1;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&archive[HEADER..HEADER + 25]);
    crc.update(&archive[HEADER + 29..][..coded_len]);
    archive[HEADER + 25..HEADER + 29].copy_from_slice(&crc.finalize().to_le_bytes());
}

#[test]
fn a_block_that_decodes_to_other_data_on_the_cpu_is_unrepeatable() {
    // The checksum of the content, the hash of the learned state.
    for at in [9, 17] {
        let mut archive = pack(&text(400), 400);
        forge_block(&mut archive, at);
        let error = unpack(&archive).unwrap_err();
        assert!(matches!(error, Error::Unrepeatable { block: 1, .. }), "{error}");
        assert!(error.to_string().starts_with("block 1 can't be decoded"), "{error}");
    }
    let data = noise(100);
    let mut archive = pack(&data, 100);
    assert_eq!(archive[HEADER + 9..HEADER + 17], xxh3_64(&data).to_le_bytes());
    forge_block(&mut archive, 9);
    assert!(matches!(archive_error(&archive), ArchiveError::Corrupt { .. }));
}

#[test]
fn too_much_memory_is_refused_before_it_is_allocated() {
    let mut archive = sample();
    // 8 layers of 4096 units: a valid model that needs about 20 GB.
    archive[14..16].copy_from_slice(&4096u16.to_le_bytes());
    archive[16] = 8;
    let crc = crc32fast::hash(&archive[..HEADER - 4]).to_le_bytes();
    archive[HEADER - 4..HEADER].copy_from_slice(&crc);
    match unpack(&archive) {
        Err(Error::MemoryLimit { needed, .. }) => assert!(needed > 16 << 30),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_checked_blocks_are_written() {
    let data = text(400);
    let mut archive = pack(&data, 100);
    let last = archive.len() - 41 - 4 * 8 - 1;
    archive[last] ^= 1;
    let mut written = Vec::new();
    let result = pollster::block_on(decompress(&mut &archive[..], &mut written, &ON_CPU, &mut ()));
    assert!(matches!(result, Err(Error::Archive(ArchiveError::Corrupt { .. }))));
    assert_eq!(written, data[..300]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_random_code_decodes_to_an_error(raw in proptest::collection::vec(any::<u8>(), 2..200), seed: u64) {
        // The first byte says that no transform was used.
        let code = (1..raw.len() - 1).map(|i| random_u64(seed, i as u64) as u8);
        let code: Vec<u8> = std::iter::once(0).chain(code).collect();
        let mut archive = Vec::new();
        let mut frame = FrameWriter::begin(&mut archive, &header(200)).unwrap();
        frame.block(&mut archive, &raw, Payload::Coded { code, state: seed }).unwrap();
        frame.finish(&mut archive).unwrap();
        let refused = matches!(unpack(&archive), Err(Error::Unrepeatable { block: 1, .. }));
        prop_assert!(refused);
    }

    #[test]
    fn a_header_with_random_fields_is_read_or_refused(
        fields in proptest::collection::vec((8usize..HEADER - 4, any::<u8>()), 1..4),
    ) {
        let mut archive = sample();
        for &(at, value) in &fields {
            archive[at] = value;
        }
        let crc = crc32fast::hash(&archive[..HEADER - 4]).to_le_bytes();
        archive[HEADER - 4..HEADER].copy_from_slice(&crc);
        // A low limit, so that no random model takes long.
        let settings = DecodeSettings { memory: 4 << 20, ..ON_CPU };
        let mut data = Vec::new();
        let result = pollster::block_on(decompress(&mut &archive[..], &mut data, &settings, &mut ()));
        if result.is_ok() {
            prop_assert_eq!(data, [text(120), noise(40), text(80)].concat());
        }
    }
}
