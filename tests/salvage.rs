//! Damaged archives: salvage, recovery data, and lists of what is left.

mod common;
mod damage;

use std::io::Cursor;

use common::folder::Folder;
use common::{noise, text};
use damage::{Counts, bases, damage_one};
use lockstep::{Archive, Error, Options, recovery};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use serde_json::Value;

#[test]
fn all_that_damage_leaves_is_salvaged_and_recovery_data_mends_it() {
    let (bases, mut counts) = (bases(), Counts::default());
    for number in 0..50 {
        damage_one(&bases[number as usize % bases.len()], number, &mut counts);
    }
    assert_eq!((counts.archives, counts.mended), (50, 50));
    assert!(counts.moved < 5 && counts.salvaged > counts.raw / 2, "{counts:?}");
}

#[test]
fn of_an_archive_that_is_cut_short_the_blocks_before_the_cut_are_salvaged() {
    let base = &bases()[0];
    let mut last = 0;
    for len in (0..base.archive.len()).step_by(17) {
        let Ok(mut archive) = Archive::open(Cursor::new(&base.archive[..len])) else {
            assert!(len < 110);
            continue;
        };
        let mut written = Vec::new();
        let salvaged = archive.salvage(&mut written, &Options::new(), &mut ()).unwrap();
        assert!(base.content.starts_with(&written), "{len} bytes");
        assert!(written.len() >= last, "{len} bytes");
        last = written.len();
        assert!(salvaged.missing.iter().all(|missing| missing.range.is_empty()), "{len} bytes");
    }
    assert_eq!(last, base.content.len());
}

#[test]
fn protected_archives_may_be_joined_and_damage_runs_over_many_shards() {
    let one = &bases()[2];
    let mut file = Vec::new();
    for percent in [5, 40, 100] {
        file.extend(&one.archive);
        let mut part = Vec::new();
        assert!(recovery::protect(Cursor::new(&file), &mut part, percent).unwrap() == part.len() as u64);
        file.extend(part);
        assert_eq!(recovery::protect(Cursor::new(&file), Vec::new(), percent).unwrap(), 0);
    }
    let archive = Archive::open(Cursor::new(&file)).unwrap();
    assert!(!archive.is_damaged() && archive.len() == 3 * one.content.len() as u64);
    assert_eq!(archive.recovery().map(|part| part.percent).collect::<Vec<_>>(), [5, 40, 100]);
    // A lost sector in the third archive, a third of it.
    let mut damaged = file.clone();
    let at = archive.frames()[1].compressed_len() as usize / 3;
    let third = file.len() - archive.recovery().last().unwrap().len as usize - one.archive.len();
    damaged[third + at..third + at + 512].fill(0);
    let mending = recovery::mend(&mut Cursor::new(&damaged), 1 << 20).unwrap();
    assert!(mending.lost().is_empty() && !mending.damaged().is_empty(), "{mending:?}");
    let mut repaired = Vec::new();
    mending.write(Cursor::new(&damaged), &mut repaired).unwrap();
    assert!(repaired == file);
    let error = recovery::mend(&mut Cursor::new(&damaged), 10).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { limit: 10, .. }), "{error}");
    // The same in the first archive is more than its 5 % can mend; the others are not touched by it.
    let mut damaged = file.clone();
    damaged[100..1100].fill(0);
    let mending = recovery::mend(&mut Cursor::new(&damaged), 1 << 20).unwrap();
    assert!(!mending.lost().is_empty() && mending.damaged().is_empty());
    assert!(mending.write(Cursor::new(&damaged), Vec::new()).unwrap_err().is_corrupt());
    assert!(matches!(recovery::protect(Cursor::new(&file), Vec::new(), 0), Err(Error::RecoveryPercent(0))));
}

#[test]
fn recovery_data_that_is_damaged_or_cut_short_mends_what_it_can() {
    let base = &bases()[0];
    let mut file = base.archive.clone();
    let mut part = Vec::new();
    recovery::protect(Cursor::new(&file), &mut part, 30).unwrap();
    file.extend(&part);
    let whole = base.archive.len();
    // The first half of the part: its front, a table and some shards.
    let mut damaged = file[..whole + part.len() / 2].to_vec();
    damaged[200] ^= 1;
    let mending = recovery::mend(&mut Cursor::new(&damaged), 1 << 20).unwrap();
    assert_eq!((mending.damaged().first(), mending.lost().len()), (Some(&(200..201)), 0));
    assert!(!mending.recovery_damaged().is_empty());
    let mut repaired = Vec::new();
    mending.write(Cursor::new(&damaged), &mut repaired).unwrap();
    assert!(repaired == file);
    // All copies of the head at one end, and a table.
    for lost in [whole..whole + 160, file.len() - 160..file.len()] {
        let mut damaged = file.clone();
        damaged[lost].fill(0xee);
        damaged[200] ^= 1;
        let mending = recovery::mend(&mut Cursor::new(&damaged), 1 << 20).unwrap();
        assert_eq!((mending.damaged().first(), mending.lost().len()), (Some(&(200..201)), 0));
        let mut content = Vec::new();
        let view = mending.view(Cursor::new(&damaged)).unwrap();
        lockstep::decompress_stream(view, &mut content, &Options::new(), &mut ()).unwrap();
        assert!(content == base.content);
    }
}

