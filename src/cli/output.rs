//! Results: complete files, standard output, or nowhere.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom, Stdout, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::{Builder, NamedTempFile};

use super::checkpoint::{Checkpoint, Found, folder, starts_with, sync_folder};
use super::interrupt;
use super::sizes::Share;

/// The end of an archive's name, after a dot.
pub const SUFFIX: &str = "lks";

/// A result that is being written.
pub enum Output {
    /// Standard output.
    Stdout(Stdout),
    /// A device or pipe in the file system, written in place.
    Special(File),
    /// A temporary file, renamed when it is complete.
    File { temporary: NamedTempFile, path: PathBuf, overwrite: bool },
    /// A partial file that outlives the run, for a later one to continue.
    Part { file: File, part: PathBuf, path: PathBuf, overwrite: bool },
    /// Nothing is kept.
    Nowhere,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Output::Stdout(io::stdout())
    }

    /// A file at `path`; an existing one is replaced only if `overwrite` is set.
    pub fn file(path: &Path, source: &Path, overwrite: bool) -> anyhow::Result<Self> {
        if let Some(special) = check_target(path, source, overwrite)? {
            return Ok(Output::Special(special));
        }
        let mut builder = Builder::new();
        builder.prefix(".lockstep-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
        }
        let name = path.display();
        let temporary = interrupt::create(&builder, folder(path)).with_context(|| format!("can't create {name}"))?;
        Ok(Output::File { temporary, path: path.to_owned(), overwrite })
    }

    /// A file at `path` with a checkpoint beside it, continued if an earlier run left it; nothing if
    /// that run was complete.
    pub fn resumable(
        path: &Path,
        source: &Path,
        overwrite: bool,
        plan: CheckpointPlan<'_>,
    ) -> anyhow::Result<Option<(Self, Checkpoint)>> {
        let CheckpointPlan { file, job, interval } = plan;
        let side = file.map_or_else(|| with_suffix(path, ".checkpoint"), Path::to_owned);
        let part = with_suffix(path, ".lockstep-part");
        let found = Checkpoint::find(&side, job)?;
        match found {
            Found::State(written) if !part.exists() && starts_with(path, written) => {
                fs::remove_file(&side).context("can't remove the checkpoint")?;
                return Ok(None);
            }
            Found::State(_) if !part.exists() => bail!(
                "there is a checkpoint, {}, but not the partial output {} (remove it to start anew)",
                side.display(),
                part.display()
            ),
            _ => {}
        }
        if check_target(path, source, overwrite)?.is_some() {
            bail!("--checkpoint needs an output that is a file");
        }
        let name = part.display();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&part);
        let mut file = file.with_context(|| format!("can't create {name}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => bail!("another run of lockstep is working on {name}"),
            Err(fs::TryLockError::Error(error)) => return Err(error).with_context(|| format!("can't lock {name}")),
        }
        let len = file.metadata()?.len();
        let written = match found {
            Found::State(written) if written.len > len => {
                bail!("{name} is shorter than its checkpoint says (remove {} to start anew)", side.display())
            }
            Found::State(written) => written.len,
            Found::Nothing => 0,
        };
        file.set_len(written)?;
        file.seek(SeekFrom::End(0))?;
        let checkpoint = Checkpoint::new(side, job, file.try_clone()?, part.clone(), interval, found);
        Ok(Some((Output::Part { file, part, path: path.to_owned(), overwrite }, checkpoint)))
    }

    /// Removes the output of a run that failed, unless a checkpoint belongs to it.
    pub fn abandon(self, checkpoint: Option<&Checkpoint>) {
        if let (Output::Part { part, .. }, false) = (&self, checkpoint.is_some_and(Checkpoint::is_there)) {
            let _ = fs::remove_file(part);
        }
    }

    /// Opens the result so far, from its start.
    pub fn reopen(&self) -> anyhow::Result<File> {
        match self {
            Output::File { temporary, .. } => Ok(temporary.reopen()?),
            Output::Part { part, .. } => Ok(File::open(part)?),
            _ => bail!("only a file can be verified"),
        }
    }

    /// The name of the output in messages.
    pub fn name(&self) -> String {
        match self {
            Output::Stdout(_) => "(stdout)".into(),
            Output::Special(_) => "(device)".into(),
            Output::File { path, .. } | Output::Part { path, .. } => path.display().to_string(),
            Output::Nowhere => "nothing".into(),
        }
    }

    /// Completes a file: syncs it to disk, gives it its name and the permissions and time of its
    /// source, and removes the source if that is asked for.
    pub fn complete(self, source: &Path, metadata: Option<&Metadata>, remove: bool) -> anyhow::Result<()> {
        let (file, path) = match &self {
            Output::File { temporary, path, .. } => (temporary.as_file(), path),
            Output::Part { file, path, .. } => (file, path),
            Output::Stdout(_) | Output::Special(_) | Output::Nowhere => return Ok(()),
        };
        let (path, name) = (path.clone(), path.display().to_string());
        let metadata = metadata.filter(|m| m.is_file());
        if let Some(metadata) = metadata {
            copy_attributes(file, metadata).context("can't copy permissions and time")?;
        }
        file.sync_all().with_context(|| format!("can't write {name}"))?;
        let named = match self {
            Output::File { temporary, path, overwrite } => interrupt::persist(temporary, &path, overwrite),
            Output::Part { path, overwrite: false, .. } if path.exists() => Err(io::ErrorKind::AlreadyExists.into()),
            Output::Part { part, path, .. } => fs::rename(part, path),
            Output::Stdout(_) | Output::Special(_) | Output::Nowhere => Ok(()),
        };
        named.and_then(|()| sync_folder(&path)).with_context(|| format!("can't write {name}"))?;
        if remove && metadata.is_some() {
            fs::remove_file(source).context("can't remove the source")?;
        }
        Ok(())
    }
}

