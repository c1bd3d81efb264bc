//! Writes the archives of tests/files/ and the seeds of fuzz/corpus/. To be run when the
//! format changes.
//!
//!     cargo run --example files

#[path = "../tests/fuzz/mod.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

use fuzz::{pack, repair, tiny};
use lockstep::internals::archive::{Header, VERSION};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use lockstep::internals::numerics::generator::random_u64;

fn text(len: usize) -> Vec<u8> {
    b"the cat sat on the mat; ".iter().copied().cycle().take(len).collect()
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| random_u64(99, i as u64) as u8).collect()
}

/// The offset of the first block.
const BLOCK: usize = Header::LEN;

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
    };
    let both =
        Method { model: tiny(), network: true, mixing: Some(MixingConfig { kind: MixingKind::Full, table_bits: 12 }) };
    let wide = ModelConfig { streams: 5, segment: 3, layers: 2, ..tiny() };
    let wide = Method::network_alone(wide);
    let archive = |content: &[u8], method: &Method, block, frame| {
        pack(content, method, block, frame).expect("the content can be compressed")
    };

    let mixed = [text(200), noise(60), text(140)].concat();
    let plain = archive(&mixed, &network, 100, None);
    let wave =
        |i: usize| (i % 96 / 3).abs_diff(12) * 5 + (i / 96).abs_diff(9) * (9 - i % 3) + noise(4000)[i] as usize % 2;
    let soft: Vec<u8> = (0..2302).map(|i| wave(i) as u8).collect();
    let image = archive(&soft, &mixing, 2000, None);
    let mut files = vec![
        ("good-empty", archive(b"", &network, 100, None), "an empty content: only a header and a trailer"),
        ("good-one-byte", archive(b"x", &network, 100, None), "one byte, stored"),
        ("good-network", plain.clone(), "coded and stored blocks, by the network alone"),
        ("good-mixing", archive(&mixed, &mixing, 150, None), "coded by context mixing alone"),
        ("good-both", archive(&mixed, &both, 400, None), "network and context mixing in one block"),
        ("good-wide", archive(&text(300), &wide, 300, None), "two layers, more streams than a group has"),
        ("good-frames", archive(&mixed, &network, 100, Some(150)), "three frames, the last one shorter"),
        ("good-image", image, "a block recognised as an image, and one too short to be recognised"),
        ("good-noise", archive(&noise(150), &network, 50, None), "stored blocks only"),
    ];
    let mut change = |name, what, repaired: bool, work: &dyn Fn(&mut Vec<u8>)| {
        let mut damaged = plain.clone();
        work(&mut damaged);
        if repaired {
            repair(&mut damaged);
        }
        files.push((name, damaged, what));
    };
    let end = plain.len();
    change("bad-magic", "the first byte is changed", false, &|a| a[0] = b'L');
    change("bad-header-checksum", "a bit of the header is changed", false, &|a| a[18] ^= 1);
    change("bad-no-version", "format 0, which never existed", false, &|a| a[4] = 0);
    change("bad-model", "a model without layers, with a valid checksum", true, &|a| a[16] = 0);
    change("bad-overflow", "a model whose sums could exceed 32 bits, with a valid checksum", true, &|a| {
        a[8..10].copy_from_slice(&4096u16.to_le_bytes());
        a[10..12].copy_from_slice(&1024u16.to_le_bytes());
    });
    change("bad-block-size", "a block size of zero, with a valid checksum", true, &|a| a[42..46].fill(0));
    change("bad-block-kind", "a block of the unknown kind 7", false, &|a| a[BLOCK] = 7);
    change("bad-raw-length", "a block longer than the header allows, with a valid checksum", true, &|a| {
        a[BLOCK + 2] = 9
    });
    change("bad-coded-length", "a code longer than its block, with a valid checksum", true, &|a| a[BLOCK + 5] = 200);
    change("bad-payload", "a bit of a code is changed", false, &|a| a[BLOCK + 31] ^= 1);
    change("bad-code", "a bit of a code is changed, with a valid checksum", true, &|a| a[BLOCK + 31] ^= 1);
    change("bad-state", "the hash of the state is changed, with a valid checksum", true, &|a| a[BLOCK + 17] ^= 1);
    change("bad-content", "the hash of the content is changed, with a valid checksum", true, &|a| a[BLOCK + 9] ^= 1);
    change("bad-cut-header", "cut off in the header", false, &|a| a.truncate(30));
    change("bad-cut-block", "cut off in a block", false, &|a| a.truncate(100));
    change("bad-cut-trailer", "cut off in the trailer; the content is intact", false, &|a| a.truncate(end - 5));
    change("bad-trailer", "a bit of the trailer is changed; the content is intact", false, &|a| a[end - 30] ^= 1);
    change("bad-behind", "followed by bytes that are no archive", false, &|a| a.extend(b"behind"));
    change("unsupported-version", "a version that does not exist yet", false, &|a| a[4] = VERSION + 1);
    change("unsupported-flags", "a flag that does not exist yet", true, &|a| a[7] = 128);
    change("unsupported-mixing", "a kind of mixing that does not exist yet", true, &|a| a[47] = 77);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/files");
    let mut list = String::from(
        "# Archives with which to test a decoder\n\n\
         Made by `cargo run --example files`. Every decoder must decode the good ones and refuse the others: \
         the bad ones as damaged, the unsupported ones as made by another version. The command exits with code 2 \
         for both.\n\n",
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
