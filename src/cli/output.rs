//! Results: complete files, standard output, or nowhere.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::{Builder, NamedTempFile};

use super::interrupt;

/// A result on its way.
pub enum Output {
    /// Standard output.
    Stdout(StdoutLock<'static>),
    /// A device or pipe in the file system, written as it is.
    Special(File),
    /// A file that gets its name when it is complete.
    File { temporary: NamedTempFile, path: PathBuf, overwrite: bool },
    /// Nothing is kept.
    Nowhere,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Output::Stdout(io::stdout().lock())
    }

    /// A file at `path`; one that exists is only replaced if `overwrite` allows it.
    pub fn file(path: &Path, source: &Path, overwrite: bool) -> anyhow::Result<Self> {
        let name = path.display();
        match fs::metadata(path) {
            Ok(existing) if existing.is_dir() => bail!("the output {name} is a directory"),
            Ok(existing) if !existing.is_file() => {
                let file = OpenOptions::new().write(true).open(path).with_context(|| format!("can't open {name}"))?;
                return Ok(Output::Special(file));
            }
            Ok(_) if same_file(path, source) => bail!("the output {name} is the input"),
            Ok(_) if !overwrite => bail!("{name} exists already (-f overwrites it)"),
            _ => {}
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut builder = Builder::new();
        builder.prefix(".lockstep-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
        }
        let temporary = interrupt::create(&builder, folder).with_context(|| format!("can't create {name}"))?;
        Ok(Output::File { temporary, path: path.to_owned(), overwrite })
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        match self {
            Output::Stdout(_) => "(stdout)".into(),
            Output::Special(_) => "(device)".into(),
            Output::File { path, .. } => path.display().to_string(),
            Output::Nowhere => "nothing".into(),
        }
    }

    /// Makes a file visible, with permissions and time of its source, which
    /// may be removed then.
    pub fn complete(self, source: &Path, metadata: Option<&Metadata>, remove: bool) -> anyhow::Result<()> {
        let Output::File { temporary, path, overwrite } = self else { return Ok(()) };
        let metadata = metadata.filter(|m| m.is_file());
        if let Some(metadata) = metadata {
            copy_attributes(temporary.as_file(), metadata).context("can't copy permissions and time")?;
        }
        interrupt::persist(temporary, &path, overwrite).with_context(|| format!("can't write {}", path.display()))?;
        if remove && metadata.is_some() {
            fs::remove_file(source).context("can't remove the source")?;
        }
        Ok(())
    }
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
            Output::Special(file) => file.write(bytes),
            Output::File { temporary, .. } => temporary.write(bytes),
            Output::Nowhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(stdout) => stdout.flush(),
            Output::Special(file) => file.flush(),
            Output::File { temporary, .. } => temporary.flush(),
            Output::Nowhere => Ok(()),
        }
    }
}

/// `FILE` becomes `FILE.lks`.
pub fn archive_name(source: &Path) -> PathBuf {
    let mut name = source.as_os_str().to_owned();
    name.push(".lks");
    name.into()
}

/// `FILE.lks` becomes `FILE`.
pub fn content_name(archive: &Path) -> anyhow::Result<PathBuf> {
    if archive.extension() != Some(OsStr::new("lks")) {
        bail!("its name does not end in .lks, so what to call the content? (-o names it, -c writes it to stdout)");
    }
    Ok(archive.with_extension(""))
}
