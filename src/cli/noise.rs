//! Keeps what drivers print off standard error.
//!
//! Searching for adapters and opening them loads libraries that print. Mesa's layer for choosing a
//! Vulkan device asks for a Wayland display wherever a program could show a window, which wgpu always
//! could, and where `XDG_RUNTIME_DIR` is not set, libwayland prints an error on the way. Early
//! versions of lavapipe warn that they are for tests. None of it concerns a program that has no
//! windows and tests each device itself. The only switches are in the environment, which a process
//! can't change safely.

#[cfg(all(target_os = "linux", feature = "gpu"))]
mod redirected {
    use std::any::Any;
    use std::fs::{File, OpenOptions};
    use std::io::{self, Write};
    use std::os::fd::AsFd;
    use std::sync::{Mutex, PoisonError};

    /// Standard error as the process got it, while it leads nowhere, and the number of setups that go on.
    static AWAY: Mutex<Option<(File, usize)>> = Mutex::new(None);

    /// The setup of a device, while it goes on. The last one that ends puts standard error back.
    struct Setup;

    impl Drop for Setup {
        fn drop(&mut self) {
            let mut away = AWAY.lock().unwrap_or_else(PoisonError::into_inner);
            match away.take() {
                Some((stderr, 1)) => drop(rustix::stdio::dup2_stderr(&stderr)),
                Some((stderr, setups)) => *away = Some((stderr, setups - 1)),
                None => {}
            }
        }
    }

    /// Lets standard error lead nowhere until the result is dropped.
    fn begin() -> Box<dyn Any + Send> {
        let mut away = AWAY.lock().unwrap_or_else(PoisonError::into_inner);
        *away = match away.take() {
            Some((stderr, setups)) => Some((stderr, setups + 1)),
            None => redirect().ok().map(|stderr| (stderr, 1)),
        };
        Box::new(Setup)
    }

    fn redirect() -> io::Result<File> {
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stderr(OpenOptions::new().write(true).open("/dev/null")?)?;
        Ok(stderr)
    }

    /// Keeps what drivers print while they are set up off standard error.
    pub fn silence_drivers() {
        lockstep::internals::engine::gpu::setup::during_setup(begin);
    }

    /// Writes to standard error, even while it leads nowhere.
    pub fn write_stderr(line: std::fmt::Arguments<'_>) -> io::Result<()> {
        let mut away = AWAY.lock().unwrap_or_else(PoisonError::into_inner);
        match away.as_mut() {
            Some((stderr, _)) => stderr.write_fmt(line),
            None => io::stderr().write_fmt(line),
        }
    }
}

#[cfg(not(all(target_os = "linux", feature = "gpu")))]
mod redirected {
    use std::io::{self, Write};

    /// Does nothing: only drivers on Linux print while they are set up.
    pub fn silence_drivers() {}

    /// Writes to standard error.
    pub fn write_stderr(line: std::fmt::Arguments<'_>) -> io::Result<()> {
        io::stderr().write_fmt(line)
    }
}

pub use redirected::{silence_drivers, write_stderr};
