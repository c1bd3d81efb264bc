//! A run of the command that the test disturbs.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use assert_cmd::cargo::cargo_bin;

use super::folder::{Folder, TINY};

/// A run that has opened its files and begun its work.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Starts the command with a tiny model, and waits until it says how much memory it needs: the
    /// last thing that it does before its work.
    pub fn start(folder: &Folder, args: &str) -> Self {
        let mut command = Command::new(cargo_bin!("lockstep"));
        command.args(TINY).args(["-v", "--device", "cpu", "-T1"]).args(args.split_whitespace());
        Self::spawn(folder, command)
    }

    /// Starts a command of which one line of stderr says "needs".
    pub fn spawn(folder: &Folder, mut command: Command) -> Self {
        command.current_dir(folder.path("")).env_remove("XDG_RUNTIME_DIR");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut run = Running { child, stderr };
        run.wait_for("MiB of memory");
        run
    }

    /// Waits until the run has written `text` to stderr.
    pub fn wait_for(&mut self, text: &str) {
        let mut said = String::new();
        while !said.contains(text) {
            assert!(self.stderr.read_line(&mut said).unwrap() > 0, "ended before it said {text}: {said}");
        }
    }

    /// Writes to the run's standard input, if that is a pipe, and closes it.
    pub fn write_input(&mut self, bytes: &[u8]) {
        self.child.stdin.take().unwrap().write_all(bytes).unwrap();
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status();
        assert!(status.unwrap().success(), "{name}");
    }

    /// Waits for the end; returns the status, and what else was written to stderr.
    pub fn finish(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}
