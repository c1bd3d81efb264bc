//! Recovery data of archives that are read: damage is mended on the way, and reported.

use std::io::Seek;

use lockstep::recovery::{self, Mending};
use lockstep::{ArchiveError, Error};

use super::exit::complain;
use super::files::Input;
use super::options::CommandLine;

/// Checks an archive that is a file by its recovery data, and says what is mended and what is not;
/// with `all`, damage to the recovery data too.
pub fn mend(line: &CommandLine, input: &mut Input, name: &str, all: bool) -> anyhow::Result<Mending> {
    let Some(file) = input.file() else { return Ok(Mending::default()) };
    let mending = recovery::mend(file, line.memory_limit)?;
    file.rewind()?;
    if line.quiet < 2 {
        say_damage(name, &mending, all);
    }
    Ok(mending)
}

/// Says what is damaged.
pub fn say_damage(name: &str, mending: &Mending, all: bool) {
    let recovery = if all { mending.recovery_damaged() } else { &[] };
    let kinds = [
        (mending.damaged(), "are damaged; the recovery data mends them (`lockstep repair` writes a mended archive)"),
        (mending.lost(), "are damaged, more than the recovery data can mend"),
        (recovery, "are damaged: they are recovery data"),
    ];
    for (ranges, what) in kinds {
        for range in ranges {
            complain(format_args!("{name}: bytes {}..{} of the archive {what}", range.start, range.end));
        }
    }
}

/// Returns the error for an archive that is damaged.
pub fn damage_of(mending: &Mending) -> anyhow::Error {
    let what = match (mending.lost().is_empty(), mending.damaged().is_empty()) {
        (false, _) => "it is damaged more than its recovery data can mend",
        (true, false) => "it is damaged; its recovery data mends it",
        (true, true) => "its recovery data is damaged; all else is intact",
    };
    Error::from(ArchiveError::Corrupt { what: what.into() }).into()
}
