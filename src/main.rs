//! The command `lockstep`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
