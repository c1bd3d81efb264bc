//! What the name of a result stands for, and whether a file can be put there: everything that can be
//! refused is refused before the work.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Entry, FileId, folder};
use crate::cli::escape::shown;

/// The most symbolic links that are followed, as on Linux.
const MOST_LINKS: usize = 40;

/// A place for a result.
pub enum Target {
    /// A regular file, and the one there that it may replace.
    File { entry: Entry, existing: Option<FileId> },
    /// A device, a pipe or an open descriptor: written to, never replaced.
    Through(File),
    /// Standard output, under another name.
    Stdout,
}

/// A file that a result must not replace.
#[derive(Clone, Copy, Debug)]
pub struct Protected {
    /// The file.
    pub id: Option<FileId>,
    /// Its role: "the input".
    pub role: &'static str,
}

impl Target {
    /// Opens the place at `path`. An existing file is replaced only if `overwrite` is set.
    pub fn open(path: &Path, overwrite: bool, protected: &[Protected]) -> anyhow::Result<Self> {
        let name = shown(&path);
        let cannot_create = || format!("can't create {name}");
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            bail!("the output {name} is a directory");
        }
        let (real, is_descriptor) = follow(path).with_context(cannot_create)?;
        if is_descriptor {
            return through_descriptor(path);
        }
        let existing = match fs::symlink_metadata(&real) {
            Ok(existing) => existing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if real != path {
                    bail!("the output {name} is a link to {}, which does not exist", shown(&real));
                }
                let entry = Entry::open(path).with_context(cannot_create)?;
                return Ok(Target::File { entry, existing: None });
            }
            Err(error) => return Err(error).with_context(cannot_create),
        };
        if existing.is_dir() {
            bail!("the output {name} is a directory");
        }
        if !existing.is_file() {
            if is_disk(&existing) && !overwrite {
                bail!("{name} is a disk (-f overwrites it)");
            }
            let file = OpenOptions::new().write(true).open(path);
            return Ok(Target::Through(file.with_context(|| format!("can't open {name}"))?));
        }
        let entry = Entry::open(&real).with_context(cannot_create)?;
        let id = entry.id().with_context(cannot_create)?;
        if let Some(file) = protected.iter().find(|file| file.id.is_some() && file.id == id) {
            bail!("the output {name} is {}", file.role);
        }
        if !overwrite {
            bail!("{name} exists already (-f overwrites it)");
        }
        check_replaceable(&real, &existing)?;
        Ok(Target::File { entry, existing: id })
    }
}

/// Follows symbolic links; returns the last name, and true if it stands for an open descriptor.
fn follow(path: &Path) -> io::Result<(PathBuf, bool)> {
    let mut real = path.to_owned();
    for _ in 0..MOST_LINKS {
        let place = fs::canonicalize(folder(&real))?;
        if place.starts_with("/dev/fd") {
            return Ok((real, true));
        }
        match fs::symlink_metadata(&real) {
            // Links in /proc lead to what is open, not to a name.
            Ok(link) if link.is_symlink() && place.starts_with("/proc") => return Ok((real, true)),
            Ok(link) if link.is_symlink() => real = real.with_file_name(fs::read_link(&real)?),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok((real, false)),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// Opens an open descriptor by its name. A file is continued at its end: others may write to it, too.
fn through_descriptor(path: &Path) -> anyhow::Result<Target> {
    let name = shown(&path);
    let file = OpenOptions::new().append(true).open(path).with_context(|| format!("can't open {name}"))?;
    let is_stdout = stdout_id().is_some_and(|stdout| FileId::of(&file).is_ok_and(|id| id == stdout));
    Ok(if is_stdout { Target::Stdout } else { Target::Through(file) })
}

/// The file behind standard output.
#[cfg(unix)]
fn stdout_id() -> Option<FileId> {
    use std::os::fd::AsFd;
    let stdout = io::stdout().as_fd().try_clone_to_owned().ok()?;
    FileId::of(&stdout.into()).ok()
}

#[cfg(not(unix))]
fn stdout_id() -> Option<FileId> {
    None
}

#[cfg(unix)]
fn is_disk(existing: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&existing.file_type())
}

#[cfg(not(unix))]
fn is_disk(_existing: &Metadata) -> bool {
    false
}

/// Refuses a file that no other can take the place of.
#[cfg(unix)]
fn check_replaceable(path: &Path, existing: &Metadata) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let name = shown(&path);
    let place = fs::metadata(folder(path))?;
    let user = rustix::process::geteuid().as_raw();
    // In a folder like /tmp only the owner may do that.
    if place.mode() & 0o1000 != 0 && ![0, existing.uid(), place.uid()].contains(&user) {
        bail!("can't overwrite {name}: it belongs to another user");
    }
    if is_mount_point(path) {
        bail!("can't overwrite {name}: something is mounted there (-c writes to standard output)");
    }
    // One that can't be changed by anybody can't be replaced either.
    match OpenOptions::new().write(true).open(path).map_err(|error| rustix::io::Errno::from_io_error(&error)) {
        Err(Some(rustix::io::Errno::PERM | rustix::io::Errno::ROFS)) => {
            bail!("can't overwrite {name}: it is immutable, or its file system is read-only")
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn check_replaceable(_path: &Path, _existing: &Metadata) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let stat = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE);
    stat.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn is_mount_point(_path: &Path) -> bool {
    false
}
