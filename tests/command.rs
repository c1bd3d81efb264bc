//! The behaviour of the command: file names, flags, pipes, lists.

mod common;

use std::fs;
use std::path::Path;
use std::process;

use assert_cmd::cargo::cargo_bin;
use common::folder::Folder;
use common::{noise, text};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use serde_json::Value;

#[test]
fn a_file_is_compressed_and_decompressed() {
    let folder = Folder::with("a.txt", &text(500));
    folder.tiny("a.txt").assert().success().stdout(is_empty()).stderr(contains("bits/byte (500 => "));
    assert_eq!(folder.names(), ["a.txt", "a.txt.lks"]);
    fs::remove_file(folder.path("a.txt")).unwrap();
    folder.lockstep("-d a.txt.lks").assert().success().stdout(is_empty()).stderr(contains("500 bytes (a.txt)"));
    assert_eq!(folder.names(), ["a.txt", "a.txt.lks"]);
    assert_eq!(folder.read("a.txt"), text(500));
}

#[test]
fn pipes_work_with_and_without_a_dash() {
    let folder = Folder::new();
    for (pack, unpack) in [("", "-d"), ("-", "-d -"), ("-c -", "-dc -"), ("-z -o -", "-cd")] {
        let archive = folder.tiny(pack).write_stdin(text(2000)).assert().success().stderr(is_empty());
        let archive = archive.get_output().stdout.clone();
        assert!(archive.len() < 2000);
        folder.lockstep(unpack).write_stdin(archive).assert().success().stdout(text(2000)).stderr(is_empty());
    }
    assert!(folder.names().is_empty());
}

#[test]
fn output_to_stdout_creates_no_file() {
    let folder = Folder::with("a", &text(300));
    let archive = folder.tiny("-c a").assert().success().get_output().stdout.clone();
    folder.write("b.lks", archive);
    folder.lockstep("--stdout -d b.lks").assert().success().stdout(text(300));
    assert_eq!(folder.names(), ["a", "b.lks"]);
}

#[test]
fn the_o_flag_names_the_output() {
    let folder = Folder::with("a", &text(300));
    folder.tiny("a -o b").assert().success();
    folder.lockstep("-d b -o c").assert().success();
    assert_eq!(folder.read("c"), text(300));
    folder.lockstep("-d b -o a").assert().code(1).stderr(contains("exists already"));
    folder.tiny("-f a -o a").assert().code(1).stderr(contains("is the input"));
    folder.tiny("a c -o d").assert().code(1).stderr(contains("-o names one output, but there are 2 inputs"));
    folder.tiny("a -o missing/d").assert().code(1).stderr(contains("can't create missing/d"));
    folder.tiny("a -o .").assert().code(1).stderr(contains("is a directory"));
    assert_eq!(folder.names(), ["a", "b", "c"]);
    assert_eq!(folder.read("a"), text(300));
}

#[test]
fn standard_input_can_be_written_to_a_named_output() {
    let folder = Folder::new();
    folder.tiny("-o a.lks").write_stdin(text(300)).assert().success();
    folder.lockstep("-dc a.lks").assert().success().stdout(text(300));
}

