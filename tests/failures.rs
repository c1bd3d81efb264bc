//! When the system fails (disk, memory, input), the command prints a clear message,
//! exits with the right code and leaves no file behind.

#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;

use common::folder::{Folder, stderr};
use common::{noise, text};
use predicates::str::contains;

/// Reports that a test could not be run here.
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

#[test]
fn a_full_disk_is_reported() {
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
        let output = folder.shell(text);
        assert_eq!(output.status.code(), Some(1), "{text}: {}", stderr(&output));
        assert!(stderr(&output).contains("No space left on device"), "{text}: {}", stderr(&output));
    }
    assert_eq!(folder.names(), ["a", "a.lks"]);
}

#[test]
fn a_file_system_that_fills_up_leaves_no_partial_file_but_the_checkpoint() {
    let folder = Folder::with("a", &noise(80_000));
    fs::create_dir(folder.path("disk")).unwrap();
    let mount = "mount -t tmpfs -o size=40k tmpfs disk 2>/dev/null || exit 99; ";
    let run = |text: &str| {
        let text = format!("exec unshare -rm sh -c '{mount} {text}' 2>&1");
        folder.shell(&text)
    };
    let output = run("$lockstep $tiny --network off a -o disk/b; echo $?; ls -A disk");
    if output.status.code() == Some(99) || !output.status.success() {
        return skipped("this system does not let the test mount a file system");
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("can't write: No space left on device") && text.ends_with("\n1\n"), "{text}");
    // The state is on another file system; once there is room, the same command resumes from it.
    let resume = "--network off --block-size 10K --checkpoint=side --checkpoint-interval 0 a -o disk/b";
    let output = run(&format!(
        "$lockstep $tiny {resume}; echo $?; ls -A disk; mount -o remount,size=2m disk; \
         $lockstep $tiny {resume} && $lockstep -dc disk/b | cmp - a && ls -A . disk"
    ));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("No space left on device") && text.contains("\n1\nb.lockstep-part\n"), "{text}");
    assert!(text.contains("continuing from side"), "{text}");
    assert!(text.ends_with(".:\na\ndisk\n\ndisk:\nb\n"), "{text}");
}

#[test]
fn an_input_that_cannot_be_read_is_reported() {
    let folder = Folder::new();
    // The first page of memory is not mapped, so reading it is an error.
    if fs::read("/proc/self/mem").map_or_else(|e| e.raw_os_error() != Some(5), |_| true) {
        return skipped("/proc/self/mem, which can be opened but not read, does not exist");
    }
    for mode in ["", "-d"] {
        let mut command = folder.tiny(mode);
        command.args(["/proc/self/mem", "-o", "b"]).assert().code(1).stderr(contains("can't read: Input/output error"));
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_folder_where_no_file_can_be_created_is_reported() {
    let folder = Folder::with("a", &text(100));
    if !Path::new("/proc/self").exists() {
        return skipped("/proc, where no user can create a file, does not exist");
    }
    folder.tiny("a -o /proc/b").assert().code(1).stderr(contains("can't create /proc/b"));
    folder
        .tiny("a --checkpoint -o /proc/b")
        .assert()
        .code(1)
        .stderr(contains("can't create the checkpoint /proc/b.checkpoint"));
    folder.tiny("a --checkpoint=/proc/side --checkpoint-interval 0").assert().code(1).stderr(contains("checkpoint"));
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn a_lack_of_memory_is_reported_before_the_work_starts() {
    let folder = Folder::with("a", &text(200_000));
    let output = folder.shell("ulimit -v 250000 && exec $lockstep -5 -T1 --device cpu --network off a");
    if stderr(&output).contains("ulimit") {
        return skipped("this shell cannot limit memory");
    }
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("MiB of memory are needed, but this system gives no more"), "{}", stderr(&output));
    assert_eq!(folder.names(), ["a"]);
}
