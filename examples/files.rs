//! Writes the archives of tests/files/ and the seeds of fuzz/corpus/. To be run when the
//! format changes.
//!
//!     cargo run --example files

#[path = "../tests/fuzz/mod.rs"]
mod fuzz;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use fuzz::{pack, repair, tiny};
use lockstep::internals::archive::{Block, FrameReader, FrameWriter, Header, Payload, VERSION, next_part};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use lockstep::internals::numerics::generator::random_u64;
use lockstep::recovery::protect;

fn text(len: usize) -> Vec<u8> {
    b"the cat sat on the mat; ".iter().copied().cycle().take(len).collect()
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| random_u64(99, i as u64) as u8).collect()
}

/// The offset of the first block.
const BLOCK: usize = Header::LEN;

/// The header and the blocks of an archive of one frame.
fn parts(archive: &[u8]) -> (Header, Vec<Block>) {
    let mut input = archive;
    next_part(&mut input, true).expect("it is an archive");
    let mut frame = FrameReader::after_magic(&mut input).expect("its header is good");
    // The content is not decoded here, so reading ends at the trailer, whose checksum cannot match.
    let blocks = std::iter::from_fn(|| frame.next_block(&mut input).ok().flatten()).collect();
    (frame.header().clone(), blocks)
}

/// Text in two coded blocks, with a verbatim block between them that the model does not notice.
fn with_verbatim_block(method: &Method) -> Vec<u8> {
    let (first, between, second) = (text(150), noise(60), text(300)[150..].to_vec());
    let (header, blocks) = parts(&pack(&text(300), method, 150, None).expect("text can be compressed"));
    let payloads = [blocks[0].payload.clone(), Payload::Verbatim(between.clone()), blocks[1].payload.clone()];
    let mut archive = Vec::new();
    let mut frame = FrameWriter::begin(&mut archive, &header).expect("memory can be written");
    for (raw, payload) in [first, between, second].iter().zip(payloads) {
        frame.block(&mut archive, raw, payload).expect("memory can be written");
    }
    frame.finish(&mut archive).expect("memory can be written");
    archive
}

fn create_folder(path: &Path) {
    fs::create_dir_all(path).expect("the folder can be created");
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("the file can be written");
}

