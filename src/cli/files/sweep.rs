//! Temporary files that a run left which was killed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;

use super::{Entry, FileId, folder};

/// Start and end of a temporary file's name; between them are the process that owns it and a number.
const PREFIX: &str = ".lockstep-";
const SUFFIX: &str = ".tmp";

/// Returns a name for a temporary file of this process.
pub fn temporary_name(number: u64) -> String {
    format!("{PREFIX}{}-{number:016x}{SUFFIX}", std::process::id())
}

/// Removes the temporary files beside `path` whose processes have ended.
pub fn sweep(path: &Path) {
    let Ok(names) = fs::read_dir(folder(path)) else { return };
    for name in names.flatten().map(|file| file.file_name()) {
        if owner(&name).is_some_and(|owner| owner != std::process::id() && !is_alive(owner)) {
            let _ = remove_unlocked(&path.with_file_name(&name));
        }
    }
}

/// Returns the process that made a temporary file of this name.
fn owner(name: &OsStr) -> Option<u32> {
    let (owner, _) = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    owner.parse().ok()
}

/// Removes a temporary file, unless a process still holds its lock: a process of another machine or
/// container has a number that means nothing here.
fn remove_unlocked(path: &Path) -> std::io::Result<()> {
    let entry = Entry::open(path)?;
    let is_file = fs::symlink_metadata(path)?.is_file();
    let file = File::open(path)?;
    if is_file && file.try_lock().is_ok() {
        entry.remove(FileId::of(&file)?)?;
    }
    Ok(())
}

/// True unless it is known that no process has this number.
fn is_alive(process: u32) -> bool {
    #[cfg(unix)]
    {
        let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
        process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
    }
    // Elsewhere the lock decides.
    #[cfg(not(unix))]
    {
        let _ = process;
        false
    }
}
