//! Results: who may read them while they are written and afterwards, and what they may replace.

#![cfg(unix)]

mod common;

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use common::folder::{Folder, TINY, stderr};
use common::running::Running;
use common::{noise, text};
use predicates::str::contains;
#[cfg(target_os = "linux")]
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};

fn mode(folder: &Folder, name: &str) -> u32 {
    fs::metadata(folder.path(name)).unwrap().mode() & 0o7777
}

fn set_mode(folder: &Folder, name: &str, mode: u32) {
    fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
}

/// True if this user may become others; says so if not.
fn is_root() -> bool {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !(root && setpriv) {
        eprintln!("SKIPPED: only root can become other users, with setpriv");
    }
    root && setpriv
}

/// Prefix of a command that runs as user 1234 in the given groups, the first of them his own.
fn as_user(groups: &str) -> String {
    let own = groups.split(',').next().unwrap();
    format!("setpriv --reuid 1234 --regid {own} --groups {groups} --inh-caps=-all --bounding-set=-all")
}

/// A folder in which everybody may write, at a place that everybody can reach.
fn open_folder() -> Folder {
    let folder = Folder::new();
    set_mode(&folder, "", 0o777);
    folder
}

#[test]
fn nobody_else_can_read_a_result_while_it_is_written() {
    let folder = Folder::with("a", &text(20_000));
    let mut command = Command::new("sh");
    let args = "-v --device cpu -T1 --block-size 5K --checkpoint --checkpoint-interval 0 a";
    let text = format!("umask 0; exec \"$0\" {} {args}", TINY.join(" "));
    command.args(["-c", &text]).arg(cargo_bin!("lockstep"));
    let run = Running::spawn(&folder, command);
    let mut seen = 0;
    // The run is still writing as long as its partial output has its name.
    while let Ok(part) = fs::metadata(folder.path("a.lks.lockstep-part")) {
        // At the end the partial file gets the mode of its source, just before it gets its name.
        if folder.path("a.lks").exists() || part.mode() & 0o777 == 0o644 {
            break;
        }
        assert_eq!(part.mode() & 0o777, 0o600);
        if let Ok(state) = fs::metadata(folder.path("a.lks.checkpoint")) {
            assert_eq!(state.mode() & 0o777, 0o600);
            seen += 1;
        }
    }
    let (status, said) = run.finish();
    assert!(status.success() && seen > 0, "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_has_no_name_until_it_is_complete() {
    let folder = Folder::with("a", &text(20_000));
    set_mode(&folder, "a", 0o600);
    let run = Running::start(&folder, "a");
    assert_eq!(folder.names(), ["a"]);
    let unnamed = format!("/proc/{}/fd", run.id());
    let files = fs::read_dir(unnamed).unwrap().map(|file| fs::read_link(file.unwrap().path()).unwrap());
    let here = fs::canonicalize(folder.path("")).unwrap();
    let deleted = files.filter(|file| file.starts_with(&here) && file.to_string_lossy().ends_with("(deleted)"));
    assert!(deleted.count() > 0, "the file without a name is open");
    assert!(run.finish().0.success());
    assert_eq!(folder.names(), ["a", "a.lks"]);
}

#[test]
fn a_result_gets_mode_and_times_of_its_source() {
    let folder = Folder::with("a", &text(100));
    for (given, expected) in [(0o640, 0o640), (0o444, 0o444), (0o600, 0o600), (0o4755, 0o755), (0o2775, 0o775)] {
        set_mode(&folder, "a", given);
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(1_234_567_890_123_456_700);
        let times = fs::FileTimes::new().set_modified(time).set_accessed(time);
        File::open(folder.path("a")).unwrap().set_times(times).unwrap();
        folder.tiny("-qf a").assert().success();
        assert_eq!(fs::metadata(folder.path("a.lks")).unwrap().accessed().unwrap(), time);
        folder.lockstep("-qdf a.lks -o b").assert().success();
        for name in ["a.lks", "b"] {
            let metadata = fs::metadata(folder.path(name)).unwrap();
            assert_eq!(metadata.mode() & 0o7777, expected, "{name}");
            assert_eq!(metadata.modified().unwrap(), time, "{name}");
        }
    }
    let umask = folder.shell("umask 027; $lockstep -q $tiny -o c.lks < a; umask 077; $lockstep -q $tiny -o d.lks < a");
    assert!(umask.status.success(), "{}", stderr(&umask));
    assert_eq!((mode(&folder, "c.lks"), mode(&folder, "d.lks")), (0o640, 0o600));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_gets_extended_attributes_and_access_control_lists() {
    let folder = Folder::with("a", &text(100));
    let file = File::open(folder.path("a")).unwrap();
    // Version 2 of the list; tag, rights and user or group of: owner, user 1234, group, mask, others.
    let entries = [(1, 6, u32::MAX), (2, 4, 1234), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)];
    let entry = |&(tag, rights, id): &(u16, u16, u32)| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let list = [2u32.to_le_bytes().to_vec(), entries.iter().flat_map(entry).collect()].concat();
    for (name, value) in [("user.origin", &b"here"[..]), ("system.posix_acl_access", &list)] {
        if fsetxattr(&file, name, value, XattrFlags::empty()).is_err() {
            return eprintln!("SKIPPED: the file system has no {name}");
        }
    }
    folder.tiny("-q a").assert().success();
    folder.lockstep("-qd a.lks -o b").assert().success();
    for result in ["a.lks", "b"] {
        let file = File::open(folder.path(result)).unwrap();
        let value = |name: &str| {
            let mut value = vec![0; 1000];
            let len = fgetxattr(&file, name, &mut value).unwrap();
            value[..len].to_vec()
        };
        assert_eq!((value("user.origin"), value("system.posix_acl_access")), (b"here".to_vec(), list.clone()));
    }
}

#[test]
fn owner_and_group_are_kept_as_far_as_the_user_may() {
    if !is_root() {
        return;
    }
    // (mode, groups of the user, mode and group of the result): the source belongs to user 1234 and group 60.
    for (given, groups, expected, group) in [
        (0o640, None, 0o640, 60),
        (0o640, Some("100,60"), 0o640, 60),
        (0o640, Some("100"), 0o600, 100),
        (0o664, Some("100"), 0o604, 100),
        // What the group may not, the others, among whom its members are now, may not either.
        (0o604, Some("100"), 0o600, 100),
        (0o646, Some("100"), 0o604, 100),
        (0o666, Some("100"), 0o606, 100),
    ] {
        let folder = open_folder();
        folder.write("a", text(100));
        set_mode(&folder, "a", given);
        std::os::unix::fs::chown(folder.path("a"), Some(1234), Some(60)).unwrap();
        set_mode(&folder, "a", given);
        let prefix = groups.map_or(String::new(), as_user);
        for (args, result) in [("$tiny a", "a.lks"), ("-d a.lks -o b", "b")] {
            let output = folder.shell(&format!("{prefix} $lockstep -q --device cpu {args}"));
            assert!(output.status.success(), "{}", stderr(&output));
            let metadata = fs::metadata(folder.path(result)).unwrap();
            let found = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
            // The archive has the group 100 already, so nothing more is lost.
            assert_eq!(found, (expected, 1234, group), "{given:o} {groups:?} {result}");
        }
    }
    // Another user's file: the result is his who made it.
    let folder = open_folder();
    folder.write("a", text(100));
    set_mode(&folder, "a", 0o644);
    let output = folder.shell(&format!("{} $lockstep -q $tiny a", as_user("100")));
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::metadata(folder.path("a.lks")).unwrap().uid(), 1234);
}

