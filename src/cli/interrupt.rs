//! Ctrl-C and friends: no temporary file is left behind, and a run with a checkpoint saves its state.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

use super::exit::{Exit, say};

/// The temporary file there is; whoever creates, renames or removes it holds the lock.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);
/// Whether the run will look whether it is to stop.
static HEEDED: AtomicBool = AtomicBool::new(false);
/// Whether it is to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// From now on, a signal to end is minded.
pub fn watch() {
    // An error means that one of them is ignored already, as under nohup or in a
    // batch job: that stays so, but a request to end is minded all the same.
    if ctrlc::try_set_handler(end).is_err() {
        #[cfg(unix)]
        if let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM]) {
            std::thread::spawn(move || signals.forever().for_each(|_| end()));
        }
    }
}

/// What a signal comes to.
fn end() {
    if HEEDED.load(Ordering::SeqCst) && !STOP.swap(true, Ordering::SeqCst) {
        say("lockstep: saving the state (once more ends without)");
        return;
    }
    let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = temporary.as_ref() {
        let _ = std::fs::remove_file(path);
    }
    std::process::exit(Exit::Environment as i32);
}

/// From now on (or no longer), the first signal is left to [`stopping`].
pub fn heed(heeded: bool) {
    HEEDED.store(heeded, Ordering::SeqCst);
}

/// Whether a signal to end has come.
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

/// Gives a temporary file its real name, which is free or may be taken over.
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
