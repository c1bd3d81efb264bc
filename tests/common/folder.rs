//! The command, run in a folder of its own.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use tempfile::TempDir;

/// Flags of a tiny model.
pub const TINY: [&str; 10] =
    ["--layers", "1", "--units", "16", "--embedding", "16", "--streams", "2", "--mixing-memory", "16"];

/// An empty folder to work in.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    /// One with a file in it.
    pub fn with(name: &str, content: &[u8]) -> Self {
        let folder = Folder::new();
        folder.write(name, content);
        folder
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// What a file holds.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Everything there is, hidden or not.
    pub fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The command in this folder, with arguments separated by spaces.
    pub fn lockstep(&self, args: &str) -> Command {
        let mut command = cargo_bin_cmd!("lockstep");
        command.current_dir(self.0.path()).args(args.split_whitespace());
        // Mesa complains on stderr where there is no such folder.
        command.env("XDG_RUNTIME_DIR", self.0.path());
        command
    }

    /// The same, with a tiny model.
    pub fn tiny(&self, args: &str) -> Command {
        let mut command = self.lockstep("");
        command.args(TINY).args(args.split_whitespace());
        command
    }

    /// Training of a tiny model.
    pub fn tiny_train(&self, args: &str) -> Command {
        let mut command = self.lockstep("train");
        command.args(TINY).args(args.split_whitespace());
        command
    }

    /// Makes an archive of a file.
    pub fn pack(&self, name: &str) {
        self.tiny("-q").arg(name).assert().success();
    }
}