fn main() {
    let network = Method::network_alone(tiny());
    let mixing = Method {
        model: tiny(),
        network: false,
        mixing: Some(MixingConfig { kind: MixingKind::Light, table_bits: 10 }),
        panel: None,
    };
    let full = Some(MixingConfig { kind: MixingKind::Full, table_bits: 12 });
    let both = Method { model: tiny(), network: true, mixing: full, panel: None };
    let streams = ModelConfig { streams: 5, ..tiny() };
    let panels = Method { model: streams.clone(), panel: Some(64), ..both.clone() };
    let alone = Method { model: streams, panel: Some(300), ..mixing.clone() };
    let wide = ModelConfig { streams: 5, segment: 3, layers: 2, ..tiny() };
    let wide = Method::network_alone(wide);
    let archive = |content: &[u8], method: &Method, block, frame| {
        pack(content, method, block, frame).expect("the content can be compressed")
    };

    let mixed = [text(200), noise(60), text(133)].concat();
    let plain = archive(&mixed, &network, 100, None);
    let wave =
        |i: usize| (i % 96 / 3).abs_diff(12) * 5 + (i / 96).abs_diff(9) * (9 - i % 3) + noise(4000)[i] as usize % 2;
    let soft: Vec<u8> = (0..2302).map(|i| wave(i) as u8).collect();
    let image = archive(&soft, &mixing, 2000, None);
    let runs = archive(&[text(200), vec![0; 90_000], text(140)].concat(), &mixing, 100_000, None);
    let verbatim = with_verbatim_block(&mixing);
    // Three bytes follow the last whole value.
    let mut table: Vec<u8> = (0..1102).flat_map(|i| (random_u64(7, i * i % 191) as u32 >> 8).to_le_bytes()).collect();
    table.pop();
    let mut protected = plain.clone();
    protect(Cursor::new(&plain), &mut protected, 5).expect("the archive can be protected");
    let mut mendable = protected.clone();
    mendable[BLOCK + 40] ^= 1;
    let mut files = vec![
        ("good-empty", archive(b"", &network, 100, None), "empty content: a header and a trailer"),
        ("good-one-byte", archive(b"x", &network, 100, None), "one byte, in a stored block"),
        ("good-network", plain.clone(), "coded and stored blocks, network without mixing"),
        ("good-mixing", archive(&mixed, &mixing, 150, None), "mixing without a network"),
        ("good-both", archive(&mixed, &both, 400, None), "network and mixing in one block"),
        ("good-panels", archive(&mixed, &panels, 250, None), "network and mixing, in panels of five streams"),
        ("good-panels-image", archive(&soft, &alone, 2000, None), "good-image in panels, without a network"),
        ("good-wide", archive(&text(300), &wide, 300, None), "two layers, more streams than a kernel takes at a time"),
        (
            "good-frames",
            archive(&mixed, &network, 100, Some(150)),
            "three frames, the last one shorter than the others",
        ),
        ("good-image", image, "an image, and a last block of it that is too short to be recognised as one"),
        ("good-noise", archive(&noise(150), &network, 50, None), "only stored blocks"),
        ("good-run", runs.clone(), "a run of zeros between two coded blocks"),
        ("good-verbatim", verbatim.clone(), "a verbatim block between two coded blocks"),
        ("good-values", archive(&table, &mixing, 5000, None), "a table of 32-bit values that come back"),
        ("good-recovery", protected, "good-network with recovery data"),
        ("bad-mendable", mendable, "a damaged block, which the recovery data mends"),
    ];
    let second = |archive: &[u8]| {
        let (_, blocks) = parts(archive);
        BLOCK + 29 + blocks[0].payload().len()
    };
    let mut change_second = |name, what, archive: &[u8], work: &dyn Fn(&mut [u8])| {
        let mut damaged = archive.to_vec();
        work(&mut damaged[second(archive)..]);
        repair(&mut damaged);
        files.push((name, damaged, what));
    };
    change_second("bad-run-length", "a run whose payload has two bytes; the checksum is right", &runs, &|a| a[5] = 2);
    change_second("bad-run-byte", "a run of another byte than the checksum of its content says", &runs, &|a| a[29] = 1);
    change_second("bad-run-state", "a run with a hash of the learned state", &runs, &|a| a[17] = 1);
    change_second("bad-run-raw-length", "a run longer than the header allows", &runs, &|a| a[4] = 0x40);
    change_second("bad-verbatim-length", "a verbatim block longer than its payload", &verbatim, &|a| a[1] += 1);
    change_second("bad-verbatim-content", "a verbatim block with a wrong byte", &verbatim, &|a| a[40] ^= 1);
    let mut change = |name, what, repaired: bool, work: &dyn Fn(&mut Vec<u8>)| {
        let mut damaged = plain.clone();
        work(&mut damaged);
        if repaired {
            repair(&mut damaged);
        }
        files.push((name, damaged, what));
    };
    let end = plain.len();
    change("bad-magic", "the first byte is wrong", false, &|a| a[0] = b'L');
    change("bad-header-checksum", "one bit of the header is wrong", false, &|a| a[18] ^= 1);
    change("bad-no-version", "format version 0, which never existed", false, &|a| a[4] = 0);
    change("bad-model", "a model without layers; the checksum is right", true, &|a| a[16] = 0);
    change("bad-overflow", "a model whose sums could leave 32 bits; the checksum is right", true, &|a| {
        a[8..10].copy_from_slice(&4096u16.to_le_bytes());
        a[10..12].copy_from_slice(&1024u16.to_le_bytes());
    });
    change("bad-block-size", "a block size of 0; the checksum is right", true, &|a| a[42..46].fill(0));
    change("bad-block-kind", "a block of the unknown kind 7", false, &|a| a[BLOCK] = 7);
    change("bad-raw-length", "a block longer than the header allows; the checksum is right", true, &|a| {
        a[BLOCK + 2] = 9
    });
    change("bad-coded-length", "code longer than its block; the checksum is right", true, &|a| a[BLOCK + 5] = 200);
    change("bad-payload", "one bit of the code is wrong", false, &|a| a[BLOCK + 31] ^= 1);
    change("bad-code", "one bit of the code is wrong; the checksum is right", true, &|a| a[BLOCK + 31] ^= 1);
    change("bad-state", "a wrong hash of the learned state; the checksum is right", true, &|a| a[BLOCK + 17] ^= 1);
    change("bad-content", "a wrong checksum of the content; the checksum of the block is right", true, &|a| {
        a[BLOCK + 9] ^= 1
    });
    change("bad-cut-header", "cut off within the header", false, &|a| a.truncate(30));
    change("bad-cut-block", "cut off within a block", false, &|a| a.truncate(100));
    change("bad-cut-trailer", "cut off within the trailer; the content is complete", false, &|a| a.truncate(end - 5));
    change("bad-trailer", "one bit of the trailer is wrong; the content is complete", false, &|a| a[end - 30] ^= 1);
    change("bad-behind", "bytes behind the end that are no archive", false, &|a| a.extend(b"behind"));
    change("unsupported-version", "a format version that does not exist yet", false, &|a| a[4] = VERSION + 1);
    change("unsupported-flags", "a flag that does not exist yet", true, &|a| a[7] = 128);
    change("unsupported-mixing", "a kind of mixing that does not exist yet", true, &|a| a[47] = 77);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/files");
    let mut list = String::from(
        "# Archives that every decoder must judge in the same way\n\n\
         Generated by `cargo run --example files`. A `good` archive decodes. A `bad` one is refused with exit code 2. \
         An `unsupported` one is refused with exit code 2, too, as made by another version.\n\n",
    );
    create_folder(&folder);
    for (name, bytes, what) in &files {
        write(&folder.join(format!("{name}.lks")), bytes);
        list += &format!("- `{name}.lks`: {what}\n");
    }
    write(&folder.join("README.md"), list.as_bytes());

    let seed = |target: &str, name: &str, bytes: &[u8]| {
        let folder = root.join("fuzz/corpus").join(target);
        create_folder(&folder);
        write(&folder.join(name), bytes);
    };
    for (name, bytes, _) in &files {
        seed("header", name, bytes);
        seed("decode", name, bytes);
    }
    for (target, len) in [("round_trip", 400), ("mixing", 300), ("coder", 200), ("reads", 300), ("state", 60)] {
        seed(target, "text", &text(len));
        seed(target, "noise", &noise(len));
        seed(target, "both", &[noise(len / 2), text(len / 2)].concat());
    }
}
