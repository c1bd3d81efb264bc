//! Runs the command in a temporary folder.

use std::fs;
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::{Arc, atomic::AtomicBool};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use tempfile::TempDir;

/// The flags of a tiny model. Rich mixing, the default, takes several times as long as
/// light mixing, so tests that are not about mixing do without it.
pub const TINY: [&str; 6] =
    ["--layers=1", "--units=16", "--embedding=16", "--streams=2", "--mixing=light", "--mixing-memory=16"];

/// Lets signals end the processes that this one starts, even where it was itself started
/// with some of them ignored (`nohup ... &`): a child would inherit that, but for a signal
/// that has a handler here it starts with the default action.
#[cfg(unix)]
pub fn default_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ] {
        let always = Arc::new(AtomicBool::new(true));
        signal_hook::flag::register_conditional_default(signal, always).unwrap();
    }
}

/// A temporary folder, deleted when dropped.
pub struct Folder(TempDir);

impl Folder {
    /// Creates an empty folder.
    pub fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    /// Creates a folder with one file in it.
    pub fn with(name: &str, content: &[u8]) -> Self {
        let folder = Folder::new();
        folder.write(name, content);
        folder
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The content of a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The sorted names of all files, hidden ones included.
    pub fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Runs a shell script in the folder; `$lockstep` is the command, `$tiny` the flags of a tiny model.
    #[cfg(unix)]
    pub fn shell(&self, text: &str) -> std::process::Output {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", text]).current_dir(self.0.path());
        command.env("lockstep", assert_cmd::cargo::cargo_bin!("lockstep")).env("tiny", TINY.join(" "));
        command.output().unwrap()
    }

    /// The command, to be run in this folder, with arguments separated by spaces.
    pub fn lockstep(&self, args: &str) -> Command {
        let mut command = cargo_bin_cmd!("lockstep");
        command.current_dir(self.0.path()).args(args.split_whitespace());
        command.env_remove("LOCKSTEP_LEVEL").env_remove("LOCKSTEP_THREADS");
        // Without such a folder, Mesa prints a warning to stderr, which must not reach the user.
        command.env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// Like [`Self::lockstep`], but with a tiny model.
    pub fn tiny(&self, args: &str) -> Command {
        let mut command = self.lockstep("");
        command.args(TINY).args(args.split_whitespace());
        command
    }

    /// The `train` command with a tiny model.
    pub fn tiny_train(&self, args: &str) -> Command {
        let mut command = self.lockstep("train");
        command.args(TINY).args(args.split_whitespace());
        command
    }

    /// Compresses a file with a tiny model.
    pub fn pack(&self, name: &str) {
        self.tiny("-q").arg(name).assert().success();
    }
}

/// What a process wrote to stderr.
pub fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
