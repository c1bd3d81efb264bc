//! A name in a folder that is held open, and the file that bears it.
//!
//! Names are not files: while a job runs, a log is rotated, a folder is moved, somebody else writes a
//! file of this name. So what is removed or replaced is compared with the file that was opened.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
#[path = "entry_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "entry_windows.rs"]
mod system;

pub use system::FileId;

use super::folder;

/// A name in an open folder.
pub struct Entry {
    folder: system::Folder,
    name: OsString,
    path: PathBuf,
}

impl Entry {
    /// Opens the folder of `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        Ok(Entry { folder: system::Folder::open(folder(path))?, name: name.to_owned(), path: path.to_owned() })
    }

    /// Another name in the same folder.
    pub fn sibling(&self, name: impl Into<OsString>) -> io::Result<Self> {
        let name = name.into();
        let path = self.path.with_file_name(&name);
        Ok(Entry { folder: self.folder.try_clone()?, name, path })
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name within the folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Returns the file of this name, if there is one; a symbolic link is a file by itself.
    pub fn id(&self) -> io::Result<Option<FileId>> {
        match self.folder.id(&self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some),
        }
    }

    /// Creates an empty file that only its owner can read and write. The name must be free.
    pub fn create(&self) -> io::Result<File> {
        self.folder.create(&self.name)
    }

    /// Opens the file of this name for reading and writing, or creates one that only its owner can
    /// read and write. Symbolic links are refused.
    pub fn open_or_create(&self) -> io::Result<File> {
        self.folder.open_or_create(&self.name)
    }

    /// Creates a file without a name, where the system and the file system have such files.
    pub fn create_unnamed(&self) -> io::Result<Option<File>> {
        self.folder.create_unnamed()
    }

    /// Gives this name, which must be free, to a file without one.
    pub fn link(&self, unnamed: &File) -> io::Result<()> {
        self.folder.link(unnamed, &self.name)
    }

    /// Removes the name if it belongs to the file `id`; returns false if it does not.
    pub fn remove(&self, id: FileId) -> io::Result<bool> {
        let is_there = self.id()? == Some(id);
        if is_there {
            self.folder.remove(&self.name)?;
        }
        Ok(is_there)
    }

    /// Gives the file another name in the same folder, which must be free unless it is replaced.
    pub fn rename(&self, to: &Entry, replace: bool) -> io::Result<()> {
        self.folder.rename(&self.name, &to.name, replace)
    }

    /// Makes the names in the folder survive a power cut, where the system has a call for it.
    pub fn sync(&self) -> io::Result<()> {
        system::sync(folder(&self.path))
    }
}
