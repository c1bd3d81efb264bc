//! Refusals of the command: the message, the exit code, and that no file is left behind.

mod common;

use std::fs;
use std::process::{self, Stdio};

use assert_cmd::cargo::cargo_bin;
use common::folder::Folder;
use common::{noise, text};
use lockstep::internals::archive::VERSION;
use predicates::prelude::*;
use predicates::str::{contains, is_empty, starts_with};

#[test]
fn quiet_prints_nothing_and_verbose_names_the_engine() {
    let folder = Folder::with("a", &text(100));
    folder.tiny("-q a").assert().success().stdout(is_empty()).stderr(is_empty());
    folder.tiny("-v -f a").assert().success().stderr(contains("on CPU"));
    folder.lockstep("-q a").assert().code(1).stderr(contains("exists already"));
    folder.lockstep("-qq a").assert().code(1).stderr(is_empty());
}

#[test]
fn nothing_is_overwritten_without_force() {
    let folder = Folder::with("a", &text(100));
    folder.write("a.lks", "mine");
    folder.tiny("a").assert().code(1).stderr(contains("lockstep: a: a.lks exists already"));
    assert_eq!(folder.read("a.lks"), b"mine");
    folder.tiny("-f a").assert().success();
    folder.write("a", "changed");
    folder.lockstep("-d a.lks").assert().code(1).stderr(contains("a exists already"));
    assert_eq!(folder.read("a"), b"changed");
    folder.lockstep("-df a.lks").assert().success();
    assert_eq!(folder.read("a"), text(100));
    assert_eq!(folder.names(), ["a", "a.lks"]);
}

#[test]
fn a_prior_of_another_model_is_refused_before_the_input_is_read() {
    let folder = Folder::with("a", &text(1000));
    folder.tiny_train("-q --passes 1 a -o p.lkp").assert().success();
    for flags in ["--units 32", "--embedding 32", "--layers 2", "--network off", "--mixing off", "--mixing-memory 12"] {
        for source in ["a", "/dev/zero"] {
            let refused = folder.lockstep(flags).args(["--prior", "p.lkp", source, "-o", "b"]).assert().code(1);
            refused.stderr(contains("the prior does not fit the model"));
        }
    }
    folder.lockstep("--units 17 /dev/zero -o b").assert().code(1);
    assert_eq!(folder.names(), ["a", "p.lkp"]);
    folder.lockstep("-q --prior p.lkp --streams 3 --mixing-memory 18 a").assert().success();
    folder.lockstep("-dc --prior p.lkp a.lks").assert().success().stdout(text(1000));
}

#[test]
fn an_archive_of_which_a_later_frame_needs_another_prior_is_refused_at_once() {
    let folder = Folder::with("a", &text(1000));
    for prior in ["p", "q"] {
        folder
            .tiny_train("-q --passes 1 --seed")
            .args([if prior == "p" { "1" } else { "2" }, "a", "-o", prior])
            .assert()
            .success();
        folder.lockstep("-q --prior").args([prior, "a", "-o", &format!("{prior}.lks")]).assert().success();
    }
    folder.write("both.lks", [folder.read("p.lks"), folder.read("q.lks")].concat());
    folder.lockstep("-dc --prior p both.lks").assert().code(1).stdout(is_empty()).stderr(contains("made with a prior"));
    folder.lockstep("-dc --memory-limit 1K --prior p p.lks").assert().code(1).stdout(is_empty());
    folder.lockstep("-dc --prior p p.lks").assert().success().stdout(text(1000));
}

#[test]
fn a_damaged_archive_leaves_no_file_and_exits_with_two() {
    let folder = Folder::with("a", &[text(300), noise(100)].concat());
    folder.tiny("-q --block-size 100 a").assert().success();
    let archive = folder.read("a.lks");
    let with = |at: usize, value: u8| {
        let mut damaged = archive.clone();
        damaged[at] ^= value;
        damaged
    };
    for (damaged, message) in [
        (Vec::new(), "not a lockstep archive"),
        (with(0, 1), "not a lockstep archive"),
        (with(4, VERSION ^ 99), "made by a newer lockstep (format 99; this one reads format"),
        (with(20, 4), "the header's checksum is wrong"),
        (with(100, 4), "block 1"),
        (archive[..archive.len() - 80].to_vec(), "cut short"),
        (archive[..70].to_vec(), "cut short"),
        ([&archive[..], b"more"].concat(), "what follows"),
    ] {
        folder.write("b.lks", damaged);
        folder
            .lockstep("-d b.lks")
            .assert()
            .code(2)
            .stdout(is_empty())
            .stderr(starts_with("lockstep: b.lks: ").and(contains(message)));
        assert_eq!(folder.names(), ["a", "a.lks", "b.lks"]);
    }
}

#[test]
fn list_refuses_what_it_cannot_read() {
    let folder = Folder::with("a", &text(300));
    folder.pack("a");
    let mut archive = folder.read("a.lks");
    let trailer = archive.len() - 15;
    archive[trailer] ^= 1;
    folder.write("bad.lks", archive);
    let listed = folder.lockstep("-l bad.lks a.lks").assert().code(2).stdout(contains("a.lks"));
    listed.stderr(contains("lockstep: bad.lks: a trailer is damaged"));
    folder.lockstep("-l a").assert().code(2).stderr(contains("not a lockstep archive"));
    folder.lockstep("-l missing").assert().code(1);
    folder.lockstep("-l").write_stdin("x").assert().code(1).stderr(contains("only a file can be listed"));
}

#[test]
fn an_archive_without_the_suffix_needs_a_named_output() {
    let folder = Folder::with("a", &text(300));
    folder.tiny("-q a -o b").assert().success();
    folder.lockstep("-d b").assert().code(1).stderr(contains("does not end in .lks").and(contains("-o")));
    folder.lockstep("-dc b").assert().success().stdout(text(300));
    folder.lockstep("-t b").assert().success();
}

#[test]
fn wrong_flags_and_values_exit_with_one() {
    let folder = Folder::with("a", &text(40));
    for wrong in [
        "--no-such-flag",
        "--block-size 0",
        "--block-size 2G",
        "--block-size many",
        "--memory x",
        "--lr-start 2",
        "--lr-end -1",
        "--units 17",
        "--units 0",
        "--layers 9",
        "--streams 0",
        "--weight-bits 3",
        "-T x",
        "--device no-such-device",
        "--memory 1K",
    ] {
        folder.lockstep(wrong).arg("a").assert().code(1).stdout(is_empty()).stderr(is_empty().not());
        assert_eq!(folder.names(), ["a"], "{wrong}");
    }
    folder.lockstep("--memory-limit 1K a").assert().code(1).stderr(contains("allow more with --memory-limit"));
}

#[test]
fn missing_files_and_directories_are_reported() {
    let folder = Folder::new();
    fs::create_dir(folder.path("dir")).unwrap();
    for mode in ["", "-d", "-t", "-l"] {
        folder.lockstep(mode).arg("missing.lks").assert().code(1).stderr(contains("lockstep: missing.lks: "));
        folder.lockstep(mode).arg("dir").assert().code(1).stderr(contains("lockstep: dir: is a directory"));
    }
    assert_eq!(folder.names(), ["dir"]);
}

#[test]
fn a_closed_pipe_ends_the_command_without_a_message() {
    let folder = Folder::with("a", &text(50_000));
    folder.tiny("-q --streams 64 a").assert().success();
    let mut child = process::Command::new(cargo_bin!("lockstep"))
        .args(["-dc"])
        .arg(folder.path("a.lks"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
