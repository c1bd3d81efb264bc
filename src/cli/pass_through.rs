//! `lockstep -dcf FILE`: what is no archive is copied, so that `lkscat` shows any file.

use std::io::{self, Read, Seek};
use std::path::Path;

use super::exit::complain;
use super::files::{Input, SUFFIX, check_stdout, display_name};
use super::options::{CommandLine, Target};

/// The first bytes of everything that lockstep makes.
const MAGIC: [u8; 3] = *b"\x89LK";

/// Copies a file that is no archive to standard output, where the flags allow that; returns true if
/// it has. A file that is called an archive is never copied: it is more likely to be damaged.
pub fn pass_through(line: &CommandLine, source: &Path, input: &mut Input) -> anyhow::Result<bool> {
    let allowed = line.force && line.long.range.is_none() && matches!(line.target(source), Target::Stdout);
    if !allowed || source.extension().is_some_and(|extension| extension == SUFFIX) {
        return Ok(false);
    }
    let Some(file) = input.file() else { return Ok(false) };
    let mut magic = Vec::new();
    Read::take(&mut *file, MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic == MAGIC {
        return Ok(false);
    }
    check_stdout()?;
    if line.quiet == 0 {
        complain(format_args!("{}: is no archive, and is copied as it is", display_name(source)));
    }
    io::copy(file, &mut io::stdout().lock())?;
    Ok(true)
}
