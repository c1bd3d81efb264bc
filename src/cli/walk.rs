//! The files to work on: those that are named, those in lists of names, and those in folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{ArgAction, Args};
use walkdir::WalkDir;

use super::exit::{Exit, report, say};
use super::files::{SUFFIX, display_name};

/// Where the files come from.
#[derive(Args, Clone, Debug, Default)]
pub struct SourceOptions {
    /// Files to work on
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take all files in folders, and in the folders of those; but no links, unless -f is given
    #[arg(short, long)]
    recursive: bool,
    /// Take files whose names are in FILE too, one a line (- for standard input)
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    filelist: Vec<PathBuf>,
}

/// The files that were found, and how the search for them ended.
#[derive(Debug)]
pub struct Found {
    pub files: Vec<PathBuf>,
    pub exit: Exit,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// True to find archives in folders, else everything but archives.
    pub archives: bool,
    /// True to follow links in folders.
    pub links: bool,
    pub quiet: u8,
    /// Print what is left out.
    pub verbose: bool,
}

impl SourceOptions {
    /// True if there is no name of any file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.filelist.is_empty()
    }

    /// Finds all files, in a fixed order; `-`, standard input, if there is no name of any.
    pub fn find(&self, search: Search) -> anyhow::Result<Found> {
        let mut names = self.files.clone();
        for list in &self.filelist {
            names.extend(read_list(list)?);
        }
        if self.is_empty() {
            names.push("-".into());
        }
        let mut found = Found { files: Vec::new(), exit: Exit::Done };
        for name in names {
            if self.recursive && name != Path::new("-") && fs::metadata(&name).is_ok_and(|m| m.is_dir()) {
                search.walk(&name, &mut found);
            } else {
                found.files.push(name);
            }
        }
        Ok(found)
    }
}

impl Search {
    /// Adds the files in a folder, sorted by name within each folder.
    fn walk(self, folder: &Path, found: &mut Found) {
        let walk = WalkDir::new(folder).follow_links(self.links).sort_by_file_name();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let name = error.path().unwrap_or(folder).to_owned();
                    let error = error.into_io_error().unwrap_or_else(|| io::Error::other("is in a loop of links"));
                    found.exit = found.exit.max(report(&display_name(&name), self.quiet, Err(error.into())));
                    continue;
                }
            };
            let kind = entry.file_type();
            let is_archive = entry.path().extension().is_some_and(|extension| extension == SUFFIX);
            let why = match () {
                () if kind.is_dir() => continue,
                () if kind.is_symlink() => "a symbolic link (-f takes it)",
                () if !kind.is_file() => "no regular file",
                () if is_archive && !self.archives => "an archive already",
                () if !is_archive && self.archives => "no archive by its name",
                () => {
                    found.files.push(entry.into_path());
                    continue;
                }
            };
            if self.verbose {
                say(format_args!("{} : left out, as it is {why}", display_name(entry.path())));
            }
        }
    }
}

/// Reads a list of names. In it, `-` is a file of that name.
fn read_list(list: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = if list == Path::new("-") { read_stdin() } else { fs::read(list) };
    let text = text.with_context(|| format!("can't read the list {}", display_name(list)))?;
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| if line == b"-" { Ok("./-".into()) } else { name_of(line) }).collect()
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::stdin(), &mut text)?;
    Ok(text)
}

/// Returns the file name that a line holds.
#[cfg(unix)]
fn name_of(line: &[u8]) -> anyhow::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    if line.contains(&0) {
        bail!("the list of names holds a null character");
    }
    Ok(std::ffi::OsStr::from_bytes(line).into())
}

/// Returns the file name that a line holds.
#[cfg(not(unix))]
fn name_of(line: &[u8]) -> anyhow::Result<PathBuf> {
    match std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)) {
        Ok(name) if !name.contains('\0') => Ok(name.into()),
        _ => bail!("the list of names is not text in UTF-8"),
    }
}
