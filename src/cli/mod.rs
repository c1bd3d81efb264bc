//! The command: the only part that prints, or touches files by name.

mod bench;
mod bench_report;
mod checkpoint;
mod compress;
mod decompress;
mod devices;
mod exit;
mod frames;
mod input;
mod interrupt;
mod level;
mod list;
mod model;
mod options;
mod output;
mod progress;
mod sizes;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use exit::Exit;
use options::{Mode, Options, Word};

/// Runs the command; every way to fail has become a sentence and an exit code.
pub fn run() -> ExitCode {
    exit::guard(|| {
        let options = match level::check_digits(std::env::args_os()).and_then(|()| Options::try_parse()) {
            Ok(options) => options,
            Err(error) => {
                let _ = error.print();
                return if error.use_stderr() { Exit::Environment } else { Exit::Done };
            }
        };
        exit::report("", options.quiet, prepare(&options).and_then(|()| dispatch(&options)))
    })
    .into()
}

/// Sets up threads and signals.
fn prepare(options: &Options) -> anyhow::Result<()> {
    interrupt::watch();
    let threads = if let Some(Word::Bench(bench)) = &options.word { bench.threads } else { options.threads };
    // The main thread works too: a pool of one needs no second thread.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).use_current_thread();
    pool.build_global().context("can't start threads")
}

fn dispatch(options: &Options) -> anyhow::Result<Exit> {
    match (&options.word, options.mode()) {
        (Some(Word::Devices { json }), _) => devices::devices(*json).map(|()| Exit::Done),
        (Some(Word::Bench(bench)), _) => bench::bench(bench).map(|()| Exit::Done),
        (None, Mode::List) => list::list(options),
        (None, mode) => {
            options.check()?;
            Ok(each_file(options, |file| match mode {
                Mode::Compress => compress::compress(options, file),
                _ => decompress::decompress(options, file, mode == Mode::Test),
            }))
        }
    }
}

/// Does the work for every file, whatever becomes of the others; the worst exit counts.
fn each_file(options: &Options, mut work: impl FnMut(&Path) -> anyhow::Result<()>) -> Exit {
    let files = options.files();
    let exits = files
        .iter()
        .map(|file| exit::report(&input::display_name(file), options.quiet, work(file).map(|()| Exit::Done)));
    exits.max().unwrap_or(Exit::Done)
}
