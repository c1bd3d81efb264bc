//! Sources: files and standard input.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::bail;

/// A source that is open.
pub enum Input {
    Stdin,
    /// A file, what was said of it when it was opened, and how much of it is left to read.
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

    /// Its length in bytes, if that is known beforehand.
    pub fn length(&self) -> Option<u64> {
        self.metadata().filter(|m| m.is_file()).map(Metadata::len)
    }

    /// What the file system says of it.
    pub fn metadata(&self) -> Option<&Metadata> {
        match self {
            Input::Stdin => None,
            Input::File { metadata, .. } => Some(metadata),
        }
    }

    /// The file itself, if it is one that can be read at any place.
    pub fn file(&mut self) -> Option<&mut File> {
        match self {
            Input::File { file, metadata, .. } if metadata.is_file() => Some(file),
            _ => None,
        }
    }

    /// Reads only `length` bytes from `offset` on.
    pub fn limit(&mut self, offset: u64, length: u64) -> io::Result<()> {
        if let Input::File { file, left, .. } = self {
            file.seek(SeekFrom::Start(offset))?;
            *left = length;
        }
        Ok(())
    }

    /// Complains if a file is not what it was when it was opened.
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

/// A source's name in messages.
pub fn display_name(path: &Path) -> Cow<'_, str> {
    if path == Path::new("-") { "(stdin)".into() } else { path.to_string_lossy() }
}