/// A folder with an archive of five frames of 1000 bytes.
fn folder(flags: &str) -> Folder {
    let content = [text(1500), noise(1000), text(2500)].concat();
    let folder = Folder::with("a", &content);
    folder.tiny(&format!("-q --frame-size 1000 --block-size 400 {flags} a")).assert().success();
    folder
}

/// Damages a byte of an archive and writes it as another.
fn damage(folder: &Folder, from: &str, to: &str, at: usize) {
    let mut archive = folder.read(from);
    archive[at] ^= 1;
    folder.write(to, archive);
}

#[test]
fn the_command_salvages_and_says_what_is_missing() {
    let folder = folder("");
    let content = folder.read("a");
    // Nothing is missing.
    folder.lockstep("-d --salvage a.lks -o whole").assert().success().stderr(contains("5000 bytes (whole)"));
    assert!(folder.read("whole") == content);
    // The second block of the first frame: the blocks before it and all other frames come back.
    let first = u32::from_le_bytes(folder.read("a.lks")[75..79].try_into().unwrap()) as usize;
    damage(&folder, "a.lks", "b.lks", 70 + 29 + first + 20);
    folder
        .lockstep("-d --salvage b.lks")
        .assert()
        .code(2)
        .stderr(contains("bytes 400..1000 are missing (").and(contains("600 bytes of the content are missing")));
    let mut expected = content.clone();
    expected[400..1000].fill(0);
    assert!(folder.read("b") == expected);
    folder.lockstep("-dc --salvage -qq b.lks").assert().code(2).stdout(expected).stderr(is_empty());
    folder.lockstep("-d b.lks -o c").assert().code(2);
    // Of a cut archive it is not known how much is missing.
    let archive = folder.read("a.lks");
    folder.write("cut.lks", &archive[..archive.len() - 200]);
    folder.lockstep("-dc --salvage cut.lks").assert().code(2).stderr(contains("an unknown number of bytes"));
    for wrong in ["--salvage a", "-t --salvage a.lks", "-d --salvage --range 0:1 a.lks", "-d --recovery 5 a.lks"] {
        folder.lockstep(wrong).assert().code(1);
    }
    folder.lockstep("-d --salvage").write_stdin("x").assert().code(1).stderr(contains("that is a file"));
}

#[test]
fn a_range_needs_only_its_own_frames() {
    let folder = folder("");
    let content = folder.read("a");
    for at in [3, 60, 150] {
        damage(&folder, "a.lks", "b.lks", at);
        let range = content[3990..4030].to_vec();
        folder.lockstep("-dc --range 3990:40 b.lks").assert().success().stdout(range);
        folder.lockstep("-dc --range 990:40 b.lks").assert().code(2);
        folder.lockstep("-dc b.lks").assert().code(2);
    }
}

#[test]
fn the_command_mends_damage_by_recovery_data() {
    let folder = folder("--recovery 5 --verify");
    let (content, archive) = (folder.read("a"), folder.read("a.lks"));
    folder.lockstep("-t a.lks").assert().success();
    folder.lockstep("-d").write_stdin(archive.clone()).assert().success().stdout(content.clone());
    for at in [3, 200, archive.len() - 1] {
        damage(&folder, "a.lks", "b.lks", at);
        folder
            .lockstep("-t b.lks")
            .assert()
            .code(2)
            .stderr(contains(format!("bytes {}", if at < 900 { at } else { at - 47 })));
        folder.lockstep("-df b.lks").assert().success();
        assert!(folder.read("b") == content);
        folder.lockstep("-dc --salvage b.lks").assert().success().stdout(content.clone());
        folder.lockstep("-dc --range 5:10 b.lks").assert().success().stdout(content[5..15].to_vec());
        folder.lockstep("-l b.lks").assert().stdout(contains("5 %"));
        folder.lockstep("-f repair b.lks -o c.lks").assert().code(1);
        folder.lockstep("repair -f b.lks -o c.lks").assert().success();
        assert!(folder.read("c.lks") == archive);
    }
    // More than can be mended.
    let mut lost = archive.clone();
    lost[100..1500].fill(0);
    folder.write("d.lks", &lost);
    folder.lockstep("repair d.lks -o e.lks").assert().code(2).stderr(contains("more than the recovery data can mend"));
    folder.lockstep("-t d.lks").assert().code(2);
    assert!(!folder.path("e.lks").exists());
    folder.tiny("-q a -o plain.lks").assert().success();
    folder.lockstep("repair plain.lks -o e.lks").assert().code(1).stderr(contains("no recovery data"));
    folder.tiny("--recovery 5 -c a").assert().code(1).stderr(contains("--recovery needs an output that is a file"));
    for wrong in ["--recovery 0 a", "--recovery 101 a"] {
        folder.lockstep(wrong).assert().code(1);
    }
    // With checkpoints, and for parts of an archive.
    folder.tiny("-q --checkpoint --recovery 5 a -o f.lks").assert().success();
    folder.lockstep("-t f.lks").assert().success();
    for part in ["1/2", "2/2"] {
        folder.tiny("-q --frame-size 1000 --recovery 5 a --frames").arg(part).assert().success();
    }
    let joined = [folder.read("a.lks.1-of-2"), folder.read("a.lks.2-of-2")].concat();
    folder.write("g.lks", &joined);
    damage(&folder, "g.lks", "h.lks", 300);
    folder.lockstep("-dc h.lks").assert().success().stdout(content).stderr(contains("mends them"));
}

