//! What is around the command fails: a clear sentence, the right exit code, nothing left behind.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{self, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use common::folder::{Folder, TINY};
use common::{noise, text};
use predicates::str::contains;

/// Says loudly that a test looked at nothing.
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Runs a shell's text in the folder, with the command as $lockstep and a tiny model as $tiny.
fn shell(folder: &Folder, text: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", text]).current_dir(folder.path("")).env("XDG_RUNTIME_DIR", folder.path(""));
    command.env("lockstep", cargo_bin!("lockstep")).env("tiny", TINY.join(" "));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_full_disk_is_told_of() {
    if !Path::new("/dev/full").exists() {
        return skipped("there is no /dev/full");
    }
    let folder = Folder::with("a", &noise(5000));
    folder.tiny("-q a").assert().success();
    for text in [
        "$lockstep $tiny -c a >/dev/full",
        "$lockstep $tiny -f a -o /dev/full",
        "$lockstep -dc a.lks >/dev/full",
        "$lockstep -T3 $tiny --frame-size 1000 -c a >/dev/full",
        "$lockstep -l a.lks >/dev/full",
    ] {
        let output = shell(&folder, text);
        assert_eq!(output.status.code(), Some(1), "{text}: {}", said(&output));
        assert!(said(&output).contains("No space left on device"), "{text}: {}", said(&output));
    }
    assert_eq!(folder.names(), ["a", "a.lks"]);
}

#[test]
fn a_file_system_that_gets_full_leaves_no_half_file_and_keeps_the_checkpoint() {
    let folder = Folder::with("a", &noise(400_000));
    fs::create_dir(folder.path("disk")).unwrap();
    let mount = "mount -t tmpfs -o size=200k tmpfs disk 2>/dev/null || exit 99; ";
    let run = |text: &str| {
        let text = format!("exec unshare -rm sh -c '{mount} {text}' 2>&1");
        shell(&folder, &text)
    };
    let output = run("$lockstep $tiny --network off a -o disk/b; echo $?; ls -A disk");
    if output.status.code() == Some(99) || !output.status.success() {
        return skipped("no file system can be mounted here");
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("can't write: No space left on device") && text.ends_with("\n1\n"), "{text}");
    // The state lies elsewhere; with room made, the same command goes on from it.
    let go_on = "--network off --block-size 50K --checkpoint=side --checkpoint-interval 0 a -o disk/b";
    let output = run(&format!(
        "$lockstep $tiny {go_on}; echo $?; ls -A disk; mount -o remount,size=2m disk; \
         $lockstep $tiny {go_on} && $lockstep -dc disk/b | cmp - a && ls -A . disk"
    ));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("No space left on device") && text.contains("\n1\nb.lockstep-part\n"), "{text}");
    assert!(text.contains("continuing from side"), "{text}");
    assert!(text.ends_with(".:\na\ndisk\n\ndisk:\nb\n"), "{text}");
}

#[test]
fn an_input_that_can_not_be_read_is_told_of() {
    let folder = Folder::new();
    // Its first page is not mapped, so to read it is an error.
    if fs::read("/proc/self/mem").map_or_else(|e| e.raw_os_error() != Some(5), |_| true) {
        return skipped("no file is known that can be opened but not read");
    }
    for mode in ["", "-d"] {
        let mut command = folder.tiny(mode);
        command.args(["/proc/self/mem", "-o", "b"]).assert().code(1).stderr(contains("can't read: Input/output error"));
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_folder_that_takes_no_files_is_told_of() {
    let folder = Folder::with("a", &text(100));
    if !Path::new("/proc/self").exists() {
        return skipped("no folder is known that takes no files, whoever asks");
    }
    folder.tiny("a -o /proc/b").assert().code(1).stderr(contains("can't create /proc/b"));
    folder.tiny("a --checkpoint -o /proc/b").assert().code(1).stderr(contains("can't create /proc/b.lockstep-part"));
    folder.tiny("a --checkpoint=/proc/side --checkpoint-interval 0").assert().code(1).stderr(contains("checkpoint"));
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_makes_no_archive() {
    for (frames, change) in [("", "longer"), ("--frame-size 30K", "longer"), ("", "shorter")] {
        let folder = Folder::with("a", &text(150_000));
        let mut child = process::Command::new(cargo_bin!("lockstep"))
            .args(TINY)
            .args(frames.split_whitespace())
            .args(["--device", "cpu", "-T1", "--block-size", "10K", "--rm", "a"])
            .env("XDG_RUNTIME_DIR", folder.path(""))
            .current_dir(folder.path(""))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while folder.names().len() < 2 {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "no temporary file came");
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut file = fs::File::options().append(true).open(folder.path("a")).unwrap();
        match change {
            "longer" => file.write_all(b"more").unwrap(),
            _ => file.set_len(149_000).unwrap(),
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("a: changed while it was read"), "{}", said(&output));
        assert_eq!(folder.names(), ["a"]);
    }
}

#[test]
fn a_system_without_memory_is_told_of_before_the_work() {
    let folder = Folder::with("a", &text(200_000));
    let output = shell(&folder, "ulimit -v 250000 && exec $lockstep -5 -T1 --device cpu --network off a");
    if said(&output).contains("ulimit") {
        return skipped("this shell can't limit memory");
    }
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("MiB of memory are needed, but this system gives no more"), "{}", said(&output));
    assert_eq!(folder.names(), ["a"]);
}
