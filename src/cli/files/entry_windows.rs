//! Names and folders on Windows: paths, and files that are compared by their handles.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file, whatever its names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    volume: u64,
    index: u64,
}

impl FileId {
    /// The identity of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        let information = winapi_util::file::information(file)?;
        Ok(FileId { volume: information.volume_serial_number(), index: information.file_index() })
    }
}

/// A folder.
pub struct Folder(PathBuf);

/// Opens folders and links themselves: FILE_FLAG_BACKUP_SEMANTICS and FILE_FLAG_OPEN_REPARSE_POINT.
const ANY_FILE: u32 = 0x0220_0000;

impl Folder {
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Folder(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Folder(self.0.clone()))
    }

    pub fn id(&self, name: &OsStr) -> io::Result<FileId> {
        FileId::of(&OpenOptions::new().access_mode(0).custom_flags(ANY_FILE).open(self.0.join(name))?)
    }

    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    pub fn open_or_create(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.0.join(name))
    }

    pub fn create_unnamed(&self) -> io::Result<Option<File>> {
        Ok(None)
    }

    pub fn link(&self, _unnamed: &File, _name: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    pub fn rename(&self, from: &OsStr, to: &OsStr, replace: bool) -> io::Result<()> {
        let (from, to) = (self.0.join(from), self.0.join(to));
        if replace {
            return fs::rename(from, to);
        }
        // A second name must be free; not all file systems have it.
        match fs::hard_link(&from, &to) {
            Ok(()) => fs::remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if to.exists() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        }
    }
}

/// Windows has no call to sync a folder.
pub fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}
