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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::cli::files::sweep;

    /// The names in a folder.
    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_in_the_end_with_and_without_a_temporary_one() {
        for create in [NewFile::create, NewFile::create_named] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            let open = || Entry::open(&path).unwrap();
            // The name is free.
            let new = create(open()).unwrap();
            new.file().write_all(b"first").unwrap();
            assert!(!path.exists());
            assert_eq!(new.publish(None).unwrap(), Published::AsNamed);
            assert_eq!((names(&folder), fs::read(&path).unwrap()), (vec!["a".into()], b"first".to_vec()));
            // It belongs to a file that is to be replaced.
            let existing = open().id().unwrap();
            let new = create(open()).unwrap();
            new.file().write_all(b"second").unwrap();
            assert_eq!(new.publish(existing).unwrap(), Published::AsNamed);
            assert_eq!((names(&folder), fs::read(&path).unwrap()), (vec!["a".into()], b"second".to_vec()));
            // It belongs to another file.
            for (expected, number) in [(None, 1), (existing, 2)] {
                let beside = folder.path().join(format!("a.{number}"));
                assert_eq!(create(open()).unwrap().publish(expected).unwrap(), Published::Beside(beside));
            }
            assert_eq!((names(&folder).len(), fs::read(&path).unwrap()), (3, b"second".to_vec()));
            // It is given up.
            drop(create(open()).unwrap());
            assert_eq!(names(&folder).len(), 3);
        }
    }

    #[test]
    fn a_temporary_file_that_somebody_replaced_is_neither_named_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let new = NewFile::create_named(Entry::open(&path).unwrap()).unwrap();
        let temporary = folder.path().join(&names(&folder)[0]);
        fs::remove_file(&temporary).unwrap();
        fs::write(&temporary, "of somebody else").unwrap();
        assert!(new.publish(None).is_err());
        assert_eq!((path.exists(), fs::read(&temporary).unwrap()), (false, b"of somebody else".to_vec()));
        // This process is alive, so the file is not taken for one that a killed run left.
        sweep(&path);
        assert!(temporary.exists());
    }
}
