//! Every signal that ends a process leaves nothing behind, or what the same command continues from.

#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use common::folder::{Folder, TINY, default_signals};
use common::running::Running;
use common::text;
use predicates::str::contains;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};

const ENDING: [(&str, i32); 8] = [
    ("HUP", SIGHUP),
    ("INT", SIGINT),
    ("QUIT", SIGQUIT),
    ("TERM", SIGTERM),
    ("XCPU", SIGXCPU),
    ("XFSZ", SIGXFSZ),
    ("USR1", SIGUSR1),
    ("USR2", SIGUSR2),
];

/// Waits until the run has saved a state.
fn wait_for_state(folder: &Folder) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !folder.path("a.lks.checkpoint").exists() {
        assert!(Instant::now() < deadline, "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn each_signal_ends_the_process_as_it_would_by_default_and_leaves_no_file() {
    default_signals();
    let data = text(40_000);
    let folder = Folder::with("a", &data);
    folder.write("old.lks", "old");
    for (name, signal) in ENDING {
        for args in ["a", "-f a -o old.lks", "a --save-model m"] {
            let run = Running::start(&folder, args);
            run.signal(name);
            let (status, said) = run.finish();
            assert_eq!(status.signal(), Some(signal), "{name} {args}: {status} {said}");
            assert_eq!(folder.names(), ["a", "old.lks"], "{name}");
        }
    }
    assert_eq!(folder.read("old.lks"), b"old");
}

#[test]
fn a_run_that_waits_for_input_ends_at_once() {
    default_signals();
    let folder = Folder::new();
    let mut command = Command::new(cargo_bin!("lockstep"));
    command.args(TINY).args(["-v", "--device", "cpu", "-o", "a.lks"]).stdin(Stdio::piped());
    let run = Running::spawn(&folder, command);
    run.signal("INT");
    assert_eq!(run.finish().0.signal(), Some(SIGINT));
    assert!(folder.names().is_empty());
}

#[test]
fn each_signal_saves_the_state_of_a_job_with_a_checkpoint() {
    default_signals();
    let data = text(20_000);
    let folder = Folder::with("a", &data);
    folder.tiny("-q --block-size 5000 a -o plain").assert().success();
    for (name, _) in ENDING {
        let run = Running::start(&folder, "--block-size 5000 --checkpoint a");
        run.signal(name);
        let (status, said) = run.finish();
        assert_eq!(status.code(), Some(1), "{name}: {said}");
        assert!(said.contains("the same command continues from here"), "{name}: {said}");
        assert_eq!(folder.names(), ["a", "a.lks.checkpoint", "a.lks.lockstep-part", "plain"]);
        let resumed = folder.tiny("--block-size 5000 --checkpoint a").assert().success();
        resumed.stderr(contains("continuing from a.lks.checkpoint"));
        assert_eq!(folder.read("a.lks"), folder.read("plain"), "{name}");
        fs::remove_file(folder.path("a.lks")).unwrap();
    }
}

#[test]
fn a_second_signal_ends_at_once_but_not_the_next_second_of_processor_time() {
    default_signals();
    for (first, second, ends) in
        [("INT", "INT", Some(SIGINT)), ("TERM", "QUIT", Some(SIGQUIT)), ("XCPU", "XCPU", None), ("INT", "XCPU", None)]
    {
        let folder = Folder::new();
        let mut command = Command::new(cargo_bin!("lockstep"));
        command.args(TINY).args(["-v", "--device", "cpu", "-T1", "--checkpoint", "-o", "a.lks"]).stdin(Stdio::piped());
        // It waits for input, so that it can't save its state before the second signal.
        let mut run = Running::spawn(&folder, command);
        run.signal(first);
        run.wait_for("saving the state");
        run.signal(second);
        if ends.is_none() {
            std::thread::sleep(Duration::from_millis(100));
            run.write_input(&text(2000));
        }
        let (status, said) = run.finish();
        assert_eq!(status.signal(), ends, "{first} {second}: {said}");
        assert_eq!(said.contains("the same command continues from here"), ends.is_none(), "{first} {second}: {said}");
    }
}

#[test]
fn what_was_ignored_stays_ignored_and_the_others_are_handled() {
    default_signals();
    let data = text(20_000);
    for (ignored, sent) in [("INT", "HUP"), ("HUP", "INT"), ("INT HUP", "TERM"), ("INT QUIT", "USR1")] {
        let folder = Folder::with("a", &data);
        let mut command = Command::new("sh");
        let text = format!("trap '' {ignored}; exec \"$0\" {} -v --device cpu -T1 --checkpoint a", TINY.join(" "));
        command.args(["-c", &text]).arg(cargo_bin!("lockstep"));
        let run = Running::spawn(&folder, command);
        for name in ignored.split(' ') {
            run.signal(name);
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(!folder.path("a.lks.checkpoint").exists(), "{ignored} is ignored");
        run.signal(sent);
        let (status, said) = run.finish();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("the same command continues from here"), "{said}");
        wait_for_state(&folder);
        assert_eq!(folder.names(), ["a", "a.lks.checkpoint", "a.lks.lockstep-part"]);
    }
}

#[test]
fn limits_of_the_system_leave_nothing_behind() {
    default_signals();
    let folder = Folder::with("a", &common::noise(100_000));
    folder.write("b.lks", {
        let packed = folder.tiny("--network off -c a").assert().success();
        packed.get_output().stdout.clone()
    });
    // 512-byte blocks in some shells, KiB in others.
    for limit in ["ulimit -f 50", "ulimit -f 50; trap '' XFSZ"] {
        let text = format!("{limit}; exec \"$0\" -q --device cpu -d b.lks");
        let output =
            Command::new("sh").args(["-c", &text]).arg(cargo_bin!("lockstep")).current_dir(folder.path("")).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        assert_eq!(folder.names(), ["a", "b.lks"], "{limit}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let folder = Folder::with("a", &common::noise(100_000));
    folder.tiny("-q --network off a").assert().success();
    let text = "\"$0\" -dc --device cpu a.lks | head -c 10 | wc -c";
    let output =
        Command::new("sh").args(["-c", text]).arg(cargo_bin!("lockstep")).current_dir(folder.path("")).output();
    let output = output.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "10");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(folder.names(), ["a", "a.lks"]);
}
