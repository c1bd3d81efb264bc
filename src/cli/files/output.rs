//! Results: complete files, standard output, or nowhere.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Stdout, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::holes::FileReader;
use super::new_file::Published;
use super::sparse::SparseWriter;
use super::{Attributes, Entry, FileId, NewFile, Part, Protected, Target, folder};
use crate::cli::checkpoint::{Checkpoint, Found, starts_with};
use crate::cli::escape::shown;
use crate::cli::sizes::Share;

/// The end of an archive's name, after a dot.
pub const SUFFIX: &str = "lks";

/// A result that is being written.
pub enum Output {
    /// Standard output.
    Stdout(Stdout),
    /// A device, a pipe or an open descriptor, written in place.
    Through(File),
    /// A file that gets its name when it is complete.
    File { writer: SparseWriter, new: NewFile, plan: FilePlan },
    /// A partial file that outlives the run, for a later one to continue.
    Part { writer: SparseWriter, part: Part, target: Entry, plan: FilePlan },
    /// Nothing is kept.
    Nowhere,
}

/// What is known of a file that is to be written.
pub struct FilePlan {
    /// The file that has its name now and may be replaced.
    existing: Option<FileId>,
    /// The path as it was given.
    path: PathBuf,
    attributes: Attributes,
}

/// What a result gets from its source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The attributes of the result.
    pub attributes: Attributes,
    /// The file that the result must not replace.
    pub id: Option<FileId>,
}

/// How a result is written.
#[derive(Clone, Copy, Default)]
pub struct Writing<'a> {
    /// Files may be replaced.
    pub overwrite: bool,
    /// Runs of zeros become holes.
    pub sparse: bool,
    /// The length, if it is known.
    pub length: Option<u64>,
    /// Files that must not be replaced, besides the source.
    pub protected: &'a [Protected],
}

impl Output {
    /// Standard output.
    pub fn stdout() -> anyhow::Result<Self> {
        check_stdout()?;
        Ok(Output::Stdout(io::stdout()))
    }

    /// A file at `path`.
    pub fn file(path: &Path, source: &Source, writing: Writing<'_>) -> anyhow::Result<Self> {
        let (entry, existing) = match open_target(path, source, writing)? {
            Target::Stdout => return Output::stdout(),
            Target::Through(file) => return Ok(Output::Through(file)),
            Target::File { entry, existing } => (entry, existing),
        };
        check_space(&entry, writing)?;
        let new = NewFile::create(entry).with_context(|| format!("can't create {}", shown(&path)))?;
        let writer = SparseWriter::new(new.file().try_clone()?, 0, writing.sparse);
        let plan = FilePlan { existing, path: path.to_owned(), attributes: source.attributes.clone() };
        Ok(Output::File { writer, new, plan })
    }

    /// A file at `path` with a checkpoint beside it, continued if an earlier run left it; nothing if
    /// that run was complete.
    pub fn resumable(
        path: &Path,
        source: &Source,
        writing: Writing<'_>,
        plan: CheckpointPlan<'_>,
    ) -> anyhow::Result<Option<(Self, Checkpoint)>> {
        let CheckpointPlan { file, job, interval } = plan;
        let side = file.map_or_else(|| with_suffix(path, ".checkpoint"), Path::to_owned);
        let found = Checkpoint::find(&side, job)?;
        let partial = with_suffix(path, ".lockstep-part");
        if let Found::State { written, .. } = &found
            && !partial.exists()
        {
            if starts_with(path, *written) {
                found.remove(&side).context("can't remove the checkpoint")?;
                return Ok(None);
            }
            let (side, partial) = (shown(&side), shown(&partial));
            bail!("there is a checkpoint, {side}, but not the partial output {partial} (remove it to start anew)");
        }
        let Target::File { entry, existing } = open_target(path, source, writing)? else {
            bail!("--checkpoint needs an output that is a file");
        };
        if entry.path() != path {
            bail!("--checkpoint needs the name of a file: {} is a link to one", shown(&path));
        }
        let written = match &found {
            Found::State { written, .. } => written.len,
            Found::Nothing => 0,
        };
        let left = Writing { length: writing.length.map(|length| length.saturating_sub(written)), ..writing };
        check_space(&entry, left)?;
        Checkpoint::check_place(&side)?;
        let mut part = Part::open(&partial)?;
        if written > part.file().metadata()?.len() {
            let (side, partial) = (shown(&side), shown(&partial));
            bail!("{partial} is shorter than its checkpoint says (remove {side} to start anew)");
        }
        part.cut(written)?;
        let checkpoint = Checkpoint::new(side, job, part.file().try_clone()?, interval, found);
        let writer = SparseWriter::new(part.file().try_clone()?, written, writing.sparse);
        let plan = FilePlan { existing, path: path.to_owned(), attributes: source.attributes.clone() };
        Ok(Some((Output::Part { writer, part, target: entry, plan }, checkpoint)))
    }

