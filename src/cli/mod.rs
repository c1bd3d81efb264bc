//! The command: the only part that prints, or opens files by name.

mod advice;
mod bench;
mod bench_report;
mod checkpoint;
mod compress;
mod decompress;
mod devices;
mod environment;
mod escape;
mod exit;
mod export;
mod files;
mod folders;
mod habits;
mod level;
mod list;
mod mending;
mod model;
mod noise;
mod options;
mod packed;
mod pass_through;
mod program;
mod progress;
mod repair;
mod result;
mod salvage;
mod signals;
mod sizes;
mod start;
mod threads;
mod train;
mod walk;
mod watch;

use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use exit::Exit;
use options::{CommandLine, Mode, Word};

/// Runs the command; every failure becomes a sentence and an exit code.
pub fn run() -> ExitCode {
    exit::guard(|| {
        let mut line = match parse() {
            Ok(line) => line,
            Err(error) => {
                let _ = error.print();
                return if error.use_stderr() { Exit::Environment } else { Exit::Done };
            }
        };
        let quiet = line.quiet;
        exit::report("", quiet, prepare(&line).and_then(|()| dispatch(&mut line)))
    })
    .into()
}

/// Parses the arguments, and the program's name.
fn parse() -> Result<CommandLine, clap::Error> {
    let args = program::add_flags(std::env::args_os().collect());
    let command = CommandLine::command();
    let with_value = command.get_arguments().filter(|arg| arg.get_action().takes_values());
    let with_value: Vec<char> = with_value.filter_map(clap::Arg::get_short).collect();
    CommandLine::try_parse_from(level::spell_out(args.into_iter(), &with_value)?)
}

/// Sets up threads and signals.
fn prepare(line: &CommandLine) -> anyhow::Result<()> {
    files::remember_umask();
    signals::watch();
    noise::silence_drivers();
    let quiet = line.quiet > 0;
    let threads = match &line.word {
        Some(Word::Bench(bench)) => bench.threads.count(quiet),
        Some(Word::Train(train)) => train.threads.count(train.quiet),
        _ => line.threads.count(quiet),
    };
    // The main thread works too, so a pool of one needs no second thread.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).use_current_thread();
    pool.build_global().context("can't start threads")
}

fn dispatch(line: &mut CommandLine) -> anyhow::Result<Exit> {
    match &line.word {
        Some(Word::Devices { json }) => devices::devices(*json)?,
        Some(Word::Bench(bench)) => bench::bench(bench)?,
        Some(Word::Train(train)) => return train::train(train),
        Some(Word::Export(options)) => export::export(options)?,
        Some(Word::Repair(options)) => repair::repair(options)?,
        None => return work(line),
    }
    Ok(Exit::Done)
}

/// Does what is asked for with every file; returns the worst exit.
fn work(line: &mut CommandLine) -> anyhow::Result<Exit> {
    line.habits.check()?;
    let found = line.find_files()?;
    let line = &*line;
    let mode = line.mode();
    if mode == Mode::List {
        return list::list(line).map(|listed| listed.max(found));
    }
    if line.files().is_empty() {
        return Ok(found);
    }
    line.check()?;
    if mode == Mode::Compress && line.quiet == 0 {
        line.level.say_clamped();
    }
    let start = line.start.open(line)?;
    let exits = line.files().iter().map(|file| {
        let done = match mode {
            Mode::Compress => compress::compress(line, &start, file),
            _ => decompress::decompress(line, &start, file, mode == Mode::Test),
        };
        exit::report(&files::display_name(file), line.quiet, done)
    });
    Ok(exits.max().unwrap_or(Exit::Done).max(found))
}
