//! The command on long jobs: frames, parts for several processes, ranges, verification, checkpoints.

mod common;
mod devices;

use std::fs;
use std::process::{self, ExitCode, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
#[cfg(unix)]
use common::folder::default_signals;
use common::folder::{Folder, TINY};
use common::{noise, text};
use devices::tests;
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use serde_json::Value;

/// 3,000 bytes of text and noise.
fn sample() -> Vec<u8> {
    [text(1000), noise(500), text(1500)].concat()
}

/// The archive of file `a` with the given flags.
fn archive(folder: &Folder, flags: &str) -> Vec<u8> {
    folder.tiny(flags).args(["-c", "a"]).assert().success().get_output().stdout.clone()
}

fn frames_have_the_given_size_and_decode_to_the_whole_file() {
    let folder = Folder::with("a", &sample());
    for (flags, lengths) in [
        ("--frame-size 1000", vec![1000, 1000, 1000]),
        ("--frame-size 1400", vec![1400, 1400, 200]),
        ("--frame-size 3000", vec![3000]),
        ("--frame-size 4K", vec![3000]),
        ("--frame-size 1500 --block-size 400", vec![1500, 1500]),
    ] {
        folder.write("a.lks", archive(&folder, flags));
        let out = folder.lockstep("-l --json a.lks").assert().success().get_output().stdout.clone();
        let listed: Value = serde_json::from_slice(&out).unwrap();
        let frames = listed[0]["frames"].as_array().unwrap();
        let raw: Vec<u64> = frames.iter().map(|frame| frame["raw_bytes"].as_u64().unwrap()).collect();
        assert_eq!(raw, lengths, "{flags}");
        folder.lockstep("-dc a.lks").assert().success().stdout(sample());
        folder.lockstep("-d").write_stdin(folder.read("a.lks")).assert().success().stdout(sample());
    }
    folder.write("empty", "");
    folder.tiny("--frame-size 1K empty").assert().success();
    folder.lockstep("-dc empty.lks").assert().success().stdout(is_empty());
}

fn bytes_do_not_depend_on_how_many_frames_are_coded_at_a_time() {
    let folder = Folder::with("a", &sample());
    for frames in ["--frame-size 400", "--frame-size 700 --block-size 300", "--frame-size 3000"] {
        let one = archive(&folder, &format!("{frames} -T1"));
        for threads in [2, 3, 8] {
            assert_eq!(archive(&folder, &format!("{frames} -T{threads}")), one, "{frames} -T{threads}");
        }
        folder.write("a.lks", &one);
        for threads in ["-T1", "-T2", "-T5"] {
            folder.lockstep(threads).args(["-dc", "a.lks"]).assert().success().stdout(sample());
        }
        // When reading from a pipe the length is unknown, but the number of threads changes nothing either.
        let piped = |threads: &str| {
            let piped = folder.tiny(&format!("{frames} {threads}")).write_stdin(sample()).assert().success();
            piped.get_output().stdout.clone()
        };
        assert_eq!(piped("-T1"), piped("-T3"));
        folder.lockstep("-d").write_stdin(piped("-T2")).assert().success().stdout(sample());
    }
}

fn a_damaged_frame_is_reported_when_frames_are_decoded_in_parallel() {
    let folder = Folder::with("a", &sample());
    let mut damaged = archive(&folder, "--frame-size 500");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    folder.write("a.lks", damaged);
    for threads in ["-T1", "-T4"] {
        folder.lockstep(threads).args(["-d", "a.lks", "-o", "b"]).assert().code(2).stderr(contains("corrupt"));
        assert_eq!(folder.names(), ["a", "a.lks"]);
    }
}

fn parts_made_by_several_processes_join_to_the_archive_of_one_process() {
    let folder = Folder::with("a", &sample());
    let whole = archive(&folder, "--frame-size 400");
    for parts in [1, 2, 3, 8, 12] {
        // As in the documentation: one process for each part, then cat.
        let run = |part: u32| {
            let mut command = process::Command::new(cargo_bin!("lockstep"));
            command.current_dir(folder.path("")).args(TINY);
            command.args(["-q", "--frame-size", "400", "--frames", &format!("{part}/{parts}"), "a"]).spawn().unwrap()
        };
        let children: Vec<_> = (1..=parts).map(run).collect();
        assert!(children.into_iter().all(|mut child| child.wait().unwrap().success()));
        let names: Vec<String> = folder.names().into_iter().filter(|name| name.contains("-of-")).collect();
        assert_eq!(names.len(), parts as usize, "{names:?}");
        let joined: Vec<u8> = names.iter().flat_map(|name| folder.read(name)).collect();
        assert_eq!(joined, whole, "{parts} parts");
        names.iter().for_each(|name| fs::remove_file(folder.path(name)).unwrap());
    }
    folder.tiny("--frames 1/2 a").assert().code(1).stderr(contains("--frame-size"));
    folder.tiny("--frame-size 1K --frames 1/2").write_stdin("x").assert().code(1).stderr(contains("needs a file"));
    folder.tiny("--frame-size 1K --frames 3/2 a").assert().code(1).stderr(contains("a share is I/N"));
}

fn halves_made_on_two_engines_join_to_the_archive_of_one() {
    // Short, because software Vulkan takes its time for each byte.
    let data = [text(300), noise(100), text(200)].concat();
    let folder = Folder::with("a", &data);
    folder.tiny("-q --frame-size 300 --frames 1/2 --device cpu a").assert().success();
    folder.tiny("-q --frame-size 300 --frames 2/2 --device gpu a").assert().success();
    let joined = [folder.read("a.lks.1-of-2"), folder.read("a.lks.2-of-2")].concat();
    assert_eq!(joined, archive(&folder, "--frame-size 300 --device cpu"));
    folder.write("a.lks", joined);
    for device in ["cpu", "gpu"] {
        folder.lockstep("-dc --device").args([device, "a.lks"]).assert().success().stdout(data.clone());
    }
    folder.tiny("-fv --device gpu --verify a -o b.lks").assert().success().stderr(contains("verified on CPU"));
}

fn a_range_is_decoded_from_the_frames_that_contain_it() {
    let folder = Folder::with("a", &sample());
    let mut archive = archive(&folder, "--frame-size 700");
    folder.write("a.lks", &archive);
    for (offset, length) in [(0, 3000), (0, 0), (0, 1), (699, 2), (700, 700), (650, 1500), (2999, 1), (3000, 0)] {
        let range = format!("--range {offset}:{length}");
        let expected = sample()[offset..offset + length].to_vec();
        folder.lockstep(&range).args(["-dc", "a.lks"]).assert().success().stdout(expected);
    }
    // Frames outside the range are not read.
    archive[100] ^= 1;
    let end = archive.len() - 60;
    archive[end] ^= 1;
    folder.write("a.lks", &archive);
    folder.lockstep("-dc a.lks").assert().code(2);
    let middle = sample()[800..2000].to_vec();
    folder.lockstep("-d --range 800:1200 a.lks -o b").assert().success();
    assert_eq!(folder.read("b"), middle);
    folder.lockstep("-dc --range 10:10 a.lks").assert().code(2).stderr(contains("corrupt"));
    folder.lockstep("-dc --range 2999:2 a.lks").assert().code(1).stderr(contains("holds 3000 bytes"));
    folder.lockstep("-d --range 0:1").write_stdin(archive).assert().code(1).stderr(contains("is a file"));
    folder.lockstep("--range 0:1 a").assert().code(1).stderr(contains("for decompression"));
}

fn an_archive_with_a_damaged_trailer_can_be_decoded_and_listed() {
    let folder = Folder::with("a", &sample());
    let mut archive = archive(&folder, "");
    let end = archive.len() - 2;
    archive[end] ^= 1;
    folder.write("b.lks", archive);
    folder.lockstep("-d b.lks").assert().code(2).stderr(contains("a trailer is damaged"));
    assert_eq!(folder.read("b"), sample());
    let listed = folder.lockstep("-l b.lks").assert().code(2).stderr(contains("a trailer is damaged"));
    let table = String::from_utf8(listed.get_output().stdout.clone()).unwrap();
    assert!(table.contains(" 3000 ") && table.contains(" damaged "), "{table}");
    folder.lockstep("-dc --range 900:200 b.lks").assert().code(2).stdout(sample()[900..1100].to_vec());
    folder.lockstep("-t b.lks").assert().code(2);
    // The source is kept after such a result.
    folder.lockstep("-df --rm b.lks").assert().code(2);
    assert_eq!(folder.names(), ["a", "b", "b.lks"]);
}

fn a_verified_archive_is_written_and_the_verifying_engine_named() {
    let folder = Folder::with("a", &sample());
    folder.tiny("-v --verify a").assert().success().stderr(contains("verified on CPU").and(contains("MiB of memory")));
    folder.lockstep("-dc a.lks").assert().success().stdout(sample());
    folder.tiny("--verify -c a").assert().code(1).stderr(contains("--verify needs an output that is a file"));
    folder.lockstep("-d --verify a.lks").assert().code(1);
}

/// Kills and restarts a run until it is complete; returns the number of kills.
///
/// The first runs are killed before they can save a state. All others are killed some time
/// after saving one, so that each makes progress, however slow the machine.
fn run_with_kills(folder: &Folder, args: &[&str], checkpoint: &str) -> u32 {
    let saved = || fs::metadata(folder.path(checkpoint)).and_then(|metadata| metadata.modified()).ok();
    for kills in 0..1000 {
        let pause = Duration::from_millis(20 * u64::from(kills));
        let before = saved();
        let mut command = process::Command::new(cargo_bin!("lockstep"));
        command.current_dir(folder.path("")).args(args);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut start = (kills < 3).then(Instant::now);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if start.is_none() && saved() != before {
                start = Some(Instant::now());
            }
            if start.is_some_and(|start| start.elapsed() >= pause) {
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        match status {
            Some(status) => {
                assert!(status.success(), "{args:?}: {status}");
                return kills;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                // The process was killed after its work was done: only input and output are left.
                if folder.names() == ["a", "a.lks"] {
                    return kills + 1;
                }
            }
        }
    }
    panic!("{args:?} does not finish");
}

fn a_run_that_is_killed_resumes_and_produces_the_same_bytes() {
    let data = [text(10_000), noise(1000), text(30_000)].concat();
    let folder = Folder::with("a", &data);
    let flags = ["--block-size", "10K", "--frame-size", "25K", "--device", "cpu", "-T1"];
    let plain = folder.tiny(&flags.join(" ")).args(["-c", "a"]).assert().success().get_output().stdout.clone();
    let checkpoint = ["--checkpoint", "--checkpoint-interval", "0.05"];
    let encode = [&TINY[..], &flags[..], &checkpoint[..], &["-q", "a"]].concat();
    let kills = run_with_kills(&folder, &encode, "a.lks.checkpoint");
    assert!(kills > 2, "the run was too short to be killed");
    assert_eq!(folder.names(), ["a", "a.lks"]);
    assert_eq!(folder.read("a.lks"), plain);
    fs::remove_file(folder.path("a")).unwrap();
    let decode = [&["-qd", "--device", "cpu", "-T1"], &checkpoint[..], &["a.lks"]].concat();
    let kills = run_with_kills(&folder, &decode, "a.checkpoint");
    assert!(kills > 2, "the run was too short to be killed");
    assert_eq!(folder.names(), ["a", "a.lks"]);
    assert_eq!(folder.read("a"), data);
}

/// Starts a run with checkpoints on file `a` and interrupts it once a state is saved.
#[cfg(unix)]
fn interrupted(folder: &Folder) -> process::Output {
    default_signals();
    let mut command = process::Command::new(cargo_bin!("lockstep"));
    command.current_dir(folder.path("")).args(TINY);
    command.args(["--block-size", "5000", "--checkpoint", "--checkpoint-interval", "0", "--device", "cpu", "a"]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !folder.path("a.lks.checkpoint").exists() {
        assert!(Instant::now() < deadline, "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
fn an_interrupt_saves_the_state_and_explains_how_to_resume() {
    let folder = Folder::with("a", &text(30_000));
    let plain = archive(&folder, "--block-size 5000");
    let output = interrupted(&folder);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("the same command continues from here (the state is in a.lks.checkpoint)"), "{message}");
    assert_eq!(folder.names(), ["a", "a.lks.checkpoint", "a.lks.lockstep-part"]);
    // It does not resume with other options, another input or a damaged state.
    let resume = "--block-size 5000 --checkpoint --device cpu a";
    folder.tiny(&format!("--seed 2 {resume}")).assert().code(1).stderr(contains("another job"));
    let mut state = folder.read("a.lks.checkpoint");
    state[40] ^= 1;
    folder.write("damaged", &state);
    let with = |file: &str| format!("--block-size 5000 --checkpoint={file} --device cpu a");
    folder.tiny(&with("damaged")).assert().code(1).stderr(contains("damaged"));
    folder.write("a", [b"X", &text(29_999)[..]].concat());
    folder.tiny(resume).assert().code(1).stderr(contains("the input has changed"));
    folder.write("a", text(30_000));
    let part = folder.read("a.lks.lockstep-part");
    folder.write("a.lks.lockstep-part", [b"X", &part[1..]].concat());
    folder.tiny(resume).assert().code(1).stderr(contains("the partial output has changed"));
    folder.write("a.lks.lockstep-part", &part[..part.len() / 2]);
    folder.tiny(resume).assert().code(1).stderr(contains("is shorter than its checkpoint says"));
    // Bytes that an interrupted write left behind the saved prefix are discarded.
    folder.write("a.lks.lockstep-part", [&part[..], b"left over"].concat());
    folder.tiny(resume).assert().success().stderr(contains("continuing from a.lks.checkpoint"));
    assert_eq!(folder.names(), ["a", "a.lks", "damaged"]);
    assert_eq!(folder.read("a.lks"), plain);
}

#[cfg(unix)]
fn a_batch_job_that_is_terminated_saves_its_state() {
    // As a batch system starts it: without a terminal, with some signals ignored.
    let folder = Folder::with("a", &text(30_000));
    let plain = archive(&folder, "--block-size 5000");
    let resume = "--block-size 5000 --checkpoint --device cpu";
    let text = format!(
        "trap '' INT HUP; $lockstep {} {resume} --checkpoint-interval 0 a & \
         until [ -e a.lks.checkpoint ]; do sleep 0.01; done; kill -HUP $!; kill -TERM $!; wait $!",
        TINY.join(" ")
    );
    let mut shell = process::Command::new("sh");
    shell.args(["-c", &text]).env("lockstep", cargo_bin!("lockstep"));
    let output = shell.current_dir(folder.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the same command continues from here"));
    folder.tiny(resume).arg("a").assert().success();
    assert_eq!(folder.names(), ["a", "a.lks"]);
    assert_eq!(folder.read("a.lks"), plain);
}

#[cfg(unix)]
fn a_run_that_was_killed_before_deleting_its_checkpoint_is_recognised_as_complete() {
    let folder = Folder::with("a", &text(30_000));
    assert_eq!(interrupted(&folder).status.code(), Some(1));
    let state = folder.read("a.lks.checkpoint");
    let resume = "--block-size 5000 --checkpoint --device cpu a";
    folder.tiny(resume).assert().success();
    folder.write("a.lks.checkpoint", &state);
    folder.tiny(resume).assert().success().stderr(contains("was complete already"));
    assert_eq!(folder.names(), ["a", "a.lks"]);
    // A state without its output is an error, not a new start.
    folder.write("a.lks.checkpoint", &state);
    fs::remove_file(folder.path("a.lks")).unwrap();
    folder.tiny(resume).assert().code(1).stderr(contains("but not the partial output"));
}

fn a_checkpoint_needs_an_output_file() {
    let folder = Folder::with("a", &text(200));
    folder.tiny("--checkpoint -c a").assert().code(1).stderr(contains("needs an output that is a file"));
    folder.tiny("--checkpoint=c a b").assert().code(1).stderr(contains("names one file"));
    folder.tiny("--checkpoint --checkpoint-interval x a").assert().code(1).stderr(contains("seconds"));
    folder.tiny("--checkpoint=c missing").assert().code(1);
    folder.tiny("-f --checkpoint=c --memory-limit 1K a").assert().code(1).stderr(contains("MiB of memory"));
    assert_eq!(folder.names(), ["a"]);
    folder.tiny("--checkpoint=c a").assert().success();
    assert_eq!(folder.names(), ["a", "a.lks"]);
    folder.lockstep("-t --checkpoint a.lks").assert().code(1);
}

fn archives_above_the_size_limit_are_refused() {
    let folder = Folder::with("a", &sample());
    for flags in ["", "--frame-size 1000", "--block-size 500"] {
        folder.write("a.lks", archive(&folder, flags));
        for threads in ["-T1", "-T3"] {
            let limited = |limit: &str| folder.lockstep(&format!("-t {threads} --size-limit {limit} a.lks"));
            limited("2999").assert().code(1).stderr(contains("holds more than the 2999 bytes"));
            limited("3000").assert().success();
        }
        let mut piped = folder.lockstep("-d --size-limit 2999");
        piped.write_stdin(folder.read("a.lks")).assert().code(1).stderr(contains("--size-limit"));
    }
}

fn main() -> ExitCode {
    devices::run([
        tests!(
            devices::anywhere:
            frames_have_the_given_size_and_decode_to_the_whole_file,
            bytes_do_not_depend_on_how_many_frames_are_coded_at_a_time,
            a_damaged_frame_is_reported_when_frames_are_decoded_in_parallel,
            parts_made_by_several_processes_join_to_the_archive_of_one_process,
            a_range_is_decoded_from_the_frames_that_contain_it,
            an_archive_with_a_damaged_trailer_can_be_decoded_and_listed,
            a_verified_archive_is_written_and_the_verifying_engine_named,
            a_run_that_is_killed_resumes_and_produces_the_same_bytes,
            an_interrupt_saves_the_state_and_explains_how_to_resume,
            a_batch_job_that_is_terminated_saves_its_state,
            a_run_that_was_killed_before_deleting_its_checkpoint_is_recognised_as_complete,
            a_checkpoint_needs_an_output_file,
            archives_above_the_size_limit_are_refused,
        ),
        tests!(
            devices::on_devices:
            halves_made_on_two_engines_join_to_the_archive_of_one,
        ),
    ])
}