    /// Removes the output of a run that failed, unless a checkpoint belongs to it.
    pub fn abandon(self, checkpoint: Option<&Checkpoint>) {
        if let (Output::Part { part, .. }, false) = (&self, checkpoint.is_some_and(Checkpoint::is_there)) {
            let _ = part.remove();
        }
    }

    /// The file, at its end, if the result is one that can be read and extended.
    pub fn file_mut(&mut self) -> io::Result<Option<&mut File>> {
        match self {
            Output::File { writer, .. } | Output::Part { writer, .. } => writer.file_mut().map(Some),
            _ => Ok(None),
        }
    }

    /// Opens the result so far, from its start.
    pub fn reopen(&mut self) -> anyhow::Result<FileReader> {
        let Some(file) = self.file_mut()? else { bail!("only a file can be read again") };
        Ok(FileReader::new(file.try_clone()?))
    }

    /// The name of the output in messages.
    pub fn name(&self) -> String {
        match self {
            Output::Stdout(_) => "(stdout)".into(),
            Output::Through(_) => "(device)".into(),
            Output::File { plan, .. } | Output::Part { plan, .. } => shown(&plan.path).into_owned(),
            Output::Nowhere => "nothing".into(),
        }
    }

    /// Completes a file: gives it the attributes of its source, syncs it to disk and gives it its name.
    pub fn complete(self) -> anyhow::Result<Completed> {
        match self {
            Output::Stdout(_) | Output::Through(_) | Output::Nowhere => Ok(Completed::NoFile),
            Output::File { mut writer, new, plan } => {
                let cannot_write = || format!("can't write {}", shown(&plan.path));
                finish(&mut writer, &plan.attributes).with_context(cannot_write)?;
                Ok(match new.publish(plan.existing).with_context(cannot_write)? {
                    Published::AsNamed => Completed::AsNamed,
                    Published::Beside(other) => Completed::Beside(other),
                })
            }
            Output::Part { mut writer, part, target, plan } => {
                let name = shown(&plan.path);
                let cannot_write = || format!("can't write {name}");
                writer.complete().with_context(cannot_write)?;
                let there = target.id().with_context(cannot_write)?;
                if there.is_some() && there != plan.existing {
                    bail!("{name} appeared meanwhile; the result is in {}", shown(part.path()));
                }
                finish(&mut writer, &plan.attributes).with_context(cannot_write)?;
                let published = part.publish(&target, plan.existing).and_then(|()| target.sync());
                published.with_context(cannot_write)?;
                Ok(Completed::AsNamed)
            }
        }
    }
}

/// Where a complete result is.
#[derive(Debug, PartialEq, Eq)]
pub enum Completed {
    /// Not in a file of its own.
    NoFile,
    /// Under the name that was asked for.
    AsNamed,
    /// Under this name, because the one that was asked for belongs to a file that appeared meanwhile.
    Beside(PathBuf),
}

impl Completed {
    /// Fails if the result has another name than was asked for.
    pub fn into_named(self) -> anyhow::Result<()> {
        match self {
            Completed::Beside(other) => {
                bail!("another file of this name appeared meanwhile; the result is in {}", shown(&other))
            }
            _ => Ok(()),
        }
    }
}

/// Fails if standard output is closed: what is written there then vanishes without an error.
pub fn check_stdout() -> anyhow::Result<()> {
    #[cfg(unix)]
    if crate::closed::STDOUT.load(std::sync::atomic::Ordering::Relaxed) {
        bail!("standard output is closed");
    }
    Ok(())
}

fn finish(writer: &mut SparseWriter, attributes: &Attributes) -> io::Result<()> {
    writer.complete()?;
    attributes.apply(writer.file())?;
    writer.file().sync_all()
}

fn open_target(path: &Path, source: &Source, writing: Writing<'_>) -> anyhow::Result<Target> {
    let mut protected = vec![Protected { id: source.id, role: "the input" }];
    protected.extend(writing.protected);
    Target::open(path, writing.overwrite, &protected)
}

/// Refuses a file that the file system has no room for.
fn check_space(target: &Entry, writing: Writing<'_>) -> anyhow::Result<()> {
    #[cfg(unix)]
    if let (Some(length), false) = (writing.length, writing.overwrite) {
        let system = rustix::fs::statvfs(folder(target.path()))?;
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        // Some file systems do not say how large they are.
        if system.f_blocks > 0 && free < length {
            let name = shown(target.path());
            bail!(
                "{name} will have {length} bytes, but {free} are free (-f writes it all the same, with holes for zeros)"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = (target, writing);
    Ok(())
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

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(stdout) => stdout.write(bytes),
            Output::Through(file) => file.write(bytes),
            Output::File { writer, .. } | Output::Part { writer, .. } => writer.write(bytes),
            Output::Nowhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(stdout) => stdout.flush(),
            Output::Through(file) => file.flush(),
            Output::File { writer, .. } | Output::Part { writer, .. } => writer.flush(),
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