#[test]
fn priors_and_models_are_no_more_readable_than_what_they_learned_from() {
    let folder = Folder::with("a", &text(3000));
    folder.write("b", text(3000));
    set_mode(&folder, "a", 0o640);
    set_mode(&folder, "b", 0o604);
    folder.tiny_train("-q --passes 1 a b -o p.lkp").assert().success();
    assert_eq!(mode(&folder, "p.lkp"), 0o600);
    folder.tiny("-q a --save-model m.lkp").assert().success();
    assert_eq!(mode(&folder, "m.lkp"), 0o640);
    folder.lockstep("export m.lkp -o m.safetensors").assert().success();
    assert_eq!(mode(&folder, "m.safetensors"), 0o640);
}

#[test]
fn what_is_no_regular_file_is_written_through() {
    let folder = Folder::with("a", &text(500));
    let archive = folder.tiny("-c a").assert().success().get_output().stdout.clone();
    symlink("/proc/self/fd/1", folder.path("one")).unwrap();
    symlink("one", folder.path("two")).unwrap();
    symlink("/dev/null", folder.path("null")).unwrap();
    if !Path::new("/proc/self/fd").exists() {
        return eprintln!("SKIPPED: there is no /proc");
    }
    for (text, name) in [
        ("$lockstep -q $tiny -f a -o one > out", "out"),
        ("$lockstep -q $tiny a -o two > out", "out"),
        ("$lockstep -q $tiny -f a -o /dev/stdout > out", "out"),
        ("$lockstep -q $tiny a -o /proc/self/fd/1 > out", "out"),
        ("$lockstep -q $tiny a -o /dev/fd/3 3> out", "out"),
        ("$lockstep -q $tiny a -o /dev/stdout | cat > out", "out"),
        ("mkfifo pipe; cat pipe > out & $lockstep -q $tiny a -o pipe; wait; rm pipe", "out"),
        ("$lockstep -q $tiny a -o /dev/stderr 2> out", "out"),
    ] {
        let output = folder.shell(text);
        assert!(output.status.success(), "{text}: {}", stderr(&output));
        assert_eq!(folder.read(name), archive, "{text}");
        assert_eq!(folder.names(), ["a", "null", "one", "out", "two"], "{text}");
        assert!(["one", "two"].iter().all(|link| folder.path(link).is_symlink()));
        fs::remove_file(folder.path("out")).unwrap();
    }
    // What others have written to the same descriptor stays.
    let output = folder.shell("{ printf head; $lockstep -q $tiny a -o /dev/stdout; printf tail; } > out");
    assert!(output.status.success());
    assert_eq!(folder.read("out"), [b"head", &archive[..], b"tail"].concat());
    let output = folder.shell("printf head >&3; $lockstep -q $tiny a -o /dev/fd/3 3> out");
    assert!(output.status.success());
    for null in ["/dev/null", "null", "null -f"] {
        folder.tiny(&format!("-q a -o {null}")).assert().success();
    }
    assert!(folder.path("null").is_symlink() && !fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn closed_descriptors_are_no_success() {
    let folder = Folder::with("a", &text(500));
    folder.tiny("-q a -o a.lks").assert().success();
    for (text, said) in [
        ("$lockstep $tiny -c a >&-", "standard output is closed"),
        ("$lockstep -dc a.lks >&-", "standard output is closed"),
        ("$lockstep $tiny -o b.lks <&-", "standard input is closed"),
        ("$lockstep -l a.lks >&-", "standard output is closed"),
        ("$lockstep devices >&-", "standard output is closed"),
        ("$lockstep $tiny a -o /dev/fd/97", "can't create /dev/fd/97"),
    ] {
        let output = folder.shell(text);
        assert_eq!(output.status.code(), Some(1), "{text}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{text}: {}", stderr(&output));
        assert_eq!(folder.names(), ["a", "a.lks"]);
    }
    let output = folder.shell("$lockstep -q $tiny -c a > b 2>&-; $lockstep -dc b | cmp - a");
    assert!(output.status.success(), "{}", stderr(&output));
    let output = folder.shell("$lockstep $tiny -f a -o c.lks 2>&- >&- <&-");
    assert!(output.status.success());
}

#[test]
fn links_to_files_stay_and_what_they_lead_to_is_replaced() {
    let folder = Folder::with("a", &text(500));
    fs::create_dir(folder.path("store")).unwrap();
    folder.write("store/old", "old");
    symlink("store/old", folder.path("a.lks")).unwrap();
    folder.tiny("a").assert().code(1).stderr(contains("a.lks exists already"));
    folder.tiny("-f a").assert().success();
    assert!(folder.path("a.lks").is_symlink());
    folder.lockstep("-dc store/old").assert().success().stdout(text(500));
    folder.tiny("-f --checkpoint a").assert().code(1).stderr(contains("is a link to one"));
}

#[test]
fn what_cannot_be_written_is_refused_before_the_work() {
    let folder = Folder::with("a", &text(500));
    let long = "m".repeat(252);
    folder.write(&long, text(500));
    symlink("nowhere", folder.path("dangling")).unwrap();
    symlink("loop", folder.path("loop")).unwrap();
    fs::create_dir(folder.path("folder")).unwrap();
    folder.tiny_train("-q --passes 1 a -o p.lkp").assert().success();
    let before = folder.names();
    // The input does not end, so the work would not either.
    for (args, said) in [
        ("/dev/zero -o NAME.lks", "File name too long"),
        ("/dev/zero -o dangling", "is a link to nowhere, which does not exist"),
        ("/dev/zero -o loop", "too many levels of symbolic links"),
        ("/dev/zero -o folder", "is a directory"),
        ("/dev/zero -f -o folder", "is a directory"),
        ("/dev/zero -o missing/b", "No such file or directory"),
        ("/dev/zero -o a/b", "can't create a/b"),
        ("/dev/zero -o a", "a exists already"),
        ("/dev/zero --checkpoint -o NAME", "File name too long"),
        ("/dev/zero --checkpoint=missing/c -o b", "can't create the checkpoint missing/c"),
        ("/dev/zero --save-model missing/m -o b", "can't create missing/m"),
        ("/dev/zero --save-model a -o b", "a exists already"),
        ("/dev/zero --prior p.lkp -f -o p.lkp", "is the prior"),
        ("/dev/zero --load-model p.lkp --save-model p.lkp -f -o b", "is the prior"),
        ("-f a -o a", "the output a is the input"),
        ("/dev/zero -o new/", "the output new/ is a directory"),
        ("/dev/zero --save-model b -o b", "name the same file"),
        ("/dev/zero --checkpoint=b -o b", "name the same file"),
        ("--rm --frame-size 100 --frames 1/2 a", "the other parts need the source"),
    ] {
        let args = args.replace("NAME", &long);
        folder.tiny(&args).timeout(std::time::Duration::from_secs(60)).assert().code(1).stderr(contains(said));
        assert_eq!(folder.names(), before, "{args}");
    }
    folder.tiny("").arg(&long).assert().code(1).stderr(contains("File name too long"));
    folder.tiny_train("-f a -o a").assert().code(1).stderr(contains("is one of the samples"));
}

#[test]
fn folders_and_files_that_this_user_cannot_change_are_refused_before_the_work() {
    if !is_root() {
        return;
    }
    let folder = open_folder();
    folder.write("a", text(500));
    set_mode(&folder, "a", 0o644);
    fs::create_dir(folder.path("closed")).unwrap();
    fs::create_dir(folder.path("shared")).unwrap();
    set_mode(&folder, "shared", 0o1777);
    folder.write("shared/other", "of root");
    set_mode(&folder, "shared/other", 0o666);
    for (args, said) in [
        ("/dev/zero -o closed/b", "Permission denied"),
        ("/dev/zero -f -o shared/other", "belongs to another user"),
        ("/dev/zero --checkpoint=closed/c -o b", "can't create the checkpoint"),
        ("/dev/zero --save-model closed/m -o b", "Permission denied"),
    ] {
        let output = folder.shell(&format!("timeout 60 {} $lockstep $tiny {args}", as_user("100")));
        assert_eq!(output.status.code(), Some(1), "{args}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{args}: {}", stderr(&output));
        assert_eq!(folder.names(), ["a", "closed", "shared"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_mount_point_and_a_full_file_system_are_refused_before_the_work() {
    let folder = Folder::with("a", &noise(100_000));
    folder.tiny("-q --network off a").assert().success();
    fs::create_dir(folder.path("disk")).unwrap();
    folder.write("mounted", "x");
    let run = |text: &str| {
        let mounts = "mount -t tmpfs -o size=60k tmpfs disk 2>/dev/null && mount --bind a mounted || exit 99; ";
        folder.shell(&format!("exec unshare -rm sh -c '{mounts} {text}' 2>&1"))
    };
    let output = run("$lockstep -d a.lks -o disk/b; echo $?; ls -A disk");
    if output.status.code() == Some(99) || !output.status.success() {
        return eprintln!("SKIPPED: this system does not let the test mount a file system");
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("disk/b will have 100000 bytes, but 6") && text.ends_with("\n1\n"), "{text}");
    let output = run("timeout 60 $lockstep $tiny -f /dev/zero -o mounted; echo $?");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("something is mounted there") && text.ends_with("\n1\n"), "{text}");
}

#[test]
fn a_file_that_appears_meanwhile_is_kept_and_so_is_the_result() {
    let content = text(20_000);
    for (flags, there) in [("", false), ("-f", false), ("-f", true)] {
        let folder = Folder::with("a", &content);
        if there {
            folder.write("a.lks", "old");
        }
        let run = Running::start(&folder, &format!("{flags} --rm a"));
        // Replaces what is there by another file.
        folder.write("new", "new");
        fs::rename(folder.path("new"), folder.path("a.lks")).unwrap();
        let (status, said) = run.finish();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("appeared meanwhile; the result is in a.lks.1"), "{said}");
        assert_eq!(folder.names(), ["a", "a.lks", "a.lks.1"]);
        assert_eq!(folder.read("a.lks"), b"new");
        folder.lockstep("-dc a.lks.1").assert().success().stdout(content.clone());
    }
    // The file that is to be replaced may vanish.
    let folder = Folder::with("a", &content);
    folder.write("a.lks", "old");
    let run = Running::start(&folder, "-f a");
    fs::remove_file(folder.path("a.lks")).unwrap();
    assert!(run.finish().0.success());
    assert_eq!(folder.names(), ["a", "a.lks"]);
}

#[test]
fn a_partial_output_that_is_not_ours_is_not_touched() {
    let folder = Folder::with("a", &text(500));
    folder.write("precious", "precious");
    symlink("precious", folder.path("a.lks.lockstep-part")).unwrap();
    folder.tiny("--checkpoint a").assert().code(1).stderr(contains("can't create a.lks.lockstep-part"));
    fs::remove_file(folder.path("a.lks.lockstep-part")).unwrap();
    fs::hard_link(folder.path("precious"), folder.path("a.lks.lockstep-part")).unwrap();
    folder.tiny("--checkpoint a").assert().code(1).stderr(contains("not a file that lockstep made"));
    assert_eq!(folder.read("precious"), b"precious");
}

#[test]
fn temporary_files_of_processes_that_ended_are_removed_by_the_next_run() {
    let folder = Folder::with("a", &text(500));
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let left = format!(".lockstep-{}-0123456789abcdef.tmp", ended.id());
    let alive = format!(".lockstep-{}-0123456789abcdef.tmp", std::process::id());
    let locked = format!(".lockstep-{}-locked.tmp", ended.id());
    for name in [&left, &alive, &locked, ".lockstep-notes.tmp"] {
        folder.write(name, "x");
    }
    let lock = File::open(folder.path(&locked)).unwrap();
    lock.lock().unwrap();
    folder.write("a.lks", "old");
    folder.tiny("-qf a").assert().success();
    let mut names = [alive, locked, ".lockstep-notes.tmp".into(), "a".into(), "a.lks".into()];
    names.sort();
    assert_eq!(folder.names(), names);
}

#[test]
fn runs_of_zeros_come_back_as_holes() {
    let folder = Folder::new();
    let file = File::create(folder.path("a")).unwrap();
    file.set_len(400_000).unwrap();
    file.write_all_at(&text(5000), 200_000).unwrap();
    if file.metadata().unwrap().blocks() > 200 {
        return eprintln!("SKIPPED: the file system has no holes");
    }
    let mut content = Vec::new();
    File::open(folder.path("a")).unwrap().read_to_end(&mut content).unwrap();
    folder.tiny("-q --network off a").assert().success();
    let size = |name: &str| fs::metadata(folder.path(name)).unwrap().blocks() * 512;
    for (flags, sparse) in [("", true), ("--checkpoint --checkpoint-interval 0", true), ("--no-sparse", false)] {
        folder.lockstep(&format!("-qdf {flags} a.lks -o b")).assert().success();
        assert!(folder.read("b") == content, "{flags}");
        assert_eq!(size("b") < 100_000, sparse, "{flags}: {} bytes", size("b"));
        fs::remove_file(folder.path("b")).unwrap();
    }
}
