//! Habits of people who know zstd, xz or gzip: docs/HABITS.md lists them.

mod common;

use std::fs;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use common::folder::Folder;
use common::text;
use predicates::prelude::*;
use predicates::str::{contains, is_empty, is_match, starts_with};
use serde_json::Value;

const HABITS: &str = include_str!("../docs/HABITS.md");

/// A tiny archive of `a`, made with more flags.
fn archive(folder: &Folder, flags: &str) -> Vec<u8> {
    folder.tiny(flags).args(["-c", "-q", "a"]).assert().success().get_output().stdout.clone()
}

/// A folder `d` with files in it and in its folders.
fn tree() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("d/.e")).unwrap();
    fs::create_dir_all(folder.path("d/z")).unwrap();
    for name in ["d/b", "d/.e/c", "d/z/.hidden"] {
        folder.write(name, text(60));
    }
    folder
}

/// The paths of all files below `root`, sorted.
fn files_below(folder: &Folder, root: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(path) = folders.pop() {
        for entry in fs::read_dir(folder.path(&path)).unwrap() {
            let name = format!("{path}/{}", entry.unwrap().file_name().to_str().unwrap());
            if folder.path(&name).is_dir() { folders.push(name) } else { files.push(name) }
        }
    }
    files.sort();
    files
}

#[test]
fn every_habit_in_the_table_has_its_test() {
    let here = include_str!("habits.rs");
    let others = [
        include_str!("command.rs"),
        include_str!("refusals.rs"),
        include_str!("prior.rs"),
        include_str!("outputs.rs"),
        include_str!("sources.rs"),
    ];
    let rows = HABITS.lines().filter(|line| line.ends_with("` |") && line.starts_with("| "));
    let mut tests = 0;
    for row in rows {
        let name = row.trim_end_matches("` |").rsplit('`').next().unwrap();
        let function = format!("fn {name}(");
        assert!(here.contains(&function) || others.iter().any(|file| file.contains(&function)), "{row}");
        tests += 1;
    }
    assert!(tests > 25, "{tests}");
}

#[test]
fn refused_flags_name_the_way_that_lockstep_has() {
    let folder = Folder::with("a", &text(40));
    let (_, table) = HABITS.split_once("## Refused").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `-"));
    let mut flags = 0;
    for row in rows {
        let (names, way) = row.trim_end_matches(" |").split_once("` | ").unwrap();
        let names: Vec<String> = names.split("`, `-").map(|name| format!("-{name}")).collect();
        for name in &names {
            // Where the flag takes a value, the first name is it.
            let sentence = format!("lockstep: there is no {}: {way}\n", names.join(", "));
            folder.lockstep(name).args(["a", "a"]).assert().code(1).stdout(is_empty()).stderr(sentence);
            flags += 1;
        }
    }
    assert!(flags > 40, "{flags}");
    for (args, flag) in
        [("-9e a", "-e"), ("-b1e5 a", "-b"), ("--long=27 a", "--long"), ("-B4M a", "-B"), ("-fDx a", "-D")]
    {
        folder.lockstep(args).assert().code(1).stderr(starts_with(format!("lockstep: there is no {flag}")));
    }
    folder.lockstep("-qq --rsyncable a").assert().code(1).stderr(is_empty());
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn flags_for_what_lockstep_does_anyway_change_nothing() {
    let folder = Folder::with("a", &text(300));
    let plain = archive(&folder, "");
    for flag in ["-C", "--check", "-n", "--no-name", "--content-size", "--synchronous", "--ultra", "--single-thread"] {
        assert_eq!(archive(&folder, flag), plain, "{flag}");
    }
    assert_eq!(archive(&folder, "--to-stdout -z -k"), plain);
    folder.write("b", plain);
    folder.lockstep("--uncompress --to-stdout b").assert().success().stdout(text(300));
}

