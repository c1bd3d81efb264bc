//! Exit codes, and the sentences that explain them.

use std::fmt::Display;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use lockstep::internals::archive::ArchiveError;
use lockstep::internals::codec::CodecError;
use lockstep::internals::prior::PriorError;

/// How the command ends, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is done.
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
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a sentence that says what is wrong.
pub fn complain(sentence: impl Display) {
    say(format_args!("lockstep: {sentence}"));
}

/// Turns a result into an exit; tells of errors unless `quiet` is above 1.
pub fn report(name: &str, quiet: u8, result: anyhow::Result<Exit>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    // Whoever closed the pipe has seen enough, of errors too.
    if quiet < 2 && !is_broken_pipe(&error) {
        let colon = if name.is_empty() { "" } else { ": " };
        complain(format_args!("{name}{colon}{error:#}"));
    }
    classify(&error)
}

fn classify(error: &anyhow::Error) -> Exit {
    let prior = match error.downcast_ref() {
        Some(CodecError::Prior(prior)) => Some(prior),
        _ => error.downcast_ref::<PriorError>(),
    };
    if prior.is_some_and(PriorError::is_invalid) || matches!(error.downcast_ref(), Some(CodecError::PriorUnfit)) {
        return Exit::Archive;
    }
    let archive = match error.downcast_ref() {
        Some(CodecError::Archive(archive)) => Some(archive),
        // The CPU is right by definition, so it is the archive that is wrong.
        Some(CodecError::Unrepeatable { .. }) => return Exit::Archive,
        _ => error.downcast_ref(),
    };
    match archive {
        None | Some(ArchiveError::Io(_)) => Exit::Environment,
        Some(_) => Exit::Archive,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = match error.downcast_ref() {
        Some(CodecError::Output(io)) => Some(io),
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

    #[test]
    fn a_panic_is_an_internal_error() {
        assert_eq!(guard(|| panic!("as the test wants it")), Exit::Internal);
        assert_eq!(guard(|| Exit::Archive), Exit::Archive);
    }

    #[test]
    fn errors_fall_into_their_classes() {
        let exit = |error: anyhow::Error| classify(&error);
        assert_eq!(exit(ArchiveError::Truncated.into()), Exit::Archive);
        assert_eq!(exit(CodecError::from(ArchiveError::NotAnArchive).into()), Exit::Archive);
        assert_eq!(exit(ArchiveError::Io(io::ErrorKind::PermissionDenied.into()).into()), Exit::Environment);
        assert_eq!(exit(CodecError::MemoryLimit { needed: 2, limit: 1 }.into()), Exit::Environment);
        assert_eq!(exit(CodecError::Diverged { block: 1, engine: "x".into() }.into()), Exit::Environment);
        assert_eq!(exit(CodecError::Unrepeatable { block: 1, engine: "x".into() }.into()), Exit::Archive);
        assert_eq!(exit(ArchiveError::Trailer.into()), Exit::Archive);
        assert_eq!(exit(anyhow::anyhow!("no such file")), Exit::Environment);
    }
}
