//! Sources: files and standard input.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use anyhow::bail;

/// A source that is open.
pub enum Input {
    Stdin,
    File(File, Metadata),
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
        Ok(Input::File(file, metadata))
    }

    /// Its length in bytes, if that is known beforehand.
    pub fn length(&self) -> Option<u64> {
        self.metadata().filter(|m| m.is_file()).map(Metadata::len)
    }

    /// What the file system says of it.
    pub fn metadata(&self) -> Option<&Metadata> {
        match self {
            Input::Stdin => None,
            Input::File(_, metadata) => Some(metadata),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Stdin => io::stdin().read(buffer),
            Input::File(file, _) => file.read(buffer),
        }
    }
}

/// A source's name in messages.
pub fn display_name(path: &Path) -> Cow<'_, str> {
    if path == Path::new("-") { "(stdin)".into() } else { path.to_string_lossy() }
}
