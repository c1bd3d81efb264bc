//! Folders for results, in place of those of their sources.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::escape::shown;

/// Where results go.
#[derive(Args, Clone, Debug, Default)]
pub struct FolderOptions {
    /// Write results to the folder DIR
    #[arg(long, value_name = "DIR", conflicts_with_all = ["stdout", "output"], overrides_with = "output_dir_mirror")]
    output_dir_flat: Option<PathBuf>,
    /// Write results to folders in DIR that are named as those of their sources
    #[arg(long, value_name = "DIR", conflicts_with_all = ["stdout", "output"], overrides_with = "output_dir_flat")]
    output_dir_mirror: Option<PathBuf>,
}

impl FolderOptions {
    /// True if results are not written beside their sources.
    fn is_given(&self) -> bool {
        self.output_dir_flat.is_some() || self.output_dir_mirror.is_some()
    }

    /// Returns the path of a result that would have the path `beside` its source.
    fn path(&self, beside: &Path) -> anyhow::Result<PathBuf> {
        let Some(name) = beside.file_name() else { bail!("the result has no name") };
        Ok(match (&self.output_dir_flat, &self.output_dir_mirror) {
            (Some(flat), _) => flat.join(name),
            (None, Some(mirror)) => mirror.join(inside(beside)?),
            (None, None) => beside.to_owned(),
        })
    }

    /// Returns the path of a result that would have the path `beside` its source; makes its folder.
    pub fn place(&self, beside: PathBuf) -> anyhow::Result<PathBuf> {
        let path = self.path(&beside)?;
        if let Some(flat) = &self.output_dir_flat {
            fs::create_dir_all(flat).with_context(|| format!("can't make the folder {}", shown(&flat)))?;
        }
        if let Some(mirror) = &self.output_dir_mirror {
            let parent = beside.parent().unwrap_or(Path::new(""));
            make_mirror(mirror, parent).with_context(|| format!("can't make the folder of {}", shown(&path)))?;
        }
        Ok(path)
    }

    /// Refuses sources whose results would have one path. `beside` names a source's result.
    pub fn check(&self, sources: &[PathBuf], beside: impl Fn(&Path) -> Option<PathBuf>) -> anyhow::Result<()> {
        if !self.is_given() {
            return Ok(());
        }
        let mut taken = HashMap::new();
        for source in sources.iter().filter(|source| *source != Path::new("-")) {
            // What has no path is refused when its turn comes.
            let Some(path) = beside(source).and_then(|beside| self.path(&beside).ok()) else { continue };
            let name = shown(&path).into_owned();
            if let Some(other) = taken.insert(path, source).filter(|&other| other != source) {
                let advice =
                    if self.output_dir_flat.is_some() { " (--output-dir-mirror keeps their folders)" } else { "" };
                bail!("{} and {} would both become {name}{advice}", shown(&other), shown(&source));
            }
        }
        Ok(())
    }
}

/// Returns a path without what leads out of the folder that it is joined to.
fn inside(path: &Path) -> anyhow::Result<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::ParentDir => bail!("has .. in its path, which --output-dir-mirror can't keep"),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    Ok(inside)
}

/// Makes `mirror`, and in it folders as those of `path`, for the same people.
fn make_mirror(mirror: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(mirror)?;
    let (mut from, mut to) = (PathBuf::new(), mirror.to_owned());
    for component in path.components() {
        from.push(component);
        if let Component::Normal(name) = component {
            to.push(name);
            make_alike(&from, &to)?;
        }
    }
    Ok(())
}

/// Makes the folder `to` with the permissions of `from`, but so that files can be made in it.
fn make_alike(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(fs::metadata(from)?.permissions().mode() & 0o777 | 0o700);
    }
    #[cfg(not(unix))]
    let _ = from;
    match builder.create(to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && to.is_dir() => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_keeps_folders_and_never_leads_out() {
        let mirrored = |path: &str| {
            let options = FolderOptions { output_dir_mirror: Some("out".into()), ..Default::default() };
            options.path(Path::new(path)).ok()
        };
        for (path, inside) in [("a", "out/a"), ("./b/./c", "out/b/c"), ("/d/e", "out/d/e"), ("f//g", "out/f/g")] {
            assert_eq!(mirrored(path), Some(inside.into()), "{path}");
        }
        for outside in ["../a", "a/../../b", "/..", "a/.."] {
            assert_eq!(mirrored(outside), None, "{outside}");
        }
    }
}
