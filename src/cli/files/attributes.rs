//! Mode, owner, group, times and extended attributes: a result gets those of its source.
//!
//! While it is written a result is readable by its owner alone. At the end nobody may read it who could
//! not read the source: a group that can't be kept loses its rights.

use std::fs::{File, FileTimes, Metadata};
use std::io;

#[cfg(unix)]
use rustix::{
    fs::{self as unix, Gid, Mode, Uid},
    process::umask,
};

/// The attributes that a result is to have.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// Permission bits, without set-user-id and the like; `None` for those of any new file.
    mode: Option<u32>,
    /// User and group.
    owner: Option<(u32, u32)>,
    times: Option<FileTimes>,
    extended: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The permission bits that users keep from new files.
#[cfg(unix)]
static UMASK: std::sync::OnceLock<Mode> = std::sync::OnceLock::new();

/// Stores the umask, which can only be read by changing it: to be called while there is one thread.
pub fn remember_umask() {
    #[cfg(unix)]
    UMASK.get_or_init(|| {
        let mask = umask(Mode::all());
        umask(mask);
        mask
    });
}

impl Attributes {
    /// All attributes of a regular file; those of any new file for other sources.
    pub fn of(file: &File, metadata: &Metadata) -> Self {
        if !metadata.is_file() {
            return Attributes::default();
        }
        let mut times = FileTimes::new();
        if let Ok(modified) = metadata.modified() {
            times = times.set_modified(modified);
        }
        if let Ok(accessed) = metadata.accessed() {
            times = times.set_accessed(accessed);
        }
        let owner = owner(metadata);
        Attributes { times: Some(times), owner, extended: extended(file), ..Attributes::mode_of(metadata) }
    }

    /// The mode of a regular file, but nothing else.
    pub fn mode_of(metadata: &Metadata) -> Self {
        Attributes { mode: mode(metadata).filter(|_| metadata.is_file()), ..Attributes::default() }
    }

    /// Only what two sources both permit, for a result that has the content of both.
    pub fn and(self, other: Self) -> Self {
        let mode = self.mode.zip(other.mode).map(|(a, b)| a & b).or(self.mode).or(other.mode);
        Attributes { mode, ..Attributes::default() }
    }

    /// Gives the attributes to a file, as far as this user may.
    #[cfg(unix)]
    pub fn apply(&self, file: &File) -> io::Result<()> {
        let mut group_kept = true;
        if let Some((user, group)) = self.owner {
            // Only root may give a file away: what can't be kept is this user's.
            let _ = unix::fchown(file, Some(Uid::from_raw(user)), None);
            group_kept = unix::fchown(file, None, Some(Gid::from_raw(group))).is_ok();
        }
        // An access control list has rights for the group, too.
        if group_kept {
            self.extended.iter().for_each(|(name, value)| {
                let _ = unix::fsetxattr(file, name.as_slice(), value, unix::XattrFlags::empty());
            });
        }
        #[allow(clippy::useless_conversion)] // it has 16 bits on macOS
        let new_file = 0o666 & !UMASK.get().map_or(0o077, |mask| u32::from(mask.bits()));
        let mode = match self.mode {
            None => new_file,
            // Without owner and times: a result that is made of several sources.
            Some(mode) if self.owner.is_none() => mode & new_file,
            Some(mode) if group_kept => mode,
            // Members of the old group are now among all others, and the new group has no rights.
            Some(mode) => (mode & 0o700) | (mode & mode >> 3 & 0o007),
        };
        unix::fchmod(file, Mode::from_raw_mode(mode as _))?;
        self.times.map_or(Ok(()), |times| file.set_times(times))
    }

    /// Gives the attributes to a file, as far as this user may.
    #[cfg(not(unix))]
    pub fn apply(&self, file: &File) -> io::Result<()> {
        self.times.map_or(Ok(()), |times| file.set_times(times))
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(metadata.mode() & 0o777)
}

#[cfg(unix)]
fn owner(metadata: &Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.uid(), metadata.gid()))
}

#[cfg(not(unix))]
fn mode(_metadata: &Metadata) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn owner(_metadata: &Metadata) -> Option<(u32, u32)> {
    None
}

/// Returns the extended attributes that belong to the content: what users set, and access control
/// lists. Capabilities and security labels are for the file at its place.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn extended(file: &File) -> Vec<(Vec<u8>, Vec<u8>)> {
    const MOST: usize = 1 << 16; // the limit of Linux for a list and for a value
    let mut buffer = vec![0; MOST];
    let Ok(len) = unix::flistxattr(file, &mut buffer) else { return Vec::new() };
    let names = buffer[..len].split(|&byte| byte == 0).filter(|name| belongs_to_content(name));
    let names: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
    let with_value = |name: Vec<u8>| {
        let len = unix::fgetxattr(file, name.as_slice(), &mut buffer).ok()?;
        Some((name, buffer[..len].to_vec()))
    };
    names.into_iter().filter_map(with_value).collect()
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn belongs_to_content(name: &[u8]) -> bool {
    let kept = name.starts_with(b"user.") || name == b"system.posix_acl_access";
    !name.is_empty() && (kept || cfg!(target_vendor = "apple"))
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn extended(_file: &File) -> Vec<(Vec<u8>, Vec<u8>)> {
    Vec::new()
}
