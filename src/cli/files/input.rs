//! Sources: files and standard input.

use std::borrow::Cow;
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read, Seek};
use std::path::Path;
#[cfg(unix)]
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};

use super::holes::FileReader;
use super::output::Source;
use super::{Attributes, Entry, FileId};
use crate::cli::escape::shown;

/// An open source.
pub enum Input {
    Stdin,
    /// A regular file.
    File(Box<InputFile>),
    /// A device or a pipe, or a file whose length the system does not tell.
    Stream(File),
}

/// A regular file, and what it was when it was opened.
pub struct InputFile {
    file: File,
    reader: FileReader,
    metadata: Metadata,
    /// The name under which it was opened.
    entry: Entry,
}

impl Input {
    /// Opens a file, or standard input for `-`. Devices and pipes are read only if that is `expected`:
    /// a result named after one would be no use.
    pub fn open(path: &Path, expected: bool) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            #[cfg(unix)]
            if crate::closed::STDIN.load(Ordering::Relaxed) {
                bail!("standard input is closed");
            }
            return Ok(Input::Stdin);
        }
        // Looks before it opens, as opening a pipe waits for somebody who writes to it.
        let kind = fs::metadata(path)?.file_type();
        if kind.is_dir() {
            bail!("is a directory (-r compresses the files in it, tar -I lockstep packs it)");
        }
        if !kind.is_file() && !expected {
            bail!("is {}, not a regular file (-c, -o or -f reads it all the same)", kind_name(kind));
        }
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        // Some files of /proc have content, but no length.
        let hides_content = metadata.len() == 0 && metadata.is_file() && file.read(&mut [0]).context("can't read")? > 0;
        if hides_content {
            file.rewind()?;
        }
        if hides_content || !metadata.is_file() {
            return Ok(Input::Stream(file));
        }
        let reader = FileReader::new(file.try_clone()?);
        let entry = Entry::open(path)?;
        Ok(Input::File(Box::new(InputFile { file, reader, metadata, entry })))
    }

    /// The length in bytes, if it is known beforehand.
    pub fn length(&self) -> Option<u64> {
        match self {
            Input::File(input) => Some(input.metadata.len()),
            _ => None,
        }
    }

    /// The file, if it can be read at any position.
    pub fn file(&mut self) -> Option<&mut File> {
        match self {
            Input::File(input) => Some(&mut input.file),
            _ => None,
        }
    }

    /// Returns the file, if it can be read at any position.
    pub fn into_file(self) -> Option<File> {
        match self {
            Input::File(input) => Some(input.file),
            _ => None,
        }
    }

    /// What the result gets from this source.
    pub fn source(&self) -> io::Result<Source> {
        Ok(match self {
            Input::File(input) => {
                let InputFile { file, metadata, .. } = &**input;
                Source { attributes: Attributes::of(file, metadata), id: Some(FileId::of(file)?) }
            }
            Input::Stdin | Input::Stream(_) => Source::default(),
        })
    }

    /// Limits reading to `length` bytes from `offset` on.
    pub fn limit(&mut self, offset: u64, length: u64) {
        if let Input::File(input) = self {
            input.reader.limit(offset..offset.saturating_add(length));
        }
    }

    /// Returns true if the file has been written to since it was opened. Fails if it has become shorter,
    /// so that less was read than there was.
    pub fn has_changed(&self) -> anyhow::Result<bool> {
        let Input::File(input) = self else { return Ok(false) };
        let InputFile { file, metadata, .. } = &**input;
        let now = file.metadata()?;
        if now.len() < metadata.len() {
            bail!("became shorter while it was read, so the result is not kept");
        }
        Ok(now.len() > metadata.len() || now.modified()? != metadata.modified()?)
    }

    /// Fails if the source could not be removed in the end: a link is not the file that is read.
    pub fn check_removable(&self) -> anyhow::Result<()> {
        if let Input::File(input) = self
            && input.entry.id()? != Some(FileId::of(&input.file)?)
        {
            bail!("is a link to a file, so --rm can't remove it (give the name of the file itself)");
        }
        Ok(())
    }

    /// Removes the file, if it is still the one that was opened.
    pub fn remove(&self) -> anyhow::Result<()> {
        if let Input::File(input) = self {
            let removed = FileId::of(&input.file).and_then(|id| input.entry.remove(id));
            if !removed.context("can't remove the source")? {
                bail!("the source is not removed: its name belongs to another file now");
            }
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Stdin => io::stdin().read(buffer),
            Input::File(input) => input.reader.read(buffer),
            Input::Stream(file) => file.read(buffer),
        }
    }
}

/// Returns a name for a kind of file that is not regular.
fn kind_name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    let _ = kind;
    "a device"
}

/// Returns a source's name for messages.
pub fn display_name(path: &Path) -> Cow<'_, str> {
    if path == Path::new("-") { "(stdin)".into() } else { shown(path) }
}