#[test]
fn a_device_file_is_written_to_and_not_replaced() {
    if Path::new("/dev/null").exists() {
        let folder = Folder::with("a", &text(100));
        folder.tiny("-f a -o /dev/null").assert().success();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}

#[test]
fn the_source_is_kept_unless_rm_is_given() {
    let folder = Folder::with("a", &text(100));
    folder.tiny("-k a").assert().success();
    assert_eq!(folder.names(), ["a", "a.lks"]);
    folder.tiny("-f --rm a").assert().success();
    assert_eq!(folder.names(), ["a.lks"]);
    folder.lockstep("-t --rm a.lks").assert().success();
    folder.lockstep("-dc --rm a.lks").assert().success();
    assert_eq!(folder.names(), ["a.lks"]);
    folder.lockstep("-d --rm a.lks").assert().success();
    assert_eq!(folder.names(), ["a"]);
    folder.write("bad.lks", "bad");
    folder.lockstep("-d --rm bad.lks").assert().code(2);
    assert_eq!(folder.names(), ["a", "bad.lks"]);
}

#[test]
fn an_error_in_one_file_does_not_stop_the_others() {
    let folder = Folder::with("a", &text(100));
    folder.write("b", text(200));
    folder.tiny("a missing b").assert().code(1).stderr(contains("lockstep: missing: "));
    assert_eq!(folder.names(), ["a", "a.lks", "b", "b.lks"]);
    folder.write("a.lks", "not an archive");
    folder
        .lockstep("-df a.lks missing.lks b.lks")
        .assert()
        .code(2)
        .stderr(contains("lockstep: a.lks: not a lockstep archive"));
    folder.write("c", "");
    folder.tiny("-q c").assert().success();
    folder.lockstep("-dc b.lks c.lks b.lks").assert().success().stdout([text(200), text(200)].concat());
}

#[test]
fn the_test_mode_checks_an_archive_and_writes_nothing() {
    let folder = Folder::with("a", &text(300));
    folder.pack("a");
    folder.lockstep("-t a.lks").assert().success().stdout(is_empty()).stderr(contains("300 bytes (intact)"));
    let mut archive = folder.read("a.lks");
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    folder.write("a.lks", &archive);
    folder.lockstep("-t a.lks").assert().code(2).stderr(contains("lockstep: a.lks: the archive is corrupt: block 1"));
    folder.lockstep("-t").write_stdin(archive).assert().code(2).stderr(contains("lockstep: (stdin): "));
    assert_eq!(folder.names(), ["a", "a.lks"]);
}

#[test]
fn verbose_says_what_each_block_got_and_why() {
    let folder = Folder::with("a", &[vec![0; 100_000], noise(40_000)].concat());
    let run = "a : block at 0: 100000 => 1 bytes, a run of the byte 00h";
    let noise = "a : block at 100000: 40000 => 40000 bytes, verbatim (noise: ";
    folder.lockstep("-v -1 a").assert().success().stderr(contains(run).and(contains(noise)));
    folder.lockstep("-f -1 a").assert().success().stderr(contains("block at").not());
}

#[test]
fn list_prints_the_contents_of_an_archive() {
    let folder = Folder::with("a", &[text(300), noise(100)].concat());
    folder.tiny("-q --block-size 100 --mixing rich a").assert().success();
    let archive = folder.read("a.lks");
    folder.write("twice.lks", archive.repeat(2));
    let table = folder.lockstep("-l a.lks twice.lks").assert().success().stderr(is_empty());
    let table = String::from_utf8(table.get_output().stdout.clone()).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 3, "{table}");
    let len = archive.len();
    assert_eq!(rows[1][..4], ["1", "4", &len.to_string(), "400"]);
    assert_eq!(rows[2][..4], ["2", "8", &(2 * len).to_string(), "800"]);
    assert!(table.contains("1 x 16 units, 2 streams of 32, rich mixing, panels of 32768"), "{table}");
    let check = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&folder.read("a")));
    assert!(table.contains(&check), "{table}");
}

#[test]
fn list_can_print_json() {
    let folder = Folder::with("a", &[text(300), noise(100)].concat());
    folder.tiny("-q --block-size 100 --seed 7 --lr-start 0.004 --lr-end 0.001 --segment 9 a").assert().success();
    let out = folder.lockstep("-l --json a.lks").assert().success().get_output().stdout.clone();
    let listed: Value = serde_json::from_slice(&out).unwrap();
    let frame = &listed[0]["frames"][0];
    assert_eq!(listed[0]["file"], "a.lks");
    assert_eq!(listed[0]["raw_bytes"], 400);
    assert_eq!(listed[0]["compressed_bytes"], folder.read("a.lks").len());
    assert_eq!(frame["blocks"].as_array().unwrap().len(), 4);
    assert_eq!(frame["blocks"][3]["stored"], true);
    assert_eq!(frame["blocks"][0]["stored"], false);
    let model = &frame["model"];
    assert_eq!((&model["seed"], &model["segment"], &model["units"]), (&7.into(), &9.into(), &16.into()));
    assert_eq!((&model["lr_start"], &model["lr_end"]), (&0.004.into(), &0.001.into()));
    folder.lockstep("--json a").assert().code(1);
}

