//! Exit codes, and the sentences that explain them.

use std::fmt::Display;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use lockstep::{Error, PriorError};

use super::advice::advice;
use super::noise::write_stderr;

/// How the command ends, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything is done.
    Done = 0,
    /// A file, a flag or a device stands in the way.
    Environment = 1,
    /// An archive is corrupt or invalid.
    Archive = 2,
    /// A bug in lockstep.
    Internal = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Writes a line to stderr; if that fails there is nobody left to tell.
pub fn say(line: impl Display) {
    let _ = write_stderr(format_args!("{line}\n"));
}

/// Writes a sentence that says what is wrong.
pub fn complain(sentence: impl Display) {
    say(format_args!("lockstep: {sentence}"));
}

/// Turns a result into an exit; reports errors, with advice, unless `quiet` is above 1.
pub fn report(name: &str, quiet: u8, result: anyhow::Result<Exit>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    // A closed pipe means that nobody reads any more; that is no error to report.
    if quiet < 2 && !is_broken_pipe(&error) {
        let colon = if name.is_empty() { "" } else { ": " };
        let advice = library_error(&error).and_then(advice).map_or(String::new(), |advice| format!(" ({advice})"));
        complain(format_args!("{name}{colon}{error:#}{advice}"));
    }
    classify(&error)
}

/// Returns the error of the library that is behind an error.
fn library_error(error: &anyhow::Error) -> Option<&Error> {
    error.downcast_ref()
}

fn classify(error: &anyhow::Error) -> Exit {
    let corrupt = match library_error(error) {
        Some(error) => error.is_corrupt(),
        None => error.downcast_ref().is_some_and(PriorError::is_corrupt),
    };
    if corrupt { Exit::Archive } else { Exit::Environment }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = match library_error(error) {
        Some(Error::Output(io)) => Some(io),
        _ => error.downcast_ref::<io::Error>(),
    };
    io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

/// Runs `work`; a panic becomes a sentence and [`Exit::Internal`].
pub fn guard(work: impl FnOnce() -> Exit) -> Exit {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let what = info.payload_as_str().unwrap_or("unknown");
        complain(format_args!("internal error{place}: {what} (this is a bug; please report it)"));
    }));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Exit::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep::{ArchiveError, EngineInfo, EngineKind};

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(guard(|| panic!("as the test wants it")), Exit::Internal);
        assert_eq!(guard(|| Exit::Archive), Exit::Archive);
    }

    #[test]
    fn errors_fall_into_their_classes() {
        let exit = |error: Error| classify(&error.into());
        let engine = || EngineInfo { kind: EngineKind::Cpu, name: "x".into(), refused: None };
        assert_eq!(exit(ArchiveError::Truncated.into()), Exit::Archive);
        assert_eq!(exit(ArchiveError::NotAnArchive.into()), Exit::Archive);
        assert_eq!(exit(ArchiveError::Io(io::ErrorKind::PermissionDenied.into()).into()), Exit::Environment);
        assert_eq!(exit(Error::MemoryLimit { needed: 2, limit: 1 }), Exit::Environment);
        assert_eq!(exit(Error::Diverged { block: 1, engine: engine() }), Exit::Environment);
        assert_eq!(exit(Error::Unrepeatable { block: 1, engine: engine() }), Exit::Archive);
        assert_eq!(exit(ArchiveError::Trailer.into()), Exit::Archive);
        assert_eq!(classify(&PriorError::NotAPrior.into()), Exit::Archive);
        assert_eq!(classify(&anyhow::anyhow!("no such file")), Exit::Environment);
    }
}
