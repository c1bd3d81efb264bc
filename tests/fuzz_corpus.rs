//! Runs every fuzz target over its committed corpus and a few simple inputs.

mod fuzz;

use std::fs;
use std::path::Path;

fn run_over_corpus(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        println!("{}", file.display()); // printed only if the test fails
        target(&fs::read(file).unwrap());
    }
    // Inputs that are in no file: the empty one, and runs of one byte.
    target(&[]);
    for byte in [0, 1, 0x7f, 0xff] {
        target(&[byte; 300]);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { run_over_corpus(stringify!($name), fuzz::$name) })*
    };
}

targets!(header decode round_trip mixing coder reads state);