#[test]
fn a_level_above_the_highest_is_the_highest() {
    let folder = Folder::with("a", &text(300));
    let highest = archive(&folder, "-9");
    assert_ne!(highest, archive(&folder, "-1"));
    for (flags, level) in [("-10", 10), ("-22 --ultra", 22), ("-f19v", 19), ("--level 19", 19), ("-1 -99", 99)] {
        let sentence = format!("lockstep: there is no level {level}; the highest, 9, is used\n");
        let done = folder.tiny(flags).args(["-c", "a"]).assert().success().stderr(contains(sentence));
        assert_eq!(done.get_output().stdout, highest, "{flags}");
    }
    folder.tiny("-q -19 a").assert().success().stderr(is_empty());
    folder.lockstep("-d -19 -c a.lks").assert().success().stderr(is_empty());
    folder.tiny_train("-19 a -o p").assert().success().stderr(contains("there is no level 19"));
    assert_eq!(archive(&folder, "-19 -1"), archive(&folder, "-1"));
    for wrong in ["-0", "-00", "-f0", "--level 0", "-5000000000"] {
        folder.tiny(wrong).arg("a").assert().code(1).stderr(contains("level"));
    }
}

#[test]
fn fast_and_best_are_the_lowest_and_the_highest_level() {
    let folder = Folder::with("a", &text(300));
    let (first, last) = (archive(&folder, "-1"), archive(&folder, "-9"));
    assert_eq!(archive(&folder, "--fast"), first);
    assert_eq!(archive(&folder, "-9 --fast=3"), first);
    assert_eq!(archive(&folder, "--fast -9"), last);
    assert_eq!(archive(&folder, "--fast --best"), last);
}

