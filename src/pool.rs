//! The threads that a job runs on.

use crate::Error;
use crate::options::Options;

/// A rayon pool of a job's own, or the caller's.
#[cfg(not(target_family = "wasm"))]
pub struct Pool(Option<rayon::ThreadPool>);

#[cfg(not(target_family = "wasm"))]
impl Pool {
    /// Starts the threads that the options ask for, if they ask for any.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let start = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = options.chosen_threads().map(start).transpose();
        pool.map(Pool).map_err(|error| Error::Threads(error.to_string()))
    }

    /// Runs `work` on the pool.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// A target without threads: everything runs on the caller's.
#[cfg(target_family = "wasm")]
pub struct Pool;

#[cfg(target_family = "wasm")]
impl Pool {
    /// Starts nothing.
    pub fn new(_: &Options) -> Result<Self, Error> {
        Ok(Pool)
    }

    /// Runs `work`.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// Runs `work` on a pool of `threads` threads, or on the caller's thread on a target without any.
#[cfg(test)]
pub fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    Pool::new(&Options::default().threads(threads)).unwrap().run(work)
}
