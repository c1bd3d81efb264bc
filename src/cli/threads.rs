//! The number of threads.

use clap::Args;

use super::environment;

/// How many threads of the CPU are used.
#[derive(Args, Clone, Copy, Debug)]
pub struct ThreadOptions {
    /// Threads of the CPU; 0 for one a core [default: 0, or LOCKSTEP_THREADS]
    #[arg(short = 'T', long, value_name = "N", overrides_with = "single_thread")]
    threads: Option<u16>,
    /// Use one thread, as -T1
    #[arg(long, hide = true, overrides_with = "threads")]
    single_thread: bool,
}

impl ThreadOptions {
    /// Returns the number of threads; 0 stands for one a core.
    pub fn count(self, quiet: bool) -> u16 {
        match self.threads {
            _ if self.single_thread => 1,
            Some(threads) => threads,
            None => environment::threads(quiet).unwrap_or(0),
        }
    }
}