#[test]
fn levels_are_digits_or_numbers_and_the_last_one_counts() {
    let folder = Folder::with("a", &text(40));
    let units = |args: &str| {
        folder.lockstep(args).arg("a").assert().success();
        let out = folder.lockstep("-l --json a.lks").output().unwrap().stdout;
        let model = &serde_json::from_slice::<Value>(&out).unwrap()[0]["frames"][0]["model"];
        (model["layers"].as_u64().unwrap(), model["units"].as_u64().unwrap())
    };
    // Flags may be repeated; the last one counts.
    folder.lockstep("-c -c -T1 -T2 -d -z -q -q a").assert().success();
    let (one, two, default) = (units("-f3"), units("-f -4"), units("-f"));
    assert!(one < two && two < default);
    assert_eq!(units("-3fv"), one);
    assert_eq!(units("-f --level 4"), two);
    assert_eq!(units("-f -4 -3"), one);
    assert_eq!(units("-f -3 --level 4"), two);
    assert_eq!(units("-f --level 3 -5"), default);
    assert_eq!(units("-f -4 --units 32"), (two.0, 32));
    for wrong in ["-0", "--level 0", "--level x"] {
        folder.lockstep(wrong).arg("a").assert().code(1).stderr(contains("level").or(contains("invalid value")));
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let folder = Folder::new();
    folder.lockstep("--help").assert().success().stdout(contains("--block-size")).stderr(is_empty());
    folder.lockstep("-h").assert().success().stdout(contains("--decompress"));
    let version = format!("lockstep {}\n", env!("CARGO_PKG_VERSION"));
    folder.lockstep("-V").assert().success().stdout(version);
}

#[test]
fn bytes_do_not_depend_on_the_threads() {
    let folder = Folder::with("a", &text(2000));
    let pack = |args: &str| folder.tiny(args).arg("a").assert().success().get_output().stdout.clone();
    let one = pack("-c -T1");
    assert_eq!(one, pack("-c -T2"));
    assert_eq!(one, pack("-c -T 0 --device cpu"));
    folder.lockstep("-d -T3").write_stdin(one).assert().success().stdout(text(2000));
    // With mixing alone, the models run ahead on the second thread, here over several segments.
    folder.write("b", text(9000));
    for kind in ["light", "full", "rich"] {
        let pack = |threads: &str| {
            let args = format!("-c -q --network off --transform none --mixing {kind} --mixing-memory 20 {threads} b");
            folder.lockstep(&args).assert().success().get_output().stdout.clone()
        };
        let one = pack("-T1");
        assert_eq!(one, pack("-T2"), "{kind}");
        folder.lockstep("-d -T2").write_stdin(one).assert().success().stdout(text(9000));
    }
}

#[test]
fn file_names_may_start_with_a_dash_or_equal_a_subcommand() {
    let folder = Folder::with("-9", &text(100));
    folder.write("devices", text(50));
    folder.tiny("-q -- -9 devices").assert().success();
    assert_eq!(folder.names(), ["-9", "-9.lks", "devices", "devices.lks"]);
    folder.tiny("-qf ./devices").assert().success();
}

#[test]
fn empty_files_and_noise_are_restored() {
    let folder = Folder::with("empty", b"");
    folder.write("noise", noise(3000));
    folder.tiny("--rm empty noise").assert().success();
    assert!(folder.read("noise.lks").len() < 3200);
    folder.lockstep("-d empty.lks noise.lks").assert().success();
    assert_eq!((folder.read("empty"), folder.read("noise")), (Vec::new(), noise(3000)));
}

#[test]
fn devices_lists_the_cpu_and_drivers_print_nothing() {
    let folder = Folder::new();
    folder.lockstep("devices").assert().success().stdout(contains("CPU engine")).stderr(is_empty());
    let done = folder.lockstep("devices --json").assert().success().stderr(is_empty());
    let devices: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!((&devices[0]["device"], &devices[0]["self_test"]), (&"cpu".into(), &"passed".into()));
}

#[cfg(unix)]
#[test]
fn permissions_and_modification_time_are_copied_from_the_source() {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    let folder = Folder::with("a", &text(100));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(folder.path("a")).unwrap().set_modified(time).unwrap();
    fs::set_permissions(folder.path("a"), fs::Permissions::from_mode(0o404)).unwrap();
    folder.tiny("--rm a").assert().success();
    folder.lockstep("-d a.lks").assert().success();
    for name in ["a", "a.lks"] {
        let metadata = fs::metadata(folder.path(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o404, "{name}");
        assert_eq!(metadata.modified().unwrap(), time, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn tar_can_use_the_command_as_a_filter() {
    if !process::Command::new("tar").arg("--version").output().is_ok_and(|o| o.stdout.starts_with(b"tar (GNU tar)")) {
        return;
    }
    let folder = Folder::new();
    fs::create_dir(folder.path("dir")).unwrap();
    folder.write("dir/a", text(300));
    let tar = |filter: &str, args: &[&str]| {
        let program = format!("{} {filter}", cargo_bin!("lockstep").display());
        let status =
            process::Command::new("tar").args(["-I", program.trim()]).args(args).current_dir(folder.path("")).status();
        assert!(status.unwrap().success(), "tar {args:?}");
    };
    tar("-1", &["-cf", "x.tar.lks", "dir"]);
    fs::remove_dir_all(folder.path("dir")).unwrap();
    tar("", &["-xf", "x.tar.lks"]);
    assert_eq!(folder.read("dir/a"), text(300));
}
