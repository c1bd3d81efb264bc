//! The command: the only part that prints, or opens files by name.

mod advice;
mod bench;
mod bench_report;
mod checkpoint;
mod compress;
mod decompress;
mod devices;
mod escape;
mod exit;
mod export;
mod input;
mod interrupt;
mod level;
mod list;
mod mending;
mod model;
mod options;
mod output;
mod progress;
mod repair;
mod salvage;
mod sizes;
mod start;
mod train;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use exit::Exit;
use options::{CommandLine, Mode, Word};

/// Runs the command; every failure becomes a sentence and an exit code.
pub fn run() -> ExitCode {
    exit::guard(|| {
        let line = match level::check_digits(std::env::args_os()).and_then(|()| CommandLine::try_parse()) {
            Ok(line) => line,
            Err(error) => {
                let _ = error.print();
                return if error.use_stderr() { Exit::Environment } else { Exit::Done };
            }
        };
        exit::report("", line.quiet, prepare(&line).and_then(|()| dispatch(&line)))
    })
    .into()
}

/// Sets up threads and signals.
fn prepare(line: &CommandLine) -> anyhow::Result<()> {
    interrupt::watch();
    let threads = match &line.word {
        Some(Word::Bench(bench)) => bench.threads,
        Some(Word::Train(train)) => train.threads,
        _ => line.threads,
    };
    // The main thread works too, so a pool of one needs no second thread.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).use_current_thread();
    pool.build_global().context("can't start threads")
}

fn dispatch(line: &CommandLine) -> anyhow::Result<Exit> {
    match (&line.word, line.mode()) {
        (Some(Word::Devices { json }), _) => devices::devices(*json).map(|()| Exit::Done),
        (Some(Word::Bench(bench)), _) => bench::bench(bench).map(|()| Exit::Done),
        (Some(Word::Train(train)), _) => train::train(train).map(|()| Exit::Done),
        (Some(Word::Export(options)), _) => export::export(options).map(|()| Exit::Done),
        (Some(Word::Repair(options)), _) => repair::repair(options).map(|()| Exit::Done),
        (None, Mode::List) => list::list(line),
        (None, mode) => {
            line.check()?;
            let start = line.start.open(line)?;
            Ok(each_file(line, |file| match mode {
                Mode::Compress => compress::compress(line, &start, file),
                _ => decompress::decompress(line, &start, file, mode == Mode::Test),
            }))
        }
    }
}

/// Does the work for every file, even if it fails for others; returns the worst exit.
fn each_file(line: &CommandLine, mut work: impl FnMut(&Path) -> anyhow::Result<()>) -> Exit {
    let files = line.files();
    let exits =
        files.iter().map(|file| exit::report(&input::display_name(file), line.quiet, work(file).map(|()| Exit::Done)));
    exits.max().unwrap_or(Exit::Done)
}