/// Where and when a run's state is saved.
pub struct CheckpointPlan<'a> {
    /// The checkpoint file; `None` for one beside the output.
    pub file: Option<&'a Path>,
    /// Everything that decides the output's bytes.
    pub job: &'a str,
    /// Time between two checkpoints.
    pub interval: Duration,
}

/// Refuses targets that can't be written to; opens one that is no regular file, to be written in place.
fn check_target(path: &Path, source: &Path, overwrite: bool) -> anyhow::Result<Option<File>> {
    let name = path.display();
    match fs::metadata(path) {
        Ok(existing) if existing.is_dir() => bail!("the output {name} is a directory"),
        Ok(existing) if !existing.is_file() => {
            let file = OpenOptions::new().write(true).open(path);
            Ok(Some(file.with_context(|| format!("can't open {name}"))?))
        }
        Ok(_) if same_file(path, source) => bail!("the output {name} is the input"),
        Ok(_) if !overwrite => bail!("{name} exists already (-f overwrites it)"),
        _ => Ok(None),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn copy_attributes(file: &File, source: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = source.permissions().mode() & 0o777; // no set-user-id on other content
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.set_modified(source.modified()?)
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(stdout) => stdout.write(bytes),
            Output::Special(file) | Output::Part { file, .. } => file.write(bytes),
            Output::File { temporary, .. } => temporary.write(bytes),
            Output::Nowhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(stdout) => stdout.flush(),
            Output::Special(file) | Output::Part { file, .. } => file.flush(),
            Output::File { temporary, .. } => temporary.flush(),
            Output::Nowhere => Ok(()),
        }
    }
}

/// Returns the archive's name: `FILE.lks`, or `FILE.lks.3-of-8` for a part of `FILE`.
pub fn archive_name(source: &Path, share: Option<Share>) -> PathBuf {
    let archive = with_suffix(source, &format!(".{SUFFIX}"));
    match share {
        None => archive,
        Some(Share { part, parts }) => {
            let width = parts.to_string().len();
            with_suffix(&archive, &format!(".{part:0width$}-of-{parts}"))
        }
    }
}

/// Returns the content's name: `FILE` for `FILE.lks`.
pub fn content_name(archive: &Path) -> anyhow::Result<PathBuf> {
    if archive.extension() != Some(OsStr::new(SUFFIX)) {
        bail!("its name does not end in .lks, so the content has no name (-o names it, -c writes it to stdout)");
    }
    Ok(archive.with_extension(""))
}
