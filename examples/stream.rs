//! Compresses standard input to standard output, and shows progress on standard error.
//!
//!     cargo run --release --example stream -- 3 <FILE >FILE.lks

use std::io::{self, Write};
use std::ops::ControlFlow;

use lockstep::{Level, Options, Progress};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let level: Level = match std::env::args().nth(1) {
        Some(number) => number.parse::<u32>()?.try_into()?,
        None => Level::DEFAULT,
    };
    // Called several times a second; Break would cancel.
    let progress = |Progress { raw, coded }| {
        eprint!("\r{raw} bytes read, {coded} bytes written");
        ControlFlow::Continue(())
    };
    let options = Options::new().level(level);
    let mut encoder = lockstep::write::Encoder::with_monitor(io::stdout(), &options, progress)?;
    io::copy(&mut io::stdin(), &mut encoder)?;
    encoder.finish()?.flush()?;
    eprintln!();
    Ok(())
}
