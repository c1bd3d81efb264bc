//! Sources are the files that were opened, whatever happens to their names meanwhile.

#![cfg(unix)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::time::{Duration, SystemTime};

use common::folder::Folder;
use common::running::Running;
use common::text;
use predicates::str::contains;

/// A folder with file `a`, which takes a moment to code, and its archive in `archive`.
fn folder() -> (Folder, Vec<u8>) {
    let folder = Folder::with("a", &text(20_000));
    let archive = folder.tiny("-c a").assert().success().get_output().stdout.clone();
    (folder, archive)
}

#[test]
fn a_source_that_another_file_replaced_is_not_removed() {
    for decode in [false, true] {
        let (folder, archive) = folder();
        let (args, source, result) = if decode { ("-d --rm a.lks", "a.lks", "a") } else { ("--rm a", "a", "a.lks") };
        if decode {
            folder.write("a.lks", &archive);
            fs::remove_file(folder.path("a")).unwrap();
        }
        let run = Running::start(&folder, args);
        fs::rename(folder.path(source), folder.path("old")).unwrap();
        folder.write(source, "new");
        let (status, said) = run.finish();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("is not removed: its name belongs to another file now"), "{said}");
        assert_eq!(folder.read(source), b"new");
        assert_eq!(folder.names(), {
            let mut names = [source, "old", result];
            names.sort();
            names
        });
    }
}

#[test]
fn a_source_whose_folder_was_replaced_is_removed_from_its_own_folder() {
    let (folder, _) = folder();
    fs::create_dir(folder.path("in")).unwrap();
    fs::rename(folder.path("a"), folder.path("in/a")).unwrap();
    let run = Running::start(&folder, "--rm in/a -o a.lks");
    fs::rename(folder.path("in"), folder.path("moved")).unwrap();
    fs::create_dir(folder.path("in")).unwrap();
    folder.write("in/a", "new");
    let (status, said) = run.finish();
    assert!(status.success(), "{said}");
    assert_eq!(folder.read("in/a"), b"new");
    assert!(!folder.path("moved/a").exists());
}

#[test]
fn a_source_that_is_gone_already_is_said() {
    let (folder, _) = folder();
    let run = Running::start(&folder, "--rm a");
    fs::remove_file(folder.path("a")).unwrap();
    let (status, said) = run.finish();
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(folder.names(), ["a.lks"]);
}

#[test]
fn links_are_refused_before_the_work_where_they_would_be_removed() {
    let folder = Folder::with("a", b"content");
    symlink("a", folder.path("link")).unwrap();
    folder.tiny("--rm link").assert().code(1).stderr(contains("is a link to a file"));
    assert_eq!(folder.names(), ["a", "link"]);
    folder.tiny("link").assert().success();
    fs::hard_link(folder.path("a"), folder.path("b")).unwrap();
    folder.tiny("--rm b").assert().success();
    assert_eq!(folder.names(), ["a", "b.lks", "link", "link.lks"]);
}

#[test]
fn a_source_that_was_touched_or_has_grown_makes_an_archive_of_what_was_read() {
    for change in ["touched", "longer", "changed"] {
        for frames in ["", "--frame-size 7K"] {
            let (folder, _) = folder();
            let run = Running::start(&folder, &format!("{frames} --block-size 5K --rm a"));
            let mut file = File::options().append(true).open(folder.path("a")).unwrap();
            match change {
                "touched" => file.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap(),
                "longer" => file.write_all(b"more").unwrap(),
                _ => {
                    let file = File::options().write(true).open(folder.path("a")).unwrap();
                    file.write_all_at(b"it", 0).unwrap();
                    file.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
                }
            }
            let (status, said) = run.finish();
            assert_eq!(status.code(), Some(1), "{said}");
            assert!(said.contains("a: was written to while it was read"), "{said}");
            assert_eq!(folder.names(), ["a", "a.lks"]);
            let content = folder.lockstep("-dc a.lks").assert().success().get_output().stdout.clone();
            let original = text(20_000);
            let start = if change == "changed" { 2 } else { 0 };
            assert!(content[start..].starts_with(&original[start..]) && content.len() <= 20_004, "{change}");
        }
    }
}

#[test]
fn a_source_that_became_shorter_makes_no_archive() {
    let (folder, _) = folder();
    let run = Running::start(&folder, "--block-size 5K --rm a");
    File::options().write(true).open(folder.path("a")).unwrap().set_len(19_000).unwrap();
    let (status, said) = run.finish();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("a: became shorter while it was read"), "{said}");
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn devices_and_pipes_are_read_only_where_the_result_has_a_name_of_its_own() {
    let folder = Folder::new();
    for device in ["/dev/zero", "/dev/null", "pipe"] {
        if device == "pipe" {
            std::process::Command::new("mkfifo").arg(folder.path(device)).status().unwrap();
        }
        let refused = folder.tiny(device).assert().code(1);
        refused.stderr(contains("not a regular file (-c, -o or -f reads it all the same)"));
        folder.tiny("-d").arg(device).assert().code(1);
    }
    folder.tiny("/dev/null -o n.lks").assert().success();
    folder.lockstep("-dc n.lks").assert().success().stdout("");
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "echo content > pipe & exec \"$0\" -q -1 -c pipe"])
        .arg(assert_cmd::cargo::cargo_bin!("lockstep"));
    let archive = command.current_dir(folder.path("")).output().unwrap();
    folder.lockstep("-dc").write_stdin(archive.stdout).assert().success().stdout("content\n");
    assert_eq!(folder.names(), ["n.lks", "pipe"]);
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_hide_their_length_are_read_to_their_end() {
    let folder = Folder::new();
    let limits = fs::read("/proc/self/limits").unwrap();
    for flags in ["", "--frame-size 500", "--checkpoint", "-T3 --frame-size 500", "--verify"] {
        folder.tiny(flags).args(["/proc/self/limits", "-o", "limits.lks"]).assert().success();
        let read = folder.lockstep("-dc limits.lks").assert().success().get_output().stdout.clone();
        assert_eq!(read.len(), limits.len(), "{flags}");
        fs::remove_file(folder.path("limits.lks")).unwrap();
    }
    let parts = folder.tiny("--frame-size 1K --frames 1/2 /proc/self/limits -o a.lks").assert().code(1);
    parts.stderr(contains("needs a file"));
    folder.tiny_train("/proc/self/limits -q -o p.lkp").assert().success();
    folder.tiny("--rm -c /proc/self/limits").assert().success();
}

#[test]
fn holes_are_read_as_zeros() {
    let folder = Folder::new();
    let mut file = File::create(folder.path("a")).unwrap();
    file.set_len(100_000).unwrap();
    file.write_all(b"start").unwrap();
    file.write_all_at(b"middle", 50_000).unwrap();
    let content = folder.read("a");
    folder.tiny("a --rm").assert().success();
    folder.lockstep("-dc a.lks").assert().success().stdout(content);
}
