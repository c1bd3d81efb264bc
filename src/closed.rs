//! Standard descriptors that were closed when the process started.
//!
//! Rust opens /dev/null in their place before `main`, so that writing to a closed standard output
//! succeeds, and nothing is written. Only what runs before that can tell.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::fcntl_getfd;
use rustix::stdio::{stdin, stdout};

/// True if standard input was closed.
pub static STDIN: AtomicBool = AtomicBool::new(false);
/// True if standard output was closed.
pub static STDOUT: AtomicBool = AtomicBool::new(false);

// Makes two system calls and sets two flags; nothing of the standard library needs to be ready for that.
#[ctor::ctor(unsafe)]
fn note_closed_descriptors() {
    STDIN.store(fcntl_getfd(stdin()).is_err(), Ordering::Relaxed);
    STDOUT.store(fcntl_getfd(stdout()).is_err(), Ordering::Relaxed);
}