#[test]
fn lists_show_blocks_recovery_data_and_the_time_that_decoding_takes() {
    let folder = folder("--recovery 20");
    let table = folder.lockstep("-lv a.lks").assert().success().stderr(is_empty()).get_output().stdout.clone();
    let table = String::from_utf8(table).unwrap();
    for expected in
        ["    20 %  a.lks", "frame 5: 1000 =>", "block 3: 200 =>", "coded, transform ", "stored", "20 % of", "intact"]
    {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    assert!(table.contains("decoding takes about "), "{table}");
    let json = folder.lockstep("-l --json a.lks").assert().success().get_output().stdout.clone();
    let listed: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&listed[0]["recovery"][0]["percent"], &listed[0]["recovery"][0]["intact"]), (&20.into(), &true.into()));
    assert!(listed[0]["decode_seconds"].as_f64().unwrap() > 0.0);
    let blocks = &listed[0]["frames"][0]["blocks"];
    assert_eq!((&blocks[0]["kind"], blocks[0]["transform"].is_string()), (&"coded".into(), true));
    damage(&folder, "a.lks", "b.lks", 300);
    folder.lockstep("-lv b.lks").assert().code(2).stdout(contains("damaged")).stderr(contains("bytes 300..301"));
}

#[cfg(unix)]
#[test]
fn lists_read_standard_input_and_names_of_all_kinds() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = folder("");
    let mut list = std::process::Command::new(assert_cmd::cargo::cargo_bin!("lockstep"));
    let list = list.arg("-l").stdin(std::fs::File::open(folder.path("a.lks")).unwrap()).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("(stdin)") && list.contains(" 5000 "), "{list}");
    folder.lockstep("-l").write_stdin(folder.read("a.lks")).assert().code(1).stderr(contains("only a file"));
    let name = OsStr::from_bytes(b"a\xff\x1b[2J\n.lks");
    std::fs::copy(folder.path("a.lks"), folder.path("a.lks").with_file_name(name)).unwrap();
    let table = folder.lockstep("-l").arg(name).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(table).unwrap().ends_with("  a\\xff\\u{1b}[2J\\n.lks\n"));
    let json = folder.lockstep("-l --json").arg(name).assert().success().get_output().stdout.clone();
    let listed: Value = serde_json::from_slice(&json).unwrap();
    let bytes: Vec<u8> = serde_json::from_value(listed[0]["file_bytes"].clone()).unwrap();
    assert_eq!(bytes, name.as_bytes());
    // Messages escape names, too.
    let missing = OsStr::from_bytes(b"b\x1b[2J\xfe");
    folder.lockstep("-l").arg(missing).assert().code(1).stderr(contains("lockstep: b\\u{1b}[2J\\xfe: "));
}

#[test]
fn compact_frames_are_listed_with_their_prior() {
    let folder = Folder::with("s", &text(3000));
    folder.tiny_train("s -q -o p.lkp").assert().success();
    folder.write("h", "hello, said the cat\n");
    folder.lockstep("-q --prior p.lkp h").assert().success();
    folder.lockstep("-l h.lks").assert().success().stdout(contains("compact, prior ..."));
    let table = folder.lockstep("-l --prior p.lkp h.lks").assert().success();
    table.stdout(contains("1 x 16 units, 1 stream").and(contains("prior p.lkp")));
    let json = folder.lockstep("-l --json --prior p.lkp h.lks").assert().success().get_output().stdout.clone();
    let frame = &serde_json::from_slice::<Value>(&json).unwrap()[0]["frames"][0];
    assert_eq!((&frame["compact"], &frame["prior_file"]["file"]), (&true.into(), &"p.lkp".into()));
    assert_eq!(frame["model"]["units"], 16);
    // The last frame of several is compact, as with --frame-size.
    folder.write("long", text(1000));
    folder.lockstep("-q --prior p.lkp --seed 9 long").assert().success();
    folder.write("both.lks", [folder.read("long.lks"), folder.read("h.lks")].concat());
    folder.lockstep("-l both.lks").assert().success().stdout(contains(" 1020 "));
    folder.lockstep("-dc --prior p.lkp --range 998:9 both.lks").assert().success().stdout(&b" thello, "[..]);
}
