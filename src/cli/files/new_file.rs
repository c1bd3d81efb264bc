//! A file that gets its name when it is complete.
//!
//! Where the system has files without a name (O_TMPFILE on Linux), nothing is left behind however the
//! process ends. Elsewhere the file has a temporary name with the number of its process.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::PathBuf;

use super::pending::Pending;
use super::sweep::{sweep, temporary_name};
use super::{Entry, FileId};

/// A file that is being written, which only its owner can read.
pub struct NewFile {
    file: File,
    target: Entry,
    /// The name that it has meanwhile, if it has one.
    temporary: Option<Entry>,
}

/// Where a complete file is.
#[derive(Debug, PartialEq, Eq)]
pub enum Published {
    /// Under the name that was asked for.
    AsNamed,
    /// Under another name, because the one that was asked for belongs to a file that appeared meanwhile.
    Beside(PathBuf),
}

impl NewFile {
    /// Creates a file in the folder of `target`.
    pub fn create(target: Entry) -> io::Result<Self> {
        // What is replaced is replaced by a file that already has a name.
        if target.id()?.is_some() {
            sweep(target.path());
        }
        match target.create_unnamed()? {
            Some(file) => Ok(NewFile { file, target, temporary: None }),
            None => Self::create_named(target),
        }
    }

    /// Creates a file that has a temporary name.
    fn create_named(target: Entry) -> io::Result<Self> {
        sweep(target.path());
        let mut pending = Pending::lock();
        // Where names can't be tried out by an unnamed file, the final name shows here that it is possible.
        if target.id()?.is_none() {
            let probe = FileId::of(&target.create()?)?;
            target.remove(probe)?;
        }
        let (temporary, file) = free_name(&target, Entry::create)?;
        // The lock shows other processes that this one is alive. Not all file systems have locks.
        let _ = file.try_lock();
        pending.add(&temporary, &file)?;
        Ok(NewFile { file, target, temporary: Some(temporary) })
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, and syncs the folder. A file of that name is replaced only if it is
    /// `existing`; else the new one gets the first free name with a number behind it.
    pub fn publish(mut self, existing: Option<FileId>) -> io::Result<Published> {
        let id = FileId::of(&self.file)?;
        let mut pending = Pending::lock();
        let there = self.target.id()?;
        let published = if there.is_some() && there == existing {
            if self.temporary.is_none() {
                let (temporary, ()) = free_name(&self.target, |name| name.link(&self.file))?;
                pending.add(&temporary, &self.file)?;
                self.temporary = Some(temporary);
            }
            self.place(&self.target, id, true).map(|()| Published::AsNamed)
        } else {
            self.place_beside(id)
        };
        if published.is_ok() {
            pending.forget(id);
            self.temporary = None;
        }
        drop(pending);
        let published = published?;
        self.target.sync()?;
        Ok(published)
    }

    /// Gives the file its name, or the first free one with a number behind it.
    fn place_beside(&self, id: FileId) -> io::Result<Published> {
        let mut number = 0;
        loop {
            let mut name = self.target.name().to_owned();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            let entry = self.target.sibling(name)?;
            match self.place(&entry, id, false) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
                Ok(()) if number == 0 => return Ok(Published::AsNamed),
                Ok(()) => return Ok(Published::Beside(entry.path().to_owned())),
            }
        }
    }

    fn place(&self, name: &Entry, id: FileId, replace: bool) -> io::Result<()> {
        match &self.temporary {
            None => name.link(&self.file),
            Some(temporary) if temporary.id()? != Some(id) => {
                Err(io::Error::new(io::ErrorKind::NotFound, "the temporary file was removed or replaced"))
            }
            Some(temporary) => temporary.rename(name, replace),
        }
    }
}

impl Drop for NewFile {
    /// Removes a file that was not published.
    fn drop(&mut self) {
        if let (Some(temporary), Ok(id)) = (&self.temporary, FileId::of(&self.file)) {
            let mut pending = Pending::lock();
            let _ = temporary.remove(id);
            pending.forget(id);
        }
    }
}

/// Makes something of a free temporary name beside `target`.
fn free_name<T>(target: &Entry, make: impl Fn(&Entry) -> io::Result<T>) -> io::Result<(Entry, T)> {
    loop {
        let name = target.sibling(temporary_name(RandomState::new().build_hasher().finish()))?;
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|made| (name, made)),
        }
    }
}
