//! Names and folders on Unix: calls relative to an open folder.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{self, AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// A file, whatever its names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The identity of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(FileId::from_stat(&fs::fstat(file)?))
    }

    // The widths of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    fn from_stat(stat: &fs::Stat) -> Self {
        FileId { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}

/// An open folder.
pub struct Folder(OwnedFd);

/// Read and write, for the owner alone.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

impl Folder {
    pub fn open(path: &Path) -> io::Result<Self> {
        // Files can be created in a folder that may not be read.
        #[cfg(target_os = "linux")]
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        #[cfg(not(target_os = "linux"))]
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Folder(fs::openat(CWD, path, flags, Mode::empty())?))
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Folder)
    }

    pub fn id(&self, name: &OsStr) -> io::Result<FileId> {
        Ok(FileId::from_stat(&fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        self.open_file(name, OFlags::CREATE | OFlags::EXCL)
    }

    pub fn open_or_create(&self, name: &OsStr) -> io::Result<File> {
        self.open_file(name, OFlags::CREATE)
    }

    fn open_file(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(fs::openat(&self.0, name, flags, PRIVATE)?.into())
    }

    #[cfg(target_os = "linux")]
    pub fn create_unnamed(&self) -> io::Result<Option<File>> {
        match fs::openat(&self.0, ".", OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, PRIVATE) {
            // Without /proc it could not be given a name in the end.
            Ok(file) => Ok(Path::new(&in_proc(&file)).exists().then(|| file.into())),
            // Not all file systems have such files.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn create_unnamed(&self) -> io::Result<Option<File>> {
        Ok(None)
    }

    pub fn link(&self, unnamed: &File, name: &OsStr) -> io::Result<()> {
        Ok(fs::linkat(CWD, in_proc(unnamed), &self.0, name, AtFlags::SYMLINK_FOLLOW)?)
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub fn rename(&self, from: &OsStr, to: &OsStr, replace: bool) -> io::Result<()> {
        if replace {
            return Ok(fs::renameat(&self.0, from, &self.0, to)?);
        }
        match fs::renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE) {
            // The file system has no such call: a second name, which must be free, serves as well.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?;
                Ok(fs::unlinkat(&self.0, from, AtFlags::empty())?)
            }
            result => Ok(result?),
        }
    }
}

/// The path under which an open file can be linked.
fn in_proc(file: &impl std::os::fd::AsRawFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Syncs a folder; one that can't be read can't be synced.
pub fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        folder => folder?.sync_all(),
    }
}
