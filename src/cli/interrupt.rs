//! Signals to end: no temporary file is left behind, and a job with a checkpoint saves its state.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

use super::exit::{Exit, say};

/// The present temporary file; whoever creates, renames or removes it holds the lock.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);
/// True if the job itself checks for a signal and ends.
static DEFERRED: AtomicBool = AtomicBool::new(false);
/// True once a signal has asked the job to end.
static STOP: AtomicBool = AtomicBool::new(false);

/// Installs the handler of signals to end.
pub fn watch() {
    // An error means that one of them is ignored already, as under nohup or in a batch job: that
    // stays so, but SIGTERM is handled all the same.
    if ctrlc::try_set_handler(end).is_err() {
        #[cfg(unix)]
        if let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM]) {
            std::thread::spawn(move || signals.forever().for_each(|_| end()));
        }
    }
}

/// Handles a signal.
fn end() {
    if DEFERRED.load(Ordering::SeqCst) && !STOP.swap(true, Ordering::SeqCst) {
        say("lockstep: saving the state (a second signal ends without)");
        return;
    }
    let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = temporary.as_ref() {
        let _ = std::fs::remove_file(path);
    }
    std::process::exit(Exit::Environment as i32);
}

/// Leaves the first signal to the job, which asks [`stopping`]; or no longer.
pub fn defer(deferred: bool) {
    DEFERRED.store(deferred, Ordering::SeqCst);
}

/// True if a signal to end has come.
pub fn stopping() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// Creates a temporary file in `folder`.
pub fn create(builder: &Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    let mut temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    let file = builder.tempfile_in(folder)?;
    *temporary = Some(file.path().to_owned());
    Ok(file)
}

/// Gives a temporary file its real name, which must be free unless it may be overwritten.
pub fn persist(file: NamedTempFile, path: &Path, overwrite: bool) -> io::Result<()> {
    let mut temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    if overwrite {
        file.persist(path)?
    } else {
        file.persist_noclobber(path)?
    };
    *temporary = None;
    Ok(())
}