#[test]
fn the_environment_chooses_the_level_where_no_flag_does() {
    let folder = Folder::with("a", &text(300));
    let with = |value: &str, flags: &str| {
        let mut command = folder.tiny(flags);
        let done = command.env("LOCKSTEP_LEVEL", value).args(["-c", "a"]).assert().success();
        let output = done.get_output().clone();
        (output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    let [default, first, third, last] = ["", "-1", "-3", "-9"].map(|flags| archive(&folder, flags));
    let silent = String::new();
    assert_eq!(with("1", ""), (first.clone(), silent.clone()));
    assert_eq!(with("+3", ""), (third.clone(), silent.clone()));
    assert_eq!(with("1", "-3"), (third, silent.clone()));
    assert_eq!(with("", ""), (default.clone(), silent.clone()));
    assert_eq!(with("19", ""), (last.clone(), "lockstep: there is no level 19; the highest, 9, is used\n".into()));
    assert_eq!(with("19", "-q"), (last, silent.clone()));
    for wrong in ["0", "-3", "-", "a", "3a7", "5000000000"] {
        let warning = format!("lockstep: LOCKSTEP_LEVEL is ignored, as {wrong} is not a level from 1 to 9\n");
        assert_eq!(with(wrong, ""), (default.clone(), warning));
        assert_eq!(with(wrong, "-q"), (default.clone(), silent.clone()));
        assert_eq!(with(wrong, "-1"), (first.clone(), silent.clone()));
    }
    folder.tiny_train("-q -1 a -o p").assert().success();
    folder.tiny_train("-q a -o q").env("LOCKSTEP_LEVEL", "1").assert().success();
    assert_eq!(folder.read("p"), folder.read("q"));
}

#[test]
fn the_environment_sets_the_threads_where_no_flag_does() {
    let folder = Folder::with("a", &text(60));
    let engine = |value: &str, flags: &str, engine: &str| {
        let mut command = folder.tiny("-cv a");
        let done = command.env("LOCKSTEP_THREADS", value).args(flags.split_whitespace()).assert().success();
        done.stderr(contains(format!("on CPU, {engine}\n")));
    };
    engine("1", "", "1 thread");
    engine("3", "", "3 threads");
    engine("3", "-T1", "1 thread");
    engine("3", "--single-thread", "1 thread");
    engine("3", "--single-thread -T2", "2 threads");
    for wrong in ["x", "-1", "99999999"] {
        let warning = format!("lockstep: LOCKSTEP_THREADS is ignored, as {wrong} is not a number of threads\n");
        folder.tiny("-c a").env("LOCKSTEP_THREADS", wrong).assert().success().stderr(warning);
        folder.tiny("-cq a").env("LOCKSTEP_THREADS", wrong).assert().success().stderr(is_empty());
    }
}

#[test]
fn links_to_the_program_stand_for_flags() {
    let folder = Folder::with("a", &text(300));
    folder.tiny("-q --rm a").assert().success();
    let called = |name: &str, args: &[&str]| {
        let program = folder.path(&format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if !program.exists() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(cargo_bin!("lockstep"), &program).unwrap();
            #[cfg(not(unix))]
            fs::copy(cargo_bin!("lockstep"), &program).unwrap();
        }
        Command::new(program).current_dir(folder.path("")).args(args).assert()
    };
    called("lkscat", &["a.lks", "a.lks"]).success().stdout(text(600)[..300].repeat(2)).stderr(is_empty());
    called("lkscat", &["-q", "--", "a.lks"]).success().stdout(text(300));
    called("lkscat", &["-l", "a.lks"]).success().stdout(contains("300"));
    called("unlks", &["-q", "a.lks"]).success();
    assert_eq!(folder.read("a"), text(300));
    called("unlks", &["-q", "a.lks"]).code(1).stderr(contains("exists already"));
    called("other", &["-dc", "a.lks"]).success().stdout(text(300));
}

#[test]
fn what_is_no_archive_is_copied_where_dcf_asks_for_it() {
    let folder = Folder::with("a", &text(300));
    folder.pack("a");
    let sentence = "lockstep: a: is no archive, and is copied as it is\n";
    folder.lockstep("-dcf a a.lks").assert().success().stdout([text(300), text(300)].concat()).stderr(sentence);
    folder.lockstep("-dcfq a").assert().success().stdout(text(300)).stderr(is_empty());
    folder.write("empty", "");
    folder.lockstep("-dcfq empty").assert().success().stdout(is_empty());
    for refused in ["-dc a", "-df -o b a", "-tcf a", "-dcf --range 0:5 a"] {
        folder.lockstep(refused).assert().code(2).stdout(is_empty()).stderr(contains("not a lockstep archive"));
    }
    // A file that is called an archive is more likely to be damaged.
    folder.write("damaged.lks", text(300));
    folder.lockstep("-dcf damaged.lks").assert().code(2).stdout(is_empty());
}

#[test]
fn folders_are_searched_for_files_where_r_is_given() {
    let folder = tree();
    folder.lockstep("d").assert().code(1).stderr(contains("is a directory (-r compresses the files in it"));
    let summaries = r"^d/\.e/c : .*\nd/b : .*\nd/z/\.hidden : .*\n$";
    folder.tiny("-r d").assert().success().stderr(is_match(summaries).unwrap());
    assert_eq!(files_below(&folder, "d").len(), 6);
    // A second run leaves the archives of the first one out.
    folder.tiny("-r -f d").assert().success().stderr(is_match(summaries).unwrap());
    folder.tiny("-rq d").assert().code(1).stderr(contains("d/b.lks exists already"));
    assert_eq!(files_below(&folder, "d").len(), 6);
    folder.lockstep("--recursive -t d").assert().success().stderr(contains("intact").count(3));
    folder.lockstep("-r -l d").assert().success().stdout(contains("d/z/.hidden.lks"));
    for name in ["d/b", "d/.e/c", "d/z/.hidden"] {
        fs::remove_file(folder.path(name)).unwrap();
    }
    folder.write("d/plain", text(9));
    folder.lockstep("-rd --rm d").assert().success();
    assert_eq!(files_below(&folder, "d"), ["d/.e/c", "d/b", "d/plain", "d/z/.hidden"]);
    // Files that are named are taken as they are, and a missing one does not stop the others.
    folder.tiny("-r missing d/b d/.e").assert().code(1).stderr(contains("lockstep: missing: "));
    assert!(folder.path("d/b.lks").exists() && folder.path("d/.e/c.lks").exists());
}

#[test]
fn a_prior_may_be_trained_on_the_files_in_folders() {
    let folder = tree();
    folder.write("list", "d/b\nd/z/.hidden\n");
    folder.tiny_train("-q -o one d/.e/c d/b d/z/.hidden").assert().success();
    folder.tiny_train("-q -o two -r d").assert().success();
    folder.tiny_train("-q -o three d/.e/c --filelist list").assert().success();
    assert_eq!(folder.read("one"), folder.read("two"));
    assert_eq!(folder.read("one"), folder.read("three"));
    folder.tiny_train("-o four").assert().code(1).stderr(contains("no samples were given"));
}

#[test]
fn a_folder_without_files_is_no_error() {
    let folder = Folder::with("list", b"");
    fs::create_dir(folder.path("empty")).unwrap();
    for args in ["-r empty", "-rd empty", "-rt empty", "-rl empty", "--filelist list"] {
        // Standard input is not taken in their place.
        let done = folder.tiny(args).write_stdin("content").assert().success();
        done.stdout(is_empty()).stderr("there is no file to work on\n");
    }
    folder.tiny("-rq --verify empty").assert().success().stderr(is_empty());
}

#[cfg(unix)]
#[test]
fn folders_are_searched_for_regular_files_and_links_only_with_f() {
    use std::os::unix::fs::symlink;

    let folder = Folder::with("outside", &text(60));
    fs::create_dir_all(folder.path("d/e")).unwrap();
    folder.write("d/e/a", text(60));
    symlink("../outside", folder.path("d/link")).unwrap();
    symlink("e", folder.path("d/folder")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(folder.path("d/fifo")).status();
    folder.tiny("-r d").assert().success().stderr(contains("link").not());
    assert!(!folder.path("d/link.lks").exists());
    let all = folder.tiny("-rvf d").assert().success();
    if fifo.is_ok_and(|made| made.success()) {
        all.stderr(contains("d/fifo : left out, as it is no regular file\n"));
    }
    assert_eq!(folder.read("d/link.lks"), folder.read("d/folder/a.lks"));
    fs::remove_file(folder.path("d/link.lks")).unwrap();
    let sentence = "d/link : left out, as it is a symbolic link (-f takes it)\n";
    folder.tiny("-rv --rm d").assert().code(1).stderr(contains(sentence));
    // A loop of links, and one that leads nowhere, do not stop the others.
    symlink("..", folder.path("d/e/loop")).unwrap();
    symlink("nowhere", folder.path("d/dangling")).unwrap();
    let failed = folder.tiny("-rf d").assert().code(1);
    failed.stderr(contains("d/e/loop: is in a loop").and(contains("lockstep: d/dangling: ")));
    assert!(folder.path("d/link.lks").exists());
    // A link that is named is followed.
    symlink("d", folder.path("named")).unwrap();
    folder.lockstep("-rt named").assert().success().stderr(contains("named/link.lks"));
}

#[test]
fn lists_of_names_add_files() {
    let folder = Folder::new();
    for name in ["a", "b c", "-d", "-"] {
        folder.write(name, text(60));
    }
    folder.write("list", "b c\n\n-d\n-\n");
    folder.write("more", "missing\n./a\n");
    folder.tiny("-f a --filelist list").assert().success();
    assert_eq!(folder.names(), ["-", "-.lks", "-d", "-d.lks", "a", "a.lks", "b c", "b c.lks", "list", "more"]);
    folder.tiny("-f --filelist list --filelist more").assert().code(1).stderr(contains("lockstep: missing: "));
    let out = folder.lockstep("-l --json --filelist -").write_stdin("a.lks\nb c.lks").assert().success();
    let listed: Value = serde_json::from_slice(&out.get_output().stdout).unwrap();
    assert_eq!((&listed[0]["file"], &listed[1]["file"]), (&"a.lks".into(), &"b c.lks".into()));
    folder.tiny("--filelist none").assert().code(1).stderr(contains("can't read the list none"));
    folder.write("bad", "a\0b\n");
    folder.tiny("--filelist bad").assert().code(1).stderr(contains("null character").or(contains("UTF-8")));
}

#[test]
fn results_go_to_one_folder_where_that_is_asked_for() {
    let folder = tree();
    folder.write("a", text(60));
    folder.tiny("-rq d a --output-dir-flat new/out").assert().success();
    assert_eq!(files_below(&folder, "new"), ["new/out/.hidden.lks", "new/out/a.lks", "new/out/b.lks", "new/out/c.lks"]);
    assert_eq!(files_below(&folder, "d").len(), 3);
    folder.lockstep("-rd new --output-dir-flat back").assert().success();
    assert_eq!(files_below(&folder, "back"), ["back/.hidden", "back/a", "back/b", "back/c"]);
    folder.lockstep("-d new/out/b.lks --output-dir-flat back").assert().code(1).stderr(contains("exists already"));
    // Two results of one name are refused before any work, with -f too.
    fs::create_dir(folder.path("x")).unwrap();
    folder.write("x/b", text(9));
    let refused = folder.tiny("-f --rm --output-dir-flat both a d/b x/b").assert().code(1);
    refused.stderr(contains("d/b and x/b would both become").and(contains("--output-dir-mirror")));
    assert!(!folder.path("both").exists() && folder.path("d/b").exists());
    for wrong in ["-c --output-dir-flat o a", "-o b --output-dir-flat o a", "a --output-dir-flat="] {
        folder.tiny(wrong).assert().code(1).stderr(is_empty().not());
    }
    folder.tiny("a --output-dir-flat a").assert().code(1).stderr(contains("lockstep: a: can't make the folder a"));
    // A missing source makes no folder.
    folder.tiny("missing --output-dir-flat none").assert().code(1);
    assert!(!folder.path("none").exists());
}

#[test]
fn folders_are_mirrored_where_that_is_asked_for() {
    let folder = tree();
    folder.tiny("-rq ./d/. --output-dir-mirror out").assert().success();
    assert_eq!(files_below(&folder, "out"), ["out/d/.e/c.lks", "out/d/b.lks", "out/d/z/.hidden.lks"]);
    folder.lockstep("-rdq out/d --output-dir-mirror back").assert().success();
    assert_eq!(files_below(&folder, "back"), ["back/out/d/.e/c", "back/out/d/b", "back/out/d/z/.hidden"]);
    let absolute = fs::canonicalize(folder.path("d")).unwrap();
    folder.tiny("-rq --output-dir-mirror abs").arg(&absolute).assert().success();
    let names: Vec<_> = absolute.components().filter(|c| matches!(c, std::path::Component::Normal(_))).collect();
    assert!(folder.path("abs").join(names.iter().collect::<std::path::PathBuf>()).join("b.lks").exists());
    // Nothing leads out of the folder.
    fs::create_dir(folder.path("in")).unwrap();
    let up = folder.tiny("-f ../d/b ../d/z/.hidden --output-dir-mirror up").current_dir(folder.path("in")).assert();
    up.code(1).stderr(contains("../d/b: has .. in its path, which --output-dir-mirror can't keep"));
    assert!(fs::read_dir(folder.path("in")).unwrap().next().is_none());
    folder.tiny("d/b ./d/b --output-dir-mirror x").assert().code(1).stderr(contains("would both become"));
}

#[cfg(unix)]
#[test]
fn mirrored_folders_are_for_the_people_of_their_sources() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tree();
    fs::set_permissions(folder.path("d"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(folder.path("d/z"), fs::Permissions::from_mode(0o500)).unwrap();
    folder.tiny("-rq d --output-dir-mirror out").assert().success();
    let mode = |name: &str| fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("out/d") & 0o007, mode("out/d/z")), (0, 0o700));
    fs::set_permissions(folder.path("d/z"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn progress_is_printed_in_lines_where_that_is_asked_for() {
    let folder = Folder::with("a", &text(3000));
    let line = is_match(r"(?m)^a : \d+ %  .* left$").unwrap();
    folder.tiny("-f --progress a").assert().success().stderr(line.clone().and(contains("bits/byte")));
    folder.tiny("-fq --progress a").assert().success().stderr(line.and(contains("bits/byte").not()));
    folder.tiny("-fc --progress -").write_stdin(text(3000)).assert().success().stderr(contains("(stdin) : "));
    folder.tiny("-fqq --progress a").assert().success().stderr(is_empty());
    folder.tiny("-fq a").assert().success().stderr(is_empty());
    folder.tiny("-f --no-progress a").assert().success().stderr(is_match(r"^a : .*bits/byte.*\n$").unwrap());
    folder.tiny("-fq --progress --no-progress a").assert().success().stderr(is_empty());
    folder.tiny_train("-q --progress -f a -o p").assert().success().stderr(contains("training : "));
}

#[test]
fn standard_input_may_stand_among_files() {
    let folder = Folder::with("a", &text(60));
    folder.write("b", text(80));
    let done = folder.tiny("-q ./a - ./b").write_stdin(text(100)).assert().success();
    let archive = done.get_output().stdout.clone();
    assert_eq!(folder.names(), ["a", "a.lks", "b", "b.lks"]);
    let done = folder.lockstep("-dc a.lks - b.lks").write_stdin(archive).assert().success();
    done.stdout([text(60), text(100), text(80)].concat());
}

#[test]
fn archives_of_several_files_join_on_standard_output() {
    let folder = Folder::with("a", &text(60));
    folder.write("b", text(80));
    let joined = folder.tiny("-c a b").assert().success().get_output().stdout.clone();
    folder.lockstep("-dc").write_stdin(joined).assert().success().stdout([text(60), text(80)].concat());
}

#[test]
fn sizes_end_in_binary_units_only() {
    let folder = Folder::with("a", &text(60));
    for size in ["1073741824", "1048576K", "1024MiB", "1024Mi", "1GB", "1g"] {
        for flag in ["-M", "--memory=", "--memlimit=", "--memory-limit="] {
            folder.tiny("-fq a").arg(format!("{flag}{size}")).assert().success();
        }
    }
    for wrong in ["32LB", "32LiB", "32A", "32r82347dn83", "32asbdf", "hello", "50%", ""] {
        folder.tiny("-fq a").arg(format!("--memory={wrong}")).assert().code(1).stderr(contains("--memory"));
    }
}

#[test]
fn help_comes_in_two_lengths() {
    let folder = Folder::new();
    let help = |flag: &str| folder.lockstep(flag).assert().success().stderr(is_empty()).get_output().stdout.clone();
    assert_eq!(help("-H"), help("--help"));
    assert!(help("-h").len() < help("-H").len());
    assert_eq!(help("-V"), help("--version"));
}

#[test]
fn a_level_whose_model_a_prior_replaces_is_said_so() {
    let folder = Folder::with("a", &text(300));
    folder.tiny_train("-q -1 a -o p").assert().success();
    let sentence = "a : the prior's model is used, not that of level 7\n";
    for flags in ["-7 --prior p", "-7 --load-model p"] {
        folder.lockstep(flags).args(["-f", "a"]).assert().success().stderr(starts_with(sentence));
        folder.lockstep(flags).args(["-fq", "a"]).assert().success().stderr(is_empty());
    }
    for flags in ["--prior p", "-7"] {
        folder.tiny("").args(["-c", "-v", "a"]).args(flags.split(' ')).assert().stderr(contains("prior's model").not());
    }
    // A level whose model is the prior's own.
    folder.lockstep("train -q -1 a -o one").assert().success();
    folder.lockstep("-1 -f --prior one a").assert().success().stderr(contains("prior's model").not());
    folder.lockstep("-2 -f --prior one a").assert().success().stderr(contains("not that of level 2"));
    // Decoding takes its model from the archive.
    folder.lockstep("-d -7 -c --prior one a.lks").assert().success().stdout(text(300)).stderr(is_empty());
}

#[test]
fn flags_that_a_prior_does_not_fit_are_refused() {
    let folder = Folder::with("a", &text(300));
    folder.tiny_train("-q a -o p").assert().success();
    for flags in ["--units 32", "--layers 2", "--embedding 32", "--network off", "--mixing full", "--mixing off"] {
        let refused = folder.lockstep(flags).args(["--prior", "p", "a"]).assert().code(1);
        refused.stderr(contains("the prior does not fit the model that the options ask for (leave out"));
    }
    assert_eq!(folder.names(), ["a", "p"]);
    folder.lockstep("--units 16 --streams 4 --segment 9 --prior p a").assert().success();
}
