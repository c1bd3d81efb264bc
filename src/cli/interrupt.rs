//! Ctrl-C and friends leave no temporary file behind.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

use super::exit::Exit;

/// The temporary file there is; whoever creates, renames or removes it holds the lock.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// From now on, a signal to end removes the temporary file first.
pub fn watch() {
    // An error means that a signal is ignored already, as under nohup: that stays so.
    let _ = ctrlc::try_set_handler(|| {
        let temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = temporary.as_ref() {
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(Exit::Environment as i32);
    });
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
