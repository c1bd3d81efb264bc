//! The partial result of a job with a checkpoint: it outlives the run, for a later one to continue.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};

use super::{Entry, FileId};
use crate::cli::escape::shown;

/// A partial result.
pub struct Part {
    file: File,
    entry: Entry,
}

impl Part {
    /// Opens the partial result at `path`, or creates one that only its owner can read.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = shown(&path);
        let opened = Entry::open(path).and_then(|entry| Ok((entry.open_or_create()?, entry)));
        let (file, entry) = opened.with_context(|| format!("can't create {name}"))?;
        if !is_ours(&file)? {
            bail!("{name} is not a file that lockstep made (remove it, or give another -o)");
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another run of lockstep is working on {name}"),
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("can't lock {name}")),
        }
        Ok(Part { file, entry })
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The path.
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Cuts the file behind the bytes that a checkpoint belongs to, and goes to its end.
    pub fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::End(0)).map(|_| ())
    }

    /// Removes the file.
    pub fn remove(&self) -> io::Result<()> {
        self.entry.remove(FileId::of(&self.file)?).map(|_| ())
    }

    /// Gives the file its final name. A file of that name is replaced only if it is `existing`.
    pub fn publish(&self, target: &Entry, existing: Option<FileId>) -> io::Result<()> {
        if self.entry.id()? != Some(FileId::of(&self.file)?) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the partial output was removed or replaced"));
        }
        let there = target.id()?;
        self.entry.rename(target, there.is_some() && there == existing)
    }
}

/// True for a regular file of this user that has no other name.
#[cfg(unix)]
fn is_ours(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    let user = rustix::process::geteuid().as_raw();
    Ok(metadata.is_file() && metadata.nlink() == 1 && metadata.uid() == user)
}

#[cfg(not(unix))]
fn is_ours(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.is_file())
}
