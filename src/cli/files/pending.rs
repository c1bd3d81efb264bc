//! Temporary files that have a name: a signal that ends the process removes them.

use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Entry, FileId};

/// The named temporary files of this process. Whoever creates, renames or removes one holds the lock.
static PENDING: Mutex<Vec<(Entry, FileId)>> = Mutex::new(Vec::new());

/// The list of temporary files, locked.
pub struct Pending(MutexGuard<'static, Vec<(Entry, FileId)>>);

impl Pending {
    /// Locks the list. A signal is not handled until it is unlocked.
    pub fn lock() -> Self {
        Pending(PENDING.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a file that has just been given a name.
    pub fn add(&mut self, entry: &Entry, file: &File) -> io::Result<()> {
        self.0.push((entry.sibling(entry.name())?, FileId::of(file)?));
        Ok(())
    }

    /// Takes a file from the list: it has its final name, or none any more.
    pub fn forget(&mut self, id: FileId) {
        self.0.retain(|(_, other)| *other != id);
    }
}

/// Removes all temporary files, because the process ends. The list stays locked, so that no thread
/// gives one a name.
pub fn remove_all() {
    let pending = Pending::lock();
    for (entry, id) in pending.0.iter() {
        let _ = entry.remove(*id);
    }
    std::mem::forget(pending);
}
