//! Sources: files and standard input.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::bail;

use super::escape::printable;

/// An open source.
pub enum Input {
    Stdin,
    /// A file, its metadata when it was opened, and the bytes that are left to read.
    File {
        file: File,
        metadata: Metadata,
        left: u64,
    },
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Input::Stdin);
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            bail!("is a directory (tar -I lockstep packs directories)");
        }
        Ok(Input::File { file, metadata, left: u64::MAX })
    }

    /// The length in bytes, if it is known beforehand.
    pub fn length(&self) -> Option<u64> {
        self.metadata().filter(|m| m.is_file()).map(Metadata::len)
    }

    /// The metadata when the file was opened.
    pub fn metadata(&self) -> Option<&Metadata> {
        match self {
            Input::Stdin => None,
            Input::File { metadata, .. } => Some(metadata),
        }
    }

    /// The file, if it can be read at any position.
    pub fn file(&mut self) -> Option<&mut File> {
        match self {
            Input::File { file, metadata, .. } if metadata.is_file() => Some(file),
            _ => None,
        }
    }

    /// Limits reading to `length` bytes from `offset` on.
    pub fn limit(&mut self, offset: u64, length: u64) -> io::Result<()> {
        if let Input::File { file, left, .. } = self {
            file.seek(SeekFrom::Start(offset))?;
            *left = length;
        }
        Ok(())
    }

    /// Fails if the file has changed since it was opened.
    pub fn check_unchanged(&self) -> anyhow::Result<()> {
        let Input::File { file, metadata, .. } = self else { return Ok(()) };
        let now = file.metadata()?;
        if metadata.is_file() && (now.len() != metadata.len() || now.modified()? != metadata.modified()?) {
            bail!("changed while it was read, so the archive is not kept");
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Stdin => io::stdin().read(buffer),
            Input::File { file, left, .. } => {
                let len = file.take(*left).read(buffer)?;
                *left -= len as u64;
                Ok(len)
            }
        }
    }
}

/// Returns a source's name for messages.
pub fn display_name(path: &Path) -> Cow<'_, str> {
    if path == Path::new("-") { "(stdin)".into() } else { printable(path.as_os_str()) }
}
