//! The command `lockstep`.

mod cli;
#[cfg(unix)]
mod closed;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
